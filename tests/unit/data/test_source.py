"""Frames of any origin: converted once, never across trajectories, refused in a wrong unit."""

import pickle
from dataclasses import replace

import mdtraj
import numpy as np
import openmm
import pytest
from openmm import app, unit

from cgpipe.data.source import (
    FrameSource,
    RawTrajectory,
    frame_source,
    log_weights_of,
    open_array,
    open_pair,
    read_topology,
    require_plausible,
)
from cgpipe.data.topology import Topology, from_mdtraj
from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.errors import DataError
from cgpipe.reference.structure import build_peptide
from cgpipe.units import ANGSTROM, KCAL

_ADVICE = {"length_advice": "set the length unit", "force_advice": "set the force unit"}
_INTERNAL = {"length_unit": 1.0, "force_unit": 1.0}


def _raw(positions, forces, *, name="t.npy", **units):
    def read(start, stop):
        assert 0 <= start < stop <= len(positions), "engines have no frame beyond the last"
        return positions[start:stop], forces[start:stop]

    return RawTrajectory(name, positions.shape[:2], read, **{**_INTERNAL, **units})


def _source(topology, *pairs, log_weights=None, **units):
    return frame_source(topology, [_raw(*pair, **units) for pair in pairs], log_weights=log_weights, **_ADVICE)


@pytest.fixture
def numbers():
    """Three trajectories of 5, 3 and 7 frames."""
    rng = np.random.default_rng(2)
    return [(rng.standard_normal((n, 4, 3)), rng.standard_normal((n, 4, 3))) for n in (5, 3, 7)]


class TestReading:
    def test_chunks_hold_frames_of_one_trajectory_in_order(self, topology, numbers):
        source = _source(topology, *numbers)
        chunks = list(source.chunks(4))
        assert source.lengths == (5, 3, 7)
        assert [chunk.n_frames for chunk in chunks] == [4, 1, 3, 4, 3]
        for index, name in enumerate(("positions", "forces")):
            joined = np.concatenate([getattr(chunk, name) for chunk in chunks])
            np.testing.assert_array_equal(joined, np.concatenate([pair[index] for pair in numbers]).astype(np.float32))

    @pytest.mark.parametrize(("length", "force"), [(1.0, 1.0), (ANGSTROM, KCAL / ANGSTROM), (ANGSTROM, 1 / ANGSTROM)])
    def test_exported_float32_values_come_back_bit_for_bit(self, topology, length, force):
        rng = np.random.default_rng(8)
        positions, forces = (rng.standard_normal((500, 4, 3)).astype(np.float32) * size for size in (3, 900))
        exported = positions.astype(np.float64) / length, forces.astype(np.float64) / force
        frames = _source(topology, exported, length_unit=length, force_unit=force).read(0, 0, 500)
        assert frames.positions.dtype == frames.forces.dtype == np.float32
        assert (frames.positions == positions).all()
        assert (frames.forces == forces).all()

    def test_a_value_that_is_not_finite_is_found_in_its_file(self, topology, numbers):
        numbers[2][1][5, 3, 1] = np.nan
        source = frame_source(
            topology, [_raw(*pair, name=f"{k}.npy") for k, pair in enumerate(numbers)], log_weights=None, **_ADVICE
        )
        with pytest.raises(DataError, match=r"2\.npy: forces of frame 5, site 3 are not finite"):
            list(source.chunks(4))

    def test_weights_go_with_their_frames(self, topology, numbers):
        weights = [np.arange(n) + 10.0 * n for n in (5, 3, 7)]
        chunks = list(_source(topology, *numbers, log_weights=weights).chunks(4))
        assert np.concatenate([chunk.log_weights for chunk in chunks]).tolist() == np.concatenate(weights).tolist()

    def test_another_number_of_atoms_is_refused(self, topology, numbers):
        with pytest.raises(DataError, match=r"t\.npy has 5 atoms a frame but the topology has 4; give the topology"):
            _source(topology, numbers[0], (np.zeros((2, 5, 3)), np.zeros((2, 5, 3))))


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-8])


def _without_data(path):
    path.write_bytes(path.read_bytes()[:60])


def _of_objects(path):
    np.save(path, np.array([{}, 1], dtype=object))


