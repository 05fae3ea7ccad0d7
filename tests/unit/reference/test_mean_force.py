"""Mean forces: beads stay, bits repeat, errors are what the section says; their value is tested in tests/physics."""

import numpy as np
import pytest
from stored import joined

from cgpipe.config.reference import MeanForceSection
from cgpipe.data.segments import SegmentStore
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.mean_force import record_mean_forces, with_held

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
    section = MeanForceSection(n_configurations=1, n_jobs=1, length_ps=0.16)
    record_mean_forces(_Counting(), section, starts[:1], name="m", root_seed=0, per_segment=1, store=store)
    (frames,) = store.frames()
    assert frames["forces"] == pytest.approx(2.5)  # of 1, 2, 3, 4
    assert frames["deviations"] == pytest.approx(-1.0)  # half of 1.5 - 3.5
