"""The user's own files: every format gives the same frames, and says what is wrong with it."""

import builtins
import importlib
import tracemalloc
import warnings

import h5py
import mdtraj
import numpy as np
import pytest

from cgpipe.config.reference import FilesReferenceSection
from cgpipe.data.engine_files import open_files
from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import from_mdtraj
from cgpipe.data.trajectory import normalised_weights
from cgpipe.errors import ConfigError, DataError

mdanalysis = pytest.importorskip("MDAnalysis")

_BOX = [9.0, 9.0, 9.0, 90.0, 90.0, 90.0]
_DECLARED = {"length_unit": "nm", "force_unit": "kJ/mol/nm"}
_REAL = {"length_unit": "angstrom", "force_unit": "kcal/mol/angstrom"}
"""Unit style `real` of LAMMPS."""
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"
)  # of MDAnalysis, about files it failed to open and about what its writers do


@pytest.fixture
def pdb(tmp_path):
    """Alanine without hydrogen, five atoms."""
    topology = mdtraj.Topology()
    residue = topology.add_residue("ALA", topology.add_chain())
    for name in ("N", "CA", "C", "O", "CB"):
        topology.add_atom(name, mdtraj.element.Element.getBySymbol(name[0]), residue)
    mdtraj.Trajectory(np.zeros((1, 5, 3)), topology).save_pdb(str(tmp_path / "top.pdb"))
    return tmp_path / "top.pdb"


def _frames(seed=0, n_frames=12):
    """Positions in nm and forces in kJ/mol/nm, float32."""
    rng = np.random.default_rng(seed)
    positions = 0.5 + 0.1 * rng.standard_normal((n_frames, 5, 3))
    return positions.astype(np.float32), (700 * rng.standard_normal((n_frames, 5, 3))).astype(np.float32)


def _npz(path, positions, forces, key="positions", save=np.savez):
    arrays = {key: positions} if forces is None else {key: positions, "forces": forces}
    save(path, **arrays)


def _coordinates_npz(path, positions, forces):
    _npz(path, positions, forces, key="coordinates", save=np.savez_compressed)


def _npy(path, positions, forces):
    np.save(path, positions)
    if forces is not None:
        np.save(path.with_suffix(".forces.npy"), forces)


def _own_h5md(path, positions, forces, log_weights=None):
    topology = from_mdtraj(mdtraj.load_topology(str(path.parent / "top.pdb")))
    with create_h5md(path, topology, frame_interval=1.0, provenance={}) as writer:
        writer.append(positions, forces, log_weights)


def _foreign_h5md(path, positions, forces):
    """As MDAnalysis writes it: angstrom and kJ/mol/angstrom."""
    units = {"timeunit": "ps", "lengthunit": "Angstrom"} | (
        {} if forces is None else {"forceunit": "kJ/(mol*Angstrom)"}
    )
    _by_mdanalysis(path, positions * 10.0, None if forces is None else forces / 10.0, **units)


def _trr(path, positions, forces):
    """In the units of GROMACS, which are ours."""
    identity = np.eye(3, dtype=np.float32)
    with importlib.import_module("MDAnalysis.lib.formats.libmdaxdr").TRRFile(str(path), "w") as file:
        for k, frame in enumerate(positions):
            file.write(frame, None, None if forces is None else forces[k], identity, k, float(k), 0.0, 5)


def _netcdf(path, positions, forces):
    """In the units of AMBER, which MDAnalysis is told not to convert."""
    _by_mdanalysis(path, positions * 10.0, None if forces is None else forces / 41.84, convert_units=False)


