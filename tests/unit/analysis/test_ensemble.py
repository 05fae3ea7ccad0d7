"""Histograms hold the weights they were given, and sums of units are sums of histograms."""

from dataclasses import replace

import numpy as np
import pytest

from cgpipe.analysis.ensemble import ANGLE_EDGES, BOND_EDGES, Ensemble, edges, histogram_unit, merge

_HISTOGRAMS = ("torsions", "bonds", "angles")
_SUMS = (*_HISTOGRAMS, "handedness", "weights", "n_frames", "squared_weights")


@pytest.fixture
def weights(rng):
    return rng.random((3, 4, 50))


@pytest.fixture
def ensemble(ensemble_of, draw_torsions, weights, rng):
    """Three groups, four times, 50 weighted frames each."""
    return ensemble_of(draw_torsions((3, 4, 50), rng), weights)


def test_histograms_sum_to_the_weights(ensemble, weights):
    expected = weights.sum(-1).ravel()
    np.testing.assert_allclose(ensemble.weights, expected)
    np.testing.assert_allclose(ensemble.torsions.sum((2, 3)), expected[:, None])
    for name in ("bonds", "angles"):
        table = getattr(ensemble, name)
        np.testing.assert_allclose(table.sum(-1), np.broadcast_to(expected[:, None], table.shape[:2]))
    np.testing.assert_allclose(ensemble.squared_weights, (weights**2).sum(-1).ravel())
    assert ensemble.n_frames.tolist() == [50] * 12


def test_a_frame_falls_into_the_bin_of_its_torsions(ensemble_of):
    phi, psi = np.deg2rad([-100.0, 50.0])
    ensemble = ensemble_of(np.array([[[[phi, psi]]]]), n_bins=12)
    assert np.argwhere(ensemble.torsions[0, 0]).tolist() == [[2, 7]]  # bins of 30 degrees from -180
    assert np.searchsorted(edges(12), [phi, psi]).tolist() == [3, 8]


def test_frames_on_the_seam_are_counted(ensemble_of):
    ensemble = ensemble_of(np.array([[[[np.pi, -np.pi], [-np.pi, np.pi]]]]))
    assert ensemble.torsions.sum() == 2


def test_values_outside_count_in_the_outermost_bins(frames_of):
    trajectory = frames_of(np.zeros(2), np.zeros(2))
    huge = replace(trajectory, positions=trajectory.positions * 20)
    ensemble = histogram_unit(huge, np.ones(2), group=0, time=0, cluster=0, n_bins=12)
    assert (ensemble.bonds[0, :, -1] == 2).all()


def test_bonds_and_angles_fall_into_their_bins(ensemble):
    first = ensemble.bonds[0, 0]
    (place,) = np.flatnonzero(first)
    assert BOND_EDGES[place] <= 0.14 + 1e-6
    assert BOND_EDGES[place + 1] >= 0.14 - 1e-6
    (bend,) = np.flatnonzero(ensemble.angles[0, 0])
    assert ANGLE_EDGES[bend] <= 1.95 <= ANGLE_EDGES[bend + 1]


@pytest.mark.parametrize("labels", ["groups", "times", "clusters"])
def test_merge_adds_units_of_a_label(ensemble, labels):
    chosen = getattr(ensemble, labels)
    merged = merge(ensemble, chosen)
    for index, label in enumerate(np.unique(chosen)):
        for name in _SUMS:
            expected = getattr(ensemble, name)[chosen == label].sum(0)
            np.testing.assert_allclose(getattr(merged, name)[index], expected, rtol=1e-12)
    assert getattr(merged, labels).tolist() == sorted(set(chosen.tolist()))


def test_merge_into_one_keeps_every_sum(ensemble):
    whole = merge(ensemble, np.zeros(12, dtype=int))
    for name in _SUMS:
        np.testing.assert_allclose(getattr(whole, name)[0], getattr(ensemble, name).sum(0), rtol=1e-12)


def test_merge_does_not_depend_on_the_order_of_the_units(ensemble, rng):
    order = rng.permutation(12)
    shuffled = Ensemble(**{name: getattr(ensemble, name)[order] for name in Ensemble.__dataclass_fields__})
    first, second = merge(ensemble, ensemble.groups), merge(shuffled, shuffled.groups)
    for name in _HISTOGRAMS:
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-12)


def test_effective_frames_of_equal_weights_are_all(ensemble_of, draw_torsions, rng):
    assert ensemble_of(draw_torsions((2, 2, 30), rng)).n_effective == pytest.approx(120)


def test_effective_frames_of_one_heavy_frame_are_one(ensemble_of, draw_torsions, rng):
    weights = np.full((1, 1, 30), 1e-9)
    weights[0, 0, 4] = 1.0
    assert ensemble_of(draw_torsions((1, 1, 30), rng), weights).n_effective == pytest.approx(1.0, rel=1e-6)
