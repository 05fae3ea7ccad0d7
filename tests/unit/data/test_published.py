"""Published data sets: files with the names, keys, shapes and types of the real ones."""

import re
import zipfile

import mdtraj
import numpy as np
import pytest
from openmm import app

from cgpipe.config.reference import PublishedReferenceSection
from cgpipe.data.published import open_published
from cgpipe.data.source import require_plausible
from cgpipe.data.trajectory import normalised_weights
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.structure import build_peptide

_HOST = "http://ftp.mi.fu-berlin.de/pub/cmb-data"
_HTMD = "http://pub.htmd.org/protein_thermodynamics_data/training_data"
_CHIGNOLIN = "YYDPETGTWY"
_WATER = "HETATM{serial:5d}  {name:<3} HOH W{number:4d}    {x:8.3f}  30.000  30.000  1.00  0.00           {element}\n"
_ION = "HETATM{serial:5d} CLA  CLA I   1      40.000  40.000  40.000  1.00  0.00          CL\n"


def _protein(sequence):
    molecule = build_peptide(sequence)
    molecule.addHydrogens(app.ForceField("amber99sbildn.xml"))
    topology = mdtraj.Topology.from_openmm(molecule.topology)
    return mdtraj.Trajectory(np.array([list(p) for p in molecule.positions._value]), topology)


@pytest.fixture(scope="module")
def alanine():
    """Capped alanine, 22 atoms."""
    return _protein("ACE ALA NME")


@pytest.fixture(scope="module")
def chignolin():
    """CLN025, 166 atoms."""
    return _protein("TYR TYR ASP PRO GLU THR GLY THR TRP TYR")


def _moving(molecule, n_frames, *, seed=3):
    """Positions in angstrom and forces in kcal/mol/angstrom as atoms have them at 300 K."""
    rng = np.random.default_rng(seed)
    positions = molecule.xyz + rng.normal(0, 0.004, (n_frames, molecule.n_atoms, 3))
    return (10 * positions).astype(np.float32), rng.normal(0, 17, positions.shape).astype(np.float32)


def _section(layout, files, **settings):
    return PublishedReferenceSection(
        kind="published", layout=layout, files=files, temperature_K=350, frame_interval_ps=1.0, **settings
    )


def _joined(source):
    chunks = list(source.chunks(7))
    return [np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("positions", "forces")]


def _require_frames(source, positions, forces):
    read_positions, read_forces = _joined(source)
    np.testing.assert_allclose(read_positions, positions / 10, rtol=2e-7)
    np.testing.assert_allclose(read_forces, forces * 41.84, rtol=2e-7)