def _by_mdanalysis(path, positions, forces, **options):
    universe = mdanalysis.Universe.empty(5, trajectory=True, forces=forces is not None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mdanalysis.Writer(str(path), 5, forces=forces is not None, velocities=False, **options) as writer:
            for k, frame in enumerate(positions):
                universe.atoms.positions = frame
                universe.dimensions = _BOX
                if forces is not None:
                    universe.atoms.forces = forces[k]
                writer.write(universe.atoms)


def _lammps(path, positions, forces, low=0.0):
    """Unit style `real`, atoms in the order in which processes wrote them, box from `low`."""
    columns = "id x y z" if forces is None else "id x y z fx fy fz"
    lines = []
    for k, frame in enumerate(positions):
        lines += ["ITEM: TIMESTEP", k, "ITEM: NUMBER OF ATOMS", 5, "ITEM: BOX BOUNDS pp pp pp"]
        lines += [f"{low} {low + 9.0}"] * 3 + [f"ITEM: ATOMS {columns}"]
        for atom in (3, 0, 4, 2, 1):
            values = [*(10.0 * frame[atom] + low)] + ([] if forces is None else [*(forces[k, atom] / 41.84)])
            lines.append(" ".join([str(atom + 1), *(repr(float(value)) for value in values)]))
    path.write_text("\n".join(map(str, lines)) + "\n")


_FORMATS = {
    "positions.npz": (_npz, _DECLARED),
    "coordinates.npz": (_coordinates_npz, _DECLARED),
    "t.npy": (_npy, _DECLARED),
    "own.h5md": (_own_h5md, {}),
    "foreign.h5md": (_foreign_h5md, {}),
    "t.trr": (_trr, {}),
    "t.nc": (_netcdf, {}),
    "t.dump": (_lammps, _REAL),
}
_EXACT = {"positions.npz", "coordinates.npz", "t.npy", "own.h5md", "t.trr"}
"""Formats that hold our units."""


@pytest.fixture
def section(pdb):
    def section(*paths, **settings):
        forces = [str(path.with_suffix(".forces.npy")) for path in paths if path.suffix == ".npy"]
        forces = [name for name in forces if pdb.parent.joinpath(name).exists()]
        settings = {"forces": forces, **settings}
        names = [str(path) for path in paths]
        return FilesReferenceSection(
            kind="files", topology=str(pdb), trajectories=names, temperature_K=300, frame_interval_ps=1.0, **settings
        )

    return section


@pytest.fixture(params=_FORMATS)
def written(request, pdb):
    """Writer, path and declared units of each format."""
    writer, units = _FORMATS[request.param]
    return writer, pdb.parent / request.param, units


class TestFormats:
    def test_frames_come_in_our_units(self, written, section):
        writer, path, units = written
        positions, forces = _frames()
        writer(path, positions, forces)
        source = open_files(section(path, **units))
        assert source.lengths == (12,)
        assert source.topology.names == ("N", "CA", "C", "O", "CB")
        frames = source.read(0, 0, 12)
        tolerance = 0 if path.name in _EXACT else 5e-7
        np.testing.assert_allclose(frames.positions, positions, rtol=tolerance)
        np.testing.assert_allclose(frames.forces, forces, rtol=tolerance)

    def test_pieces_may_be_read_in_any_order(self, written, section):
        writer, path, units = written
        positions, forces = _frames()
        writer(path, positions, forces)
        source = open_files(section(path, **units))
        for start, stop in ((8, 12), (0, 3), (3, 4), (2, 9)):
            piece = source.read(0, start, stop)
            np.testing.assert_allclose(piece.positions, positions[start:stop], rtol=5e-7)
            np.testing.assert_allclose(piece.forces, forces[start:stop], rtol=5e-7)

    def test_several_files_are_several_trajectories(self, written, section):
        writer, path, units = written
        paths = [path.with_name(f"{k}{path.suffix}") for k in range(2)]
        for k, one in enumerate(paths):
            writer(one, *_frames(seed=k, n_frames=4 + k))
        source = open_files(section(*paths, **units))
        assert source.lengths == (4, 5)
        np.testing.assert_allclose(source.read(1, 4, 5).positions, _frames(seed=1, n_frames=5)[0][4:], rtol=5e-7)

    def test_missing_forces_say_how_to_write_them(self, written, section):
        writer, path, units = written
        writer(path, _frames()[0], None)
        expected = rf"{path.name}.* has no forces; run the engine again .* nstfout = nstxout; .*ntwf = -1; .*fx fy fz"
        with pytest.raises(DataError, match=expected):
            open_files(section(path, **units))

    @pytest.mark.parametrize("name", [name for name in _FORMATS if not name.endswith((".trr", ".dump"))])
    def test_a_file_that_is_cut_off_is_named(self, section, pdb, name):
        (writer, units), path = _FORMATS[name], pdb.parent / name
        writer(path, *_frames())
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 7 - 11])
        with pytest.raises(DataError, match=rf"cannot read .*{path.name}"):
            _read_all(section(path, **units))

    @pytest.mark.parametrize("name", ["t.trr", "t.dump"])
    @pytest.mark.parametrize("lost", [2, 11, 100, 150, 230, 400, "a frame", "some lines"])
    def test_of_a_killed_engine_no_half_frame_counts(self, section, pdb, name, lost):
        (writer, units), path = _FORMATS[name], pdb.parent / name
        positions, forces = _frames()
        writer(path, positions, forces)
        _shorten(path, lost)
        try:
            frames = _read_all(section(path, **units))
        except DataError as error:
            problem = str(error)
        else:
            np.testing.assert_allclose(frames.forces, forces[: frames.n_frames], rtol=5e-7)
            problem = f"{name} has {frames.n_frames} frames"
        assert name in problem
        assert lost != "a frame" or problem == f"{name} has 11 frames"

    def test_what_is_no_such_file_is_named(self, written, section):
        _, path, units = written
        path.write_bytes(b"no such format\n" * 40)
        np.save(path.with_suffix(".forces.npy"), np.zeros((1, 5, 3)))
        with pytest.raises(DataError, match=rf"cannot read .*{path.name}"):
            open_files(section(path, **units))

    def test_a_missing_file_is_named(self, written, section):
        _, path, units = written
        np.save(path.with_suffix(".forces.npy"), np.zeros((1, 5, 3)))
        with pytest.raises(DataError, match=rf"cannot read .*{path.name}"):
            open_files(section(path, **units))

    def test_a_frame_that_is_not_finite_is_named(self, written, section):
        writer, path, units = written
        positions, forces = _frames()
        forces[7, 3, 1] = np.nan
        writer(path, positions, forces)
        with pytest.raises(DataError, match=rf"{path.name}: forces of frame 7, site 3 are not"):
            _read_all(section(path, **units))

    def test_another_number_of_atoms_is_refused(self, written, section, pdb):
        writer, path, units = written
        writer(path, *_frames())
        lines = [line for line in pdb.read_text().splitlines(keepends=True) if " CB " not in line]
        pdb.write_text("".join(line for line in lines if not line.startswith("CONECT")))
        with pytest.raises(
            DataError, match=rf"{path.name} has 5 atoms a frame but the topology has 4; give the topology"
        ):
            open_files(section(path, **units))


