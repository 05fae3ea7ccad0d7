"""Noise on positions: labels whose mean is the mean force of the noised ensemble, with the least variance there is."""

import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.training.noise import Noise, force_share

_KT, _STIFFNESS, _WIDTH, _N = 2.5, 4000.0, 0.01, 40_000
_LABEL_NOISE = np.array([50.0, 1000.0])
"""Of the forces on two beads, kJ/mol/nm."""


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def frames(rng):
    """Two beads, each bound to its place by springs in x, y, z, with forces that carry noise."""
    positions = np.sqrt(_KT / _STIFFNESS) * rng.standard_normal((_N, 2, 3))
    forces = -_STIFFNESS * positions + _LABEL_NOISE[:, None] * rng.standard_normal((_N, 2, 3))
    topology = Topology(("CA", "CA"), ("C", "C"), ("ALA", "ALA"), (1, 2), (12.0, 12.0), ((0, 1),))
    return Trajectory(topology, positions, forces)


def _slopes(beads):
    """Slope of the label against the position of each bead, and its standard error, (n_beads,)."""
    x, f = (part.transpose(1, 0, 2).reshape(2, -1) for part in (beads.positions, beads.forces))
    slope = (x * f).sum(1) / (x * x).sum(1)
    left = f - slope[:, None] * x
    return slope, left.std(1) / np.sqrt((x * x).sum(1)), left.var(1)


def test_labels_are_the_mean_force_of_the_noised_ensemble(frames, rng):
    """Springs of kT / (kT/k + w^2): the noised ensemble of a spring is Gaussian."""
    slope, error, _ = _slopes(Noise(_WIDTH, _KT, rng).on(frames, np.arange(_N)))
    expected = -_KT / (_KT / _STIFFNESS + _WIDTH**2)
    assert np.abs((slope - expected) / error).max() < 3.5
    assert abs(expected) < 0.9 * _STIFFNESS  # far from the clean one, in many standard errors


def test_the_mix_has_the_least_variance(frames, rng):
    """About the mean force at x', the errors of force and score are known, and they oppose each other."""
    beads = Noise(_WIDTH, _KT, rng).on(frames, np.arange(_N))
    spring = _KT / (_KT / _STIFFNESS + _WIDTH**2)
    # x given x' has variance kT/k w^2 / (kT/k + w^2); then F = -k x + noise and the score is kT (x - x') / w^2.
    inner = _WIDTH**2 * spring / _STIFFNESS
    force, score = _STIFFNESS**2 * inner + _LABEL_NOISE**2, (_KT / _WIDTH**2) ** 2 * inner
    cross = -_STIFFNESS * _KT / _WIDTH**2 * inner
    share = np.clip((score - cross) / (force + score - 2 * cross), 0, 1)
    least = share**2 * force + (1 - share) ** 2 * score + 2 * share * (1 - share) * cross
    np.testing.assert_allclose(_slopes(beads)[2], least, rtol=0.03)
    assert (least < force).all()


def test_a_perfect_force_is_all_of_the_mix(rng):
    """Without noise of the label and without curvature there is nothing to gain."""
    force = np.full((10_000, 1, 3), 2.0)
    assert force_share(force, force + rng.standard_normal(force.shape)) == pytest.approx(1.0, abs=0.05)


def test_no_width_changes_nothing(frames, rng):
    assert Noise(0.0, _KT, rng).on(frames, np.arange(_N)) is frames


def test_frames_with_weights_are_refused(frames, rng):
    weighted = Trajectory(frames.topology, frames.positions, frames.forces, np.zeros(_N))
    with pytest.raises(DataError, match=r"carry weights.* leave it at 0 for biased references"):
        Noise(_WIDTH, _KT, rng).on(weighted, np.arange(_N))
    with pytest.raises(DataError, match="carry no forces"):
        Noise(_WIDTH, _KT, rng).on(Trajectory(frames.topology, frames.positions), np.arange(_N))