class TestArchive:
    """FU Berlin, capped alanine."""

    @pytest.fixture
    def open_(self, tmp_path, alanine):
        alanine.save_pdb(str(tmp_path / "al2.pdb"))
        files = {"frames": tmp_path / "frames", "topology": tmp_path / "al2.pdb"}

        def open_(positions, forces, **settings):
            packed = tmp_path / "alanine-dipeptide-1Mx1ps-with-force.npz"
            np.savez(packed, coordinates=positions, forces=forces)
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(files["frames"])
            urls = {"frames": f"{_HOST}/{packed.name}", "topology": f"{_HOST}/al2.pdb"}
            return open_published(_section("fu_berlin_npz", urls, **settings), files)

        return open_

    def test_frames_are_converted(self, open_, alanine):
        positions, forces = _moving(alanine, 40)
        source = open_(positions, forces)
        assert source.lengths == (40,)
        assert source.topology.labels[5:8] == ("ACE1:O", "ALA2:N", "ALA2:H")
        assert len(source.topology.bonds) == 21
        _require_frames(source, positions, forces)
        require_plausible(source)

    def test_exported_frames_come_back_bit_for_bit(self, open_, alanine):
        positions, forces = (array.astype(np.float32) for array in _moving(alanine, 20))
        positions /= 10
        source = open_(positions.astype(np.float64) * 10, forces.astype(np.float64) / 41.84)
        read_positions, read_forces = _joined(source)
        assert (read_positions == positions).all()
        assert (read_forces == forces).all()

    def test_an_array_of_several_trajectories_is_split(self, open_, alanine):
        positions, forces = _moving(alanine, 40)
        source = open_(positions, forces, frames_per_trajectory=10)
        assert source.lengths == (10,) * 4
        _require_frames(source, positions, forces)
        np.testing.assert_allclose(source.read(2, 3, 4).positions[0], positions[23] / 10, rtol=2e-7)

    def test_trajectories_that_do_not_fill_the_array_are_refused(self, open_, alanine):
        with pytest.raises(
            DataError, match=r"40 frames, no whole number of trajectories of 12; correct reference\.fra"
        ):
            open_(*_moving(alanine, 40), frames_per_trajectory=12)

    def test_other_units_are_refused_with_the_array_to_look_at(self, open_, alanine):
        positions, forces = _moving(alanine, 40)
        with pytest.raises(
            DataError, match=r"perhaps nm was taken for angstrom.*layout fu_berlin_npz.*coordinates\.npy"
        ):
            require_plausible(open_(positions / 10, forces))
        with pytest.raises(DataError, match=r"perhaps kJ/mol/nm was taken for kcal/mol/angstrom.*layout fu_berlin_npz"):
            require_plausible(open_(positions, forces * 41.84))

    def test_a_topology_with_other_atoms_is_refused(self, open_, alanine):
        with pytest.raises(DataError, match=r"coordinates\.npy has 21 atoms a frame but the topology has 22"):
            open_(*(array[:, :21] for array in _moving(alanine, 5)))

    @pytest.mark.parametrize("harmed", ["coordinates.npy", "forces.npy"])
    def test_a_truncated_array_is_named(self, open_, alanine, tmp_path, harmed):
        source = open_(*_moving(alanine, 5))
        path = tmp_path / "frames" / harmed
        path.write_bytes(path.read_bytes()[:-50])
        with pytest.raises(DataError, match=rf"cannot read .*{harmed}.*delete it and fetch"):
            source.read(0, 0, 5)

    def test_a_frame_that_is_not_finite_is_named(self, open_, alanine):
        positions, forces = _moving(alanine, 20)
        positions[9, 4, 0] = np.nan
        with pytest.raises(DataError, match=r"positions of frame 9, site 4 are not finite"):
            _joined(open_(positions, forces))


_NAMES = ("e1s2_chignolin_50ns_0", "e1s10_chignolin_50ns_1", "e10s1_e1s2p0f30", "e2s1_e1s10p0f12")
"""As the adaptive sampling named its trajectories."""
_IN_ORDER = [0, 1, 3, 2]