def _shorten(path, lost):
    """Take bytes, whole lines or a whole frame from the end of a file of 12 frames."""
    content = path.read_bytes()
    if lost == "some lines":
        content = b"".join(content.splitlines(keepends=True)[:-3])
    elif lost == "a frame":
        content = (
            b"".join(content.splitlines(keepends=True)[:-14])
            if path.suffix == ".dump"
            else content[: -(len(content) // 12)]
        )
    else:
        content = content[:-lost]
    path.write_bytes(content)


def _read_all(settings):
    source = open_files(settings)
    return source.read(0, 0, source.lengths[0])


class TestUnits:
    @pytest.mark.parametrize("key", ["length_unit", "force_unit"])
    @pytest.mark.parametrize("name", ["positions.npz", "t.npy", "t.dump"])
    def test_a_format_without_units_asks_for_them(self, section, pdb, name, key):
        writer, units = _FORMATS[name]
        writer(pdb.parent / name, *_frames())
        with pytest.raises(ConfigError, match=rf"{name} does not tell its units; set reference\.{key}, for instance"):
            open_files(section(pdb.parent / name, **{**units, key: None}))

    @pytest.mark.parametrize("name", ["own.h5md", "t.trr", "t.nc"])
    def test_what_is_declared_must_be_what_the_file_says(self, section, pdb, name):
        writer, _ = _FORMATS[name]
        writer(pdb.parent / name, *_frames())
        right, wrong = (_REAL, _DECLARED) if name == "t.nc" else (_DECLARED, _REAL)
        open_files(section(pdb.parent / name, **right))
        for key in right:
            expected = rf"{name} has values in {right[key]} but reference\.{key} is {wrong[key]}; correct it"
            with pytest.raises(DataError, match=expected):
                open_files(section(pdb.parent / name, **{**right, key: wrong[key]}))

    @pytest.mark.parametrize(
        ("length", "force", "factor"),
        [
            ("nm", "kJ mol-1 nm-1", 1.0),
            (b"Angstrom", b"kcal mol-1 Angstrom-1", 41.84),
            ("A", "kJ/(mol*A)", 10.0),
            ("\u212b", "kilocalorie/mole/angstrom", 41.84),
            ("nanometers", "kilojoules/mole/nanometer", 1.0),
        ],
    )
    def test_units_of_h5md_in_their_spellings(self, section, pdb, length, force, factor):
        path = self._with_units(pdb.parent / "t.h5md", length, force)
        frames = open_files(section(path)).read(0, 0, 12)
        positions, forces = _frames()
        np.testing.assert_allclose(frames.positions, positions * (1.0 if factor == 1.0 else 0.1), rtol=2e-7)
        np.testing.assert_allclose(frames.forces, forces * factor, rtol=2e-7)

    def test_an_unknown_unit_is_refused(self, section, pdb):
        path = self._with_units(pdb.parent / "t.h5md", "bohr", "hartree bohr-1")
        with pytest.raises(DataError, match=r"t\.h5md has values in bohr; known units: nm, angstrom; convert"):
            open_files(section(path))

    def test_h5md_without_units_takes_those_declared(self, section, pdb):
        path = self._with_units(pdb.parent / "t.h5md", None, None)
        with pytest.raises(ConfigError, match=r"does not tell its units; set reference\.length_unit"):
            open_files(section(path))
        frames = open_files(section(path, **_REAL)).read(0, 0, 12)
        np.testing.assert_allclose(frames.forces, _frames()[1] * 41.84, rtol=2e-7)

    def _with_units(self, path, length, force):
        _own_h5md(path, *_frames())
        with h5py.File(path, "r+") as file:
            for element, unit in (("position", length), ("force", force)):
                attributes = file[f"particles/trajectory/{element}/value"].attrs
                del attributes["unit"]
                if unit is not None:
                    attributes["unit"] = np.bytes_(unit) if isinstance(unit, bytes) else unit
        return path

    def test_other_units_in_netcdf_are_refused(self, section, pdb):
        path = pdb.parent / "t.nc"
        _netcdf(path, *_frames())
        path.write_bytes(path.read_bytes().replace(b"kilocalorie/mole/angstrom", b"kilojoules/mole/nanometer"))
        with pytest.raises(DataError, match=r"cannot read .*t\.nc: .*in units of kilojoules/mole/nanometer"):
            open_files(section(path))


class TestDetails:
    @pytest.mark.parametrize("low", [-4.5, 3.0])
    def test_the_origin_of_a_box_moves_no_atom_against_another(self, section, pdb, low):
        positions, forces = _frames()
        _lammps(pdb.parent / "t.dump", positions, forces, low=low)
        frames = open_files(section(pdb.parent / "t.dump", **_REAL)).read(0, 0, 12)
        np.testing.assert_allclose(np.diff(frames.positions, axis=1), np.diff(positions, axis=1), atol=5e-7)

    def test_a_later_frame_without_forces_is_named(self, section, pdb):
        path = pdb.parent / "t.trr"
        positions, forces = _frames()
        _trr(path, positions, [None if k == 9 else frame for k, frame in enumerate(forces)])
        source = open_files(section(path))
        source.read(0, 0, 9)
        with pytest.raises(DataError, match=r"frame 9 of .*t\.trr has no forces"):
            source.read(0, 8, 12)

    def test_nothing_is_written_beside_the_trajectory(self, section, pdb):
        path = pdb.parent / "t.trr"
        _trr(path, *_frames())
        open_files(section(path)).read(0, 3, 5)
        assert {file.name for file in pdb.parent.iterdir()} == {"t.trr", "top.pdb"}

    @pytest.mark.parametrize("name", ["t.npz", "t.npy"])
    def test_positions_and_forces_of_other_frames_are_refused(self, section, pdb, name):
        writer = {"t.npz": _npz, "t.npy": _npy}[name]
        positions, forces = _frames()
        writer(pdb.parent / name, positions, forces[:-1])
        with pytest.raises(DataError, match=rf"{name}.* has shape \(12, 5, 3\) but .*forces.* has shape \(11, 5, 3\)"):
            open_files(section(pdb.parent / name, **_DECLARED))

    @pytest.mark.parametrize("name", ["t.npz", "t.npy"])
    def test_objects_are_refused(self, section, pdb, name):
        writer = {"t.npz": _npz, "t.npy": _npy}[name]
        objects = np.empty((12, 5, 3), dtype=object)
        writer(pdb.parent / name, objects, objects)
        with pytest.raises(DataError, match=rf"cannot read .*{name}: .*Python objects"):
            open_files(section(pdb.parent / name, **_DECLARED))

    def test_an_archive_in_the_order_of_fortran_is_refused(self, section, pdb):
        positions, forces = _frames()
        _npz(pdb.parent / "t.npz", np.asfortranarray(positions), forces)
        with pytest.raises(DataError, match="in Fortran order"):
            open_files(section(pdb.parent / "t.npz", **_DECLARED))

    def test_an_archive_without_positions_lists_its_arrays(self, section, pdb):
        np.savez(pdb.parent / "t.npz", xyz=np.zeros((2, 5, 3)), forces=np.zeros((2, 5, 3)))
        with pytest.raises(DataError, match=r"t\.npz holds xyz, forces; expected `positions` or `coordinates`, and"):
            open_files(section(pdb.parent / "t.npz", **_DECLARED))

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_an_archive_is_never_whole_in_memory(self, section, pdb, save):
        """12 MB of arrays are read in 40 pieces."""
        positions, forces = _frames(n_frames=100_000)
        _npz(pdb.parent / "t.npz", positions, forces, save=save)
        source = open_files(section(pdb.parent / "t.npz", **_DECLARED))
        tracemalloc.start()
        n_frames = sum(chunk.n_frames for chunk in source.chunks(2_500))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert n_frames == 100_000
        assert peak < 4e6

    def test_several_groups_of_particles_are_refused(self, section, pdb):
        path = pdb.parent / "t.h5md"
        _own_h5md(path, *_frames())
        with h5py.File(path, "r+") as file:
            file["particles/solvent/position/value"] = np.zeros((12, 5, 3))
        with pytest.raises(DataError, match=r"2 groups with positions \(solvent, trajectory\), expected one"):
            open_files(section(path))

    def test_an_unknown_format_lists_the_known(self, section, pdb):
        with pytest.raises(ConfigError, match=r"t\.xtc has no known format; known: \.npy, \.npz, .*\.trr, .*\.dump"):
            open_files(section(pdb.parent / "t.xtc"))

    def test_forces_of_their_own_belong_to_npy(self, section, pdb):
        _npz(pdb.parent / "t.npz", *_frames())
        with pytest.raises(ConfigError, match=r"reference\.forces belongs to npy trajectories; forces of .*t\.npz"):
            open_files(section(pdb.parent / "t.npz", forces=["f.npy"], **_DECLARED))

    @pytest.mark.parametrize("name", ["t.trr", "t.nc", "t.dump"])
    def test_a_missing_library_says_how_to_install_it(self, section, pdb, name, monkeypatch):
        def missing(module):
            raise builtins.ModuleNotFoundError(module)

        _FORMATS[name][0](pdb.parent / name, *_frames())
        monkeypatch.setattr(importlib, "import_module", missing)
        with pytest.raises(ConfigError, match=r"need MDAnalysis: pip install cgpipe\[files\]"):
            open_files(section(pdb.parent / name, **_REAL))


class TestWeights:
    @pytest.fixture
    def paths(self, pdb):
        paths = [pdb.parent / f"{k}.h5md" for k in range(2)]
        for k, path in enumerate(paths):
            _own_h5md(path, *_frames(n_frames=3), log_weights=np.log([1.0 + k, 2.0, 3.0]))
        return paths

    def _weights(self, settings):
        logarithms = np.concatenate([chunk.log_weights for chunk in open_files(settings).chunks()])
        return normalised_weights(logarithms, len(logarithms))

    def test_our_own_files_bring_theirs(self, section, paths):
        np.testing.assert_allclose(self._weights(section(*paths)), np.array([1, 2, 3, 2, 2, 3]) / 13)

    def test_given_weights_replace_them(self, section, paths, tmp_path):
        for k in range(2):
            np.save(tmp_path / f"w{k}.npy", np.array([4.0, 0.0, k]))
        given = [str(tmp_path / f"w{k}.npy") for k in range(2)]
        np.testing.assert_allclose(
            self._weights(section(*paths, weights=given)), np.array([4, 0, 0, 4, 0, 1]) / 9, atol=1e-300
        )

    def test_without_any_all_frames_count_the_same(self, section, paths):
        for path in paths:
            _own_h5md(path, *_frames(n_frames=3))
        assert open_files(section(*paths)).read(0, 0, 3).log_weights is None

    def test_weights_of_some_files_only_are_refused(self, section, paths):
        _own_h5md(paths[1], *_frames(n_frames=3))
        with pytest.raises(DataError, match="1 of 2 trajectories have weights; name those of all"):
            open_files(section(*paths))

    @pytest.mark.parametrize("shape", [(2,), (3, 1)])
    def test_another_number_of_weights_is_refused(self, section, paths, tmp_path, shape):
        np.save(tmp_path / "w.npy", np.ones(shape))
        with pytest.raises(DataError, match=r"w\.npy has shape .*, expected a weight for each of 3 frames"):
            open_files(section(paths[0], weights=[str(tmp_path / "w.npy")]))
