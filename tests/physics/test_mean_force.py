"""Mean forces on held beads are the mean of what a free trajectory records on them: of real alanine."""

import numpy as np
import pytest
from judgement import assert_agrees
from stored import joined

from cgpipe.config.reference import MeanForceSection, OpenMMReferenceSection
from cgpipe.data.segments import SegmentStore
from cgpipe.mapping.force_map import aggregate_map
from cgpipe.mapping.linear_map import pick_atoms
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.mean_force import Lead, record_mean_forces, with_held
from cgpipe.reference.recording import record_trajectory
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import build_system
from cgpipe.units import thermal_energy

_BEADS = ("ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:CB", "ALA2:C", "NME3:N")
_N_CONFIGURATIONS = 2000
_SECTION = OpenMMReferenceSection(sequence="ACE ALA NME", platform="Reference", frame_interval_ps=0.3)


@pytest.fixture(scope="module")
def alanine():
    return build_system(_SECTION)


@pytest.fixture(scope="module")
def trajectory(alanine, tmp_path_factory):
    store = SegmentStore(tmp_path_factory.mktemp("free") / "t", "f")
    schedule = Schedule("t", 1, length=_N_CONFIGURATIONS * 0.3, interval=0.3, segment=1e9)
    record_trajectory(Dynamics(alanine, _SECTION), thermal_energy=thermal_energy(300.0), schedule=schedule, store=store)
    return next(store.frames())


@pytest.fixture(scope="module")
def averages(alanine, trajectory, atoms, tmp_path_factory):
    store = SegmentStore(tmp_path_factory.mktemp("held") / "m", "f")
    record_mean_forces(
        Dynamics(with_held(alanine, atoms), _SECTION), MeanForceSection(length_ps=0.4), trajectory["positions"],
        name="m", root_seed=2, per_segment=100, store=store,
    )  # fmt: skip
    return joined(store)["forces"]


@pytest.fixture(scope="module")
def atoms(alanine):
    return np.array([alanine.topology.index(label) for label in _BEADS])


@pytest.fixture(scope="module")
def led(alanine, trajectory, atoms, tmp_path_factory):
    """Averages at the beads of each frame, started from the next one, 0.02 nm away, whose beads were led there.

    From frames of another conformer, 0.04 nm away, they are biased by some standard errors, even after 5 ps.
    """
    store = SegmentStore(tmp_path_factory.mktemp("led") / "m", "f")
    record_mean_forces(
        Dynamics(with_held(alanine, atoms), _SECTION),
        MeanForceSection(length_ps=0.4, equilibration_ps=1.0),
        np.roll(trajectory["positions"], -1, axis=0),
        name="m", root_seed=3, per_segment=100, store=store,
        lead=Lead(atoms, trajectory["positions"][:, atoms].astype(float), 0.5),
    )  # fmt: skip
    return joined(store)["forces"]


@pytest.mark.parametrize("way", ["averages", "led"])
def test_held_averages_agree_with_free_forces(alanine, trajectory, atoms, way, request):
    """Along every line between two beads, where a force that a constraint passes on would show."""
    forces = aggregate_map(pick_atoms(atoms, 22), alanine.constraints)
    held = request.getfixturevalue(way)
    reached = np.isfinite(held).all(axis=(1, 2))  # a straight line between two conformers can be too narrow
    assert reached.mean() > 0.98
    free, held, positions = trajectory["forces"][reached], held[reached], trajectory["positions"][reached][:, atoms]
    differences = forces(free) - forces(held)
    lines = positions[:, :, None] - positions[:, None, :]
    lengths = np.linalg.norm(lines, axis=-1)
    i, j = np.nonzero(~np.eye(len(atoms), dtype=bool))
    along = (differences[:, i] * lines[:, i, j]).sum(axis=-1) / lengths[:, i, j]
    error = along.std(axis=0) / np.sqrt(len(along))
    assert_agrees(
        along.mean(axis=0), error=error, expected=0.0, what="free minus held force, kJ/mol/nm", n_samples=len(along)
    )


def _noise(alanine, trajectory, atoms, path, interval):
    """Variance between four averages from each of eighty starts, mean and standard error over the starts."""
    section = MeanForceSection(length_ps=0.48, sample_interval_ps=interval)
    store = SegmentStore(path, "f")
    starts = np.repeat(trajectory["positions"][::25][:80], 4, axis=0)
    record_mean_forces(
        Dynamics(with_held(alanine, atoms), _SECTION), section, starts,
        name="m", root_seed=4, per_segment=1000, store=store,
    )  # fmt: skip
    forces = aggregate_map(pick_atoms(atoms, 22), alanine.constraints)(joined(store)["forces"])
    variances = forces.reshape(80, 4, -1).var(axis=1, ddof=1).mean(axis=1)
    return variances.mean(), variances.std(ddof=1) / np.sqrt(80)


def test_vibrations_cancel_in_an_average_that_sees_them(alanine, trajectory, atoms, tmp_path):
    """By default it looks often enough: more gains little, half as often makes it several times worse."""
    default = MeanForceSection().sample_interval_ps
    often, usual, seldom = (
        _noise(alanine, trajectory, atoms, tmp_path / str(factor), factor * default) for factor in (0.6, 1, 2)
    )
    assert 2 * often[0] - usual[0] > 4 * np.hypot(2 * often[1], usual[1])
    assert seldom[0] - 4 * usual[0] > 4 * np.hypot(seldom[1], 4 * usual[1])