class TestPairs:
    """FU Berlin, chignolin."""

    @pytest.fixture
    def trajectories(self, chignolin):
        return [_moving(chignolin, 3 + k, seed=k) for k in range(4)]

    @pytest.fixture
    def files(self, tmp_path, chignolin, trajectories):
        """Archives as unpacked; the structure has water and an ion, which the arrays lack."""
        for name, arrays in zip(_NAMES, trajectories, strict=True):
            for what, values in zip(("coor", "force"), arrays, strict=True):
                path = tmp_path / what / f"{what.removesuffix('e')}s_nowater" / f"chig_{what}_{name}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values)
        _save_solvated(tmp_path / "generators" / "chignolin_50ns_0" / "structure.pdb", chignolin)
        return {"coordinates": tmp_path / "coor", "forces": tmp_path / "force", "topology": tmp_path / "generators"}

    @pytest.fixture
    def open_(self, files):
        def open_(**settings):
            urls = {role: f"{_HOST}/chignolin_trajectories/{role}.tar.gz" for role in files}
            settings = {"topology_member": "chignolin_50ns_0/structure.pdb", **settings}
            return open_published(_section("fu_berlin_archives", urls, **settings), files)

        return open_

    def test_pairs_are_trajectories_in_natural_order(self, open_, trajectories):
        source = open_()
        assert source.lengths == tuple(3 + k for k in _IN_ORDER)
        _require_frames(source, *(np.concatenate([trajectories[k][index] for k in _IN_ORDER]) for index in (0, 1)))
        require_plausible(source)

    def test_water_and_ions_are_no_part_of_the_molecule(self, open_):
        topology = open_().topology
        assert topology.n_sites == 166
        assert set(topology.residue_names) == {"TYR", "ASP", "PRO", "GLU", "THR", "GLY", "TRP"}
        assert max(max(bond) for bond in topology.bonds) < 166

    def test_what_archivers_leave_is_no_trajectory(self, open_, files):
        (files["forces"] / "._chig_force_e1s2.npy").write_bytes(b"x")
        assert len(open_().lengths) == 4

    @pytest.mark.parametrize("role", ["coordinates", "forces"])
    def test_a_file_without_partner_is_named(self, open_, files, role):
        path = next(files[role].rglob("*e1s10_*.npy"))
        path.unlink()
        other = {"coordinates": "force", "forces": "coor"}[role]
        with pytest.raises(DataError, match=rf"chig_{other}_e1s10_\S+ has no partner in the other archive \(1 such"):
            open_()

    def test_a_pair_of_other_shapes_is_named(self, open_, files):
        path = next(files["forces"].rglob("*e1s10_*.npy"))
        np.save(path, np.load(path)[:-1])
        with pytest.raises(DataError, match=r"chig_coor_e1s10_\S+ has shape \(4, 166, 3\) but \S+chig_force_e1s10_"):
            open_()

    def test_one_name_in_two_folders_is_refused(self, open_, files):
        path = next(files["forces"].rglob("*.npy"))
        (files["forces"] / path.name).write_bytes(path.read_bytes())
        with pytest.raises(DataError, match="have one name"):
            open_()

    def test_an_empty_archive_is_named(self, open_, files, tmp_path):
        files["coordinates"] = tmp_path / "generators"
        with pytest.raises(DataError, match="generators holds no npy file"):
            open_()

    @pytest.mark.parametrize("member", [None, "chignolin_50ns_9/structure.pdb"])
    def test_a_missing_member_lists_what_is_there(self, open_, member):
        with pytest.raises(ConfigError, match=r"topology_member .* is no file of .*chignolin_50ns_0/structure\.pdb"):
            open_(topology_member=member)

    def test_a_plain_structure_needs_no_member(self, open_, files):
        files["topology"] /= "chignolin_50ns_0/structure.pdb"
        assert open_(topology_member=None).topology.n_sites == 166

    def test_another_molecule_is_refused(self, open_, files, alanine):
        alanine.save_pdb(str(files["topology"] / "al2.pdb"))
        with pytest.raises(DataError, match=r"chig_coor_e1s2_\S+ has 166 atoms a frame but the topology has 22"):
            open_(topology_member="al2.pdb")


def _save_solvated(path, molecule):
    path.parent.mkdir(parents=True)
    molecule.save_pdb(str(path))
    text = re.sub(r"(?m)^(TER|END|CONECT).*\n", "", path.read_text())
    for number in range(1, 4):
        for name, shift in (("O", 0.0), ("H1", 0.8), ("H2", -0.8)):
            x = 30 + 4 * number + shift
            text += _WATER.format(serial=900, name=name, number=number, x=x, element=name[0])
    path.write_text(text + _ION.format(serial=901) + "END\n")


