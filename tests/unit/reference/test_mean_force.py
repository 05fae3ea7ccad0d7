"""Mean forces: beads stay, bits repeat, errors are what the section says; their value is tested in tests/physics."""

import numpy as np
import pytest
from stored import joined

from cgpipe.config.reference import MeanForceSection
from cgpipe.data.segments import SegmentStore
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.mean_force import Lead, record_mean_forces, superposed_on, with_held

_HELD = np.array([4, 6, 8, 10, 14, 16])
_SECTION = MeanForceSection(n_configurations=5, length_ps=0.08)


@pytest.fixture(scope="module")
def starts(alanine):
    return np.repeat(alanine.starts["native"][None], 5, axis=0)


@pytest.fixture
def record(alanine, section, starts, tmp_path):
    def make(name, *, n_starts=5, seed=3, section_=_SECTION):
        store = SegmentStore(tmp_path / name, "fingerprint")
        dynamics = Dynamics(with_held(alanine, _HELD), section)
        record_mean_forces(dynamics, section_, starts[:n_starts], name="m", root_seed=seed, per_segment=2, store=store)
        return joined(store)

    return make


def _same(first, second):
    return all(np.array_equal(first[key], second[key]) for key in first)


def test_held_atoms_stay_where_they_are(alanine, section):
    dynamics = Dynamics(with_held(alanine, _HELD), section)
    dynamics.renew(1)
    dynamics.place(alanine.starts["native"], 1)
    before = dynamics.state()["positions"]
    dynamics.step(1.0)
    moved = np.linalg.norm(dynamics.state()["positions"] - before, axis=1)
    assert moved[_HELD].max() < 1e-6
    assert np.delete(moved, _HELD).min() > 1e-3


def test_equal_seeds_give_equal_bits_and_others_do_not(record):
    first = record("a")
    assert _same(record("b"), first)
    assert not _same(record("c", seed=4), first)


def test_resumed_equals_uninterrupted(record):
    whole = record("whole")
    record("killed", n_starts=4)  # two segments of two
    assert _same(record("killed"), whole)


def test_configurations_have_velocities_of_their_own(record):
    forces = record("a")["forces"]  # of equal starts
    assert len(np.unique(forces[:, _HELD[0], 0])) == 5


class _Counting:
    """Dynamics whose forces count the samples."""

    def __init__(self):
        self._count = 0.0
        self.renew = self.place = lambda *_: None

    def step(self, duration):
        assert duration == 0.04

    def frame(self):
        self._count += 1.0
        return None, np.full((22, 3), self._count), 0.0


def test_mean_and_deviation_are_those_of_two_halves(starts, tmp_path):
    store = SegmentStore(tmp_path / "counted", "fingerprint")
    section = MeanForceSection(n_configurations=1, n_jobs=1, length_ps=0.16, sample_interval_ps=0.04)
    record_mean_forces(_Counting(), section, starts[:1], name="m", root_seed=0, per_segment=1, store=store)
    (frames,) = store.frames()
    assert frames["forces"] == pytest.approx(2.5)  # of 1, 2, 3, 4
    assert frames["deviations"] == pytest.approx(-1.0)  # half of 1.5 - 3.5


def _turned(positions, angle):
    """Positions after a rotation about z and a shift."""
    c, s = np.cos(angle), np.sin(angle)
    return positions @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [0.3, -0.2, 0.5]


def test_a_rigid_body_is_laid_on_its_target(alanine):
    native = alanine.starts["native"]
    moved = superposed_on(native, _HELD, _turned(native, 2.0)[_HELD])
    np.testing.assert_allclose(moved, _turned(native, 2.0), atol=1e-9)


def test_a_mirror_image_is_not_reached_by_reflection(alanine):
    native = alanine.starts["native"]
    moved = superposed_on(native, _HELD, (native * [1, 1, -1])[_HELD])
    ours, theirs = (x - x.mean(axis=0) for x in (native, moved))
    assert np.linalg.det(np.linalg.lstsq(ours, theirs, rcond=None)[0]) == pytest.approx(1.0)


@pytest.fixture
def lead(alanine, section):
    """Maker of the joined record of one configuration, led from the native one to a target."""

    def make(store, target):
        starts = alanine.starts["native"][None]
        record_mean_forces(
            Dynamics(with_held(alanine, _HELD), section),
            MeanForceSection(length_ps=0.4, equilibration_ps=0.2),
            starts,
            name="m",
            root_seed=3,
            per_segment=1,
            store=store,
            lead=Lead(_HELD, target[None], 0.4),
        )
        return joined(store)

    return make


def test_beads_arrive_and_the_others_follow(alanine, section):
    """Turned, moved and bent: beads are at their target, constrained bonds as long as before."""
    dynamics, native = Dynamics(with_held(alanine, _HELD), section), alanine.starts["native"]
    dynamics.renew(1)
    target = _turned(native, 0.5)[_HELD] + 0.01 * np.random.default_rng(1).standard_normal((6, 3))
    dynamics.place(superposed_on(native, _HELD, target), 1, centred=False)
    assert np.abs(dynamics.state()["positions"][_HELD] - target).max() > 1e-3
    dynamics.lead(_HELD, target, 0.4)
    found = dynamics.state()["positions"]
    np.testing.assert_allclose(found[_HELD], target, atol=1e-6)
    lengths = [
        np.linalg.norm(x[alanine.constraints[:, 0]] - x[alanine.constraints[:, 1]], axis=1) for x in (found, native)
    ]
    np.testing.assert_allclose(*lengths, rtol=1e-4)


def test_forces_are_those_of_the_new_place(lead, alanine, tmp_path):
    """A bead a tenth of an angstrom off its bond is pulled back along it."""
    native = alanine.starts["native"]
    target = native[_HELD].copy()
    away = target[3] - target[2]
    target[3] += 0.01 * away / np.linalg.norm(away)  # CB from CA
    frames = lead(SegmentStore(tmp_path / "led", "fingerprint"), target)
    np.testing.assert_allclose(frames["positions"][0][_HELD], target, atol=1e-6)
    assert frames["forces"][0][_HELD[3]] @ away / np.linalg.norm(away) < -1000


def test_a_place_that_cannot_be_reached_has_no_forces(lead, alanine, tmp_path):
    """Two beads on one point."""
    target = alanine.starts["native"][_HELD].copy()
    target[1] = target[0]
    frames = lead(SegmentStore(tmp_path / "led", "fingerprint"), target)
    assert np.isnan(frames["forces"]).all()