def _pickled(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def _archive(path):
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    path.with_suffix(".npz").rename(path)


def _missing(path):
    path.unlink()


class TestArrays:
    @pytest.fixture
    def path(self, tmp_path):
        np.save(tmp_path / "x.npy", np.arange(3000.0).reshape(100, 10, 3))
        return tmp_path / "x.npy"

    def test_an_array_is_mapped(self, path):
        array = open_array(path)
        assert isinstance(array, np.memmap)
        assert (array == np.arange(3000.0).reshape(100, 10, 3)).all()

    @pytest.mark.parametrize("harm", [_truncated, _without_data, _of_objects, _pickled, _archive, _missing])
    def test_what_is_no_whole_array_is_named(self, path, harm):
        harm(path)
        with pytest.raises(DataError, match=r"cannot read .*x\.npy: .*; delete it and fetch or write it again"):
            open_array(path)

    @pytest.mark.parametrize("shape", [(99, 10, 3), (100, 11, 3)])
    def test_positions_and_forces_of_other_frames_are_refused(self, path, tmp_path, shape):
        np.save(tmp_path / "f.npy", np.zeros(shape))
        with pytest.raises(DataError, match=r"x\.npy has shape \(100, 10, 3\) but .*f\.npy has shape"):
            open_pair(path, tmp_path / "f.npy", **_INTERNAL)

    @pytest.mark.parametrize("shape", [(10, 3), (10, 3, 100), (0, 10, 3)])
    def test_arrays_of_another_layout_are_refused(self, tmp_path, shape):
        np.save(tmp_path / "x.npy", np.zeros(shape))
        with pytest.raises(DataError, match=r"x\.npy has shape .*, expected \(n_frames, n_atoms, 3\)"):
            open_pair(tmp_path / "x.npy", tmp_path / "x.npy", **_INTERNAL)

    @pytest.mark.parametrize("content", [None, "", "hello", "ATOM      1  N   ALA A   1      xx.000   0.000   0.000\n"])
    def test_what_is_no_pdb_file_is_named(self, tmp_path, content):
        if content is not None:
            (tmp_path / "m.pdb").write_text(content)
        with pytest.raises(DataError, match=r"cannot read .*m\.pdb as a PDB file with ATOM records"):
            read_topology(tmp_path / "m.pdb")


class TestWeights:
    def test_the_ratio_of_trajectories_is_kept(self):
        parts = log_weights_of(np.array([1.0, 3.0, 4.0, 8.0]), [3, 1], name="w.npy")
        assert [len(part) for part in parts] == [3, 1]
        np.testing.assert_allclose(normalised_weights(np.concatenate(parts), 4), np.array([1, 3, 4, 8]) / 16)

    def test_a_weight_of_zero_is_finite_and_adds_nothing(self):
        (part,) = log_weights_of(np.array([0.0, 1e-12]), [2], name="w.npy")
        assert np.isfinite(part).all()
        assert normalised_weights(part, 2)[0] < 1e-300

    @pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, np.nan], [1.0, np.inf], [0.0, 0.0]])
    def test_impossible_weights_are_refused(self, weights):
        with pytest.raises(DataError, match=r"w\.npy: weights lie between .* expected finite ones above 0"):
            log_weights_of(np.array(weights), [2], name="w.npy")

    def test_another_number_of_weights_is_refused(self):
        with pytest.raises(DataError, match=r"w\.npy has weights of shape \(5,\) for 7 frames, expected one for each"):
            log_weights_of(np.ones(5), [3, 4], name="w.npy")


def _simulated(constraints):
    """A few frames of capped alanine at 300 K, as OpenMM has them."""
    force_field = app.ForceField("amber99sbildn.xml", "amber99_obc.xml")
    molecule = build_peptide("ACE ALA NME")
    molecule.addHydrogens(force_field)
    system = force_field.createSystem(molecule.topology, constraints=constraints)
    integrator = openmm.LangevinMiddleIntegrator(300, 5, 0.001)
    integrator.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("Reference")
    simulation = app.Simulation(molecule.topology, system, integrator, platform)
    simulation.context.setPositions(molecule.positions)
    simulation.minimizeEnergy(maxIterations=50)
    simulation.context.setVelocitiesToTemperature(300, 1)
    simulation.step(1000)
    return from_mdtraj(mdtraj.Topology.from_openmm(molecule.topology)), *_frames(simulation)


def _frames(simulation):
    positions, forces = [], []
    for _ in range(30):
        simulation.step(20)
        state = simulation.context.getState(getPositions=True, getForces=True)
        positions.append(state.getPositions(asNumpy=True).value_in_unit(unit.nanometer))
        forces.append(state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer))
    return np.array(positions), np.array(forces)


def _beads():
    """A C-alpha chain at right angles with forces as large as those on C-alpha atoms."""
    rng = np.random.default_rng(6)
    topology = Topology(
        names=("CA",) * 6,
        elements=("C",) * 6,
        residue_names=("ALA",) * 6,
        residue_numbers=tuple(range(1, 7)),
        masses=(12.0,) * 6,
        bonds=tuple((k, k + 1) for k in range(5)),
    )
    chain = 0.38 * np.cumsum(np.eye(3)[[0, 1, 2, 0, 1, 2]], axis=0)
    return topology, chain + rng.normal(0, 0.005, (30, 6, 3)), rng.normal(0, 950, (30, 6, 3))


@pytest.fixture(scope="module")
def data_sets():
    """Topology, positions and forces of a data set of each kind, nm and kJ/mol/nm."""
    return {"flexible": _simulated(None), "rigid": _simulated(app.AllBonds), "beads": _beads()}