class TestWeights(TestPairs):
    """Weights of a Markov model beside the archives; everything else holds as without them."""

    @pytest.fixture
    def weights(self):
        """Of 18 frames, in the order of the trajectories; one state was never connected."""
        return np.array([0.0, *np.linspace(1, 2, 17)])

    @pytest.fixture
    def calpha(self, chignolin, trajectories):
        sites = chignolin.topology.select("name CA")
        return np.concatenate([trajectories[k][0][:, sites] for k in _IN_ORDER])

    @pytest.fixture
    def save(self, files, tmp_path):
        def save(**arrays):
            files["weights"] = tmp_path / "cln_charmm22star_basic_force_aggr_CA_MSM_weight.npz"
            np.savez(files["weights"], **arrays)

        return save

    @pytest.fixture(autouse=True)
    def _saved(self, save, weights, calpha):
        save(coords=calpha, aaFs=np.zeros_like(calpha), weights=weights)

    def _require(self, source, weights):
        logarithms = np.concatenate([chunk.log_weights for chunk in source.chunks()])
        assert np.isfinite(logarithms).all()
        np.testing.assert_allclose(normalised_weights(logarithms, 18), weights / weights.sum(), rtol=1e-9, atol=1e-300)

    def test_weights_are_read_beside_other_arrays(self, open_, weights):
        self._require(open_(), weights)

    @pytest.mark.parametrize("as_folder", [False, True])
    @pytest.mark.parametrize("split", [False, True])
    def test_a_single_array_or_one_for_each_trajectory(self, open_, save, files, weights, tmp_path, split, as_folder):
        parts = np.split(weights, np.cumsum([3 + k for k in _IN_ORDER])[:-1]) if split else [weights]
        save(**{f"arr_{k + 8}": part for k, part in enumerate(parts)})
        if as_folder:
            with zipfile.ZipFile(files["weights"]) as archive:
                archive.extractall(tmp_path / "weights")
            files["weights"] = tmp_path / "weights"
        self._require(open_(), weights)

    def test_a_plain_array(self, open_, files, weights, tmp_path):
        files["weights"] = tmp_path / "w.npy"
        np.save(files["weights"], weights)
        self._require(open_(), weights)

    def test_another_number_of_weights_is_refused(self, open_, save):
        save(a=np.ones(17))
        with pytest.raises(DataError, match=r"MSM_weight\.npz \(a\) has weights of shape \(17,\) for 18 frames"):
            open_()

    @pytest.mark.parametrize("change", [lambda x: x[::-1], lambda x: x[:, :-1], lambda x: x[:-1]])
    def test_weights_of_other_frames_are_refused(self, open_, save, weights, calpha, change):
        save(coords=change(calpha), weights=weights)
        with pytest.raises(DataError, match=r"MSM_weight\.npz has other coordinates than the trajectories by name"):
            open_()

    @pytest.mark.parametrize("content", [np.array([{}], dtype=object), None])
    def test_objects_and_damage_are_refused(self, open_, save, files, content):
        save(a=np.ones(18) if content is None else content)
        if content is None:
            files["weights"].write_bytes(files["weights"].read_bytes()[:100])
        with pytest.raises(DataError, match=r"cannot read .*MSM_weight\.npz: .*; delete it and download it again"):
            open_()


_NUMBERS = {
    # Numbers of the residues of chignolin and of RKLIHMVS, written out by hand from each dictionary.
    "torchmd-cg": {_CHIGNOLIN: [4, 4, 5, 8, 6, 13, 2, 13, 7, 4], "RKLIHMVS": [18, 19, 20, 21, 11, 15, 14, 12]},
    "torchmd-protein-thermodynamics": {
        _CHIGNOLIN: [4, 4, 5, 8, 6, 13, 2, 13, 7, 4],
        "RKLIHMVS": [19, 20, 21, 22, 11, 15, 14, 12],
    },
    "mlcg": {_CHIGNOLIN: [19, 19, 3, 15, 6, 17, 7, 17, 18, 19], "RKLIHMVS": [1, 12, 11, 10, 9, 13, 20, 16]},
}


def _once(numbers):
    return np.array(numbers)[None]


def _each_frame(numbers):
    return np.tile(numbers, (12, 1))


def _as_text(numbers):
    """The tutorial of torchmd-cg writes them so."""
    return np.array(numbers, dtype="<U3")