@pytest.fixture(params=["flexible", "rigid", "beads"])
def data(request, data_sets):
    return data_sets[request.param]


class TestPlausibility:
    def test_what_an_engine_writes_is_plausible(self, data):
        require_plausible(_source(data[0], data[1:]))

    @pytest.mark.parametrize(
        ("factor", "mistake"), [(10, "angstrom was taken for nm"), (0.1, "nm was taken for angstrom")]
    )
    def test_positions_in_another_unit_are_refused(self, data, factor, mistake):
        expected = rf"bonds .* nm long on average, expected .* \(perhaps {mistake}\); set the length unit"
        with pytest.raises(DataError, match=expected):
            require_plausible(_source(data[0], (factor * data[1], data[2])))

    @pytest.mark.parametrize(
        ("factor", "mistake"),
        [
            (41.84, "kJ/mol/nm was taken for kcal/mol/angstrom"),
            (1 / 41.84, "kcal/mol/angstrom was taken for kJ/mol/nm"),
            (10, "kJ/mol/nm was taken for kJ/mol/angstrom|kJ/mol/angstrom was taken for kcal/mol/angstrom"),
            (1 / 10, "kJ/mol/angstrom was taken for kJ/mol/nm"),
        ],
    )
    def test_forces_in_another_unit_are_refused(self, data, factor, mistake):
        """Which unit they have is a guess: with all bonds rigid, forces are half as large."""
        expected = rf"the RMS force component is .* kJ/mol/nm, expected .* \(perhaps ({mistake})\); set the force unit"
        with pytest.raises(DataError, match=expected):
            require_plausible(_source(data[0], (data[1], factor * data[2])))

    @pytest.mark.parametrize(("factor", "units"), [(4.184, ("kJ", "kcal")), (1 / 4.184, ("kcal", "kJ"))])
    def test_calories_and_joules_are_told_apart_on_atoms(self, data_sets, factor, units):
        topology, positions, forces = data_sets["flexible"]
        with pytest.raises(DataError, match="perhaps {}/mol/angstrom was taken for {}/mol/angstrom".format(*units)):
            require_plausible(_source(topology, (positions, factor * forces)))

    def test_atoms_in_another_order_are_no_other_unit(self, data_sets):
        topology, positions, forces = data_sets["flexible"]
        with pytest.raises(DataError, match=r"nm long on average, expected \d\.\d+ to \d\.\d+; set the length unit"):
            require_plausible(_source(topology, (positions[:, ::-1] * 1.2, forces)))

    def test_forces_of_nothing_are_refused(self, data):
        with pytest.raises(DataError, match=r"component is 0\.0 kJ/mol/nm, expected \d+ to \d+; set the force unit"):
            require_plausible(_source(data[0], (data[1], 0 * data[2])))

    def test_a_molecule_without_hydrogen_is_judged_by_its_heavy_atoms(self, data_sets):
        topology, positions, forces = data_sets["flexible"]
        heavy = np.array([k for k, element in enumerate(topology.elements) if element != "H"])
        place = {int(site): k for k, site in enumerate(heavy)}
        bonds = tuple((place[i], place[j]) for i, j in topology.bonds if i in place and j in place)
        united = topology.subset(heavy, bonds)
        require_plausible(_source(united, (positions[:, heavy], forces[:, heavy])))
        with pytest.raises(DataError, match=r"bonds of heavy atoms are 1\.\d+ nm long on average"):
            require_plausible(_source(united, (10 * positions[:, heavy], forces[:, heavy])))

    def test_a_molecule_that_a_box_cuts_is_refused(self, data):
        positions = data[1].copy()
        positions[17, -1] += [2.5, 0, 0]
        with pytest.raises(DataError, match=r"are bonded but 2\.\d+ nm apart in a frame, as if a periodic box cut"):
            require_plausible(_source(data[0], (positions, data[2])))

    def test_a_molecule_without_bonds_cannot_be_judged(self, data):
        with pytest.raises(DataError, match="names no bonds, so units cannot be checked; add CONECT records"):
            require_plausible(_source(replace(data[0], bonds=()), data[1:]))

    def test_frames_of_all_trajectories_are_looked_at(self, topology):
        seen = []

        def read(number, start, stop):
            seen.append((number, start, stop))
            still = np.zeros((1, 4, 3), dtype=np.float32)
            return Trajectory(topology, still, still)

        source = FrameSource(topology, (50, 3, 400), read, **_ADVICE)
        for n_frames in (200, 1000):
            seen.clear()
            with pytest.raises(DataError):
                require_plausible(source, n_frames=n_frames)
            assert len(seen) == min(n_frames, 453)
            assert (seen[0], seen[-1]) == ((0, 0, 1), (2, 399, 400))
        assert seen == [(number, k, k + 1) for number in range(3) for k in range(source.lengths[number])]