class TestBeads:
    """Acellera, C-alpha beads of the fast folders."""

    @pytest.fixture
    def open_(self, tmp_path):
        def open_(embeddings, sequence, *, n_frames=12, n_beads=None, forces=None, scale=1.0, **settings):
            n_beads = n_beads or len(sequence)
            positions, beads_forces = _chain(n_frames, n_beads)
            arrays = {"coords": scale * positions, "forces": beads_forces if forces is None else forces}
            names = {"coordinates": "coords", "forces": "forces", "embeddings": "embeddings"}
            files = {role: tmp_path / f"chignolin_ca_{name}.npy" for role, name in names.items()}
            for role, name in names.items():
                np.save(files[role], {**arrays, "embeddings": np.array(embeddings)}[name])
            urls = {role: f"{_HTMD}/{path.name}" for role, path in files.items()}
            return open_published(_section("htmd_calpha", urls, sequence=sequence, **settings), files)

        return open_

    def test_beads_make_a_chain(self, open_):
        source = open_(_NUMBERS["torchmd-cg"][_CHIGNOLIN], _CHIGNOLIN)
        topology = source.topology
        assert topology.labels[:3] == ("TYR1:CA", "TYR2:CA", "ASP3:CA")
        assert topology.bonds == tuple((k, k + 1) for k in range(9))
        assert topology.elements == ("C",) * 10
        np.testing.assert_allclose(topology.masses, 12.011, atol=1e-3)
        _require_frames(source, *_chain(12, 10))
        require_plausible(source)

    @pytest.mark.parametrize("name", _NUMBERS)
    @pytest.mark.parametrize("sequence", [_CHIGNOLIN, "RKLIHMVS"])
    def test_each_dictionary_is_recognised(self, open_, name, sequence):
        topology = open_(_NUMBERS[name][sequence], sequence).topology
        assert topology.residue_names[-1] == {"Y": "TYR", "S": "SER"}[sequence[-1]]

    @pytest.mark.parametrize("form", [_once, _each_frame, _as_text])
    def test_embeddings_in_any_form(self, open_, form):
        assert open_(form(_NUMBERS["mlcg"][_CHIGNOLIN]), _CHIGNOLIN).topology.n_sites == 10

    @pytest.mark.parametrize("sequence", ["AXL", "ALL", "axl"])
    def test_norleucine_is_written_x_or_l(self, open_, sequence):
        assert open_([1, 17, 20], sequence).topology.residue_names == ("ALA", "NLE", "LEU")

    def test_another_protein_is_refused_with_what_the_numbers_spell(self, open_):
        expected = (
            r"chignolin_ca_embeddings\.npy does not spell reference\.sequence AGP \(3 residues for 3 beads\).*"
            r"AGF \(torchmd-cg\); AGF \(torchmd-protein-thermodynamics\); RND \(mlcg\)"
        )
        with pytest.raises(DataError, match=expected):
            open_([1, 2, 3], "AGP")

    @pytest.mark.parametrize("numbers", [[0, 18, 30], [-1, -1, -1]])
    def test_numbers_of_no_residue_are_marked(self, open_, numbers):
        with pytest.raises(DataError, match=r"\?\S\? \(torchmd-protein-thermodynamics\)"):
            open_(numbers, "AGF")

    @pytest.mark.parametrize("embeddings", [[1, 2], [[1, 2, 3], [1, 2, 4]]])
    def test_embeddings_of_another_shape_are_refused(self, open_, embeddings):
        with pytest.raises(DataError, match=r"has shape \(\d, \d\), expected one embedding for each of 3 beads"):
            open_(embeddings, "AGF")

    def test_names_are_no_embeddings(self, open_):
        with pytest.raises(DataError, match="holds no whole numbers"):
            open_(["ALA", "GLY", "PHE"], "AGF")

    def test_a_sequence_of_another_length_is_refused(self, open_):
        with pytest.raises(DataError, match=r"AG \(2 residues for 3 beads\)"):
            open_([1, 2, 3], "AG", n_beads=3)

    def test_the_forces_of_all_atoms_are_refused(self, open_):
        """The file was published so at first: torchmd-protein-thermodynamics, issue 20."""
        with pytest.raises(
            DataError, match=r"ca_coords\.npy has shape \(12, 10, 3\) but .*forces\.npy .* \(12, 97, 3\)"
        ):
            open_(_NUMBERS["mlcg"][_CHIGNOLIN], _CHIGNOLIN, forces=np.zeros((12, 97, 3), dtype=np.float32))

    def test_trajectories_are_split(self, open_):
        assert open_(_NUMBERS["mlcg"][_CHIGNOLIN], _CHIGNOLIN, frames_per_trajectory=4).lengths == (4, 4, 4)

    def test_positions_in_nm_are_refused(self, open_):
        with pytest.raises(
            DataError, match=r"C-alpha beads are 0\.038\d nm .*nm was taken for angstrom.*ca_coords\.npy"
        ):
            require_plausible(open_(_NUMBERS["mlcg"][_CHIGNOLIN], _CHIGNOLIN, scale=0.1))


def _chain(n_frames, n_beads):
    """C-alpha positions in angstrom and forces in kcal/mol/angstrom."""
    rng = np.random.default_rng(5)
    steps = 3.8 * np.eye(3)[np.arange(n_beads) % 3]
    positions = np.cumsum(steps, axis=0) + rng.normal(0, 0.05, (n_frames, n_beads, 3))
    return positions.astype(np.float32), rng.normal(0, 23, positions.shape).astype(np.float32)
