"""Weights of umbrella windows against exact densities."""

import numpy as np
import pytest

from cgpipe.analysis.biased import first_halves, mbar_weights, profile, profile_error
from cgpipe.errors import FitError

_KT = 2.5
_GRID = np.linspace(0.0, 1.0, 2001)
_BARRIER = 10.0 * (1 - (4 * (_GRID - 0.5)) ** 2) ** 2 * (np.abs(_GRID - 0.5) < 0.25) + 3.0 * _GRID
"""Two flat wells with a barrier of 4 kT between them, kJ/mol."""
_CENTRES, _WIDTH = np.linspace(0.0, 1.0, 9), 0.125
_N = 400


def _draw(energy, n, rng):
    density = np.exp(-(energy - energy.min()))
    return rng.choice(_GRID, n, p=density / density.sum())


def _windows(x):
    return 0.5 * ((x - _CENTRES[:, None]) / _WIDTH) ** 2


def _experiment(rng):
    """Values of all windows, and their numbers, in random order."""
    values = np.concatenate([_draw(_BARRIER / _KT + bias, _N, rng) for bias in _windows(_GRID)])
    order = rng.permutation(len(values))
    return values[order], np.repeat(np.arange(len(_CENTRES)), _N)[order]


def _equal_weights(groups):
    """Of all frames but those of each group."""
    return [np.zeros((groups != group).sum()) for group in range(groups.max() + 1)]


def _upper_share(values, log_weights):
    weights = np.exp(log_weights - log_weights.max())
    return weights[values > 0.5].sum() / weights.sum()


def test_weights_give_the_populations_of_the_unbiased_density():
    """Mean of repeated experiments in standard errors; the plain share of frames is far off."""
    rng = np.random.default_rng(7)
    density = np.exp(-_BARRIER / _KT)
    exact = density[_GRID > 0.5].sum() / density.sum()
    shares = []
    for _ in range(30):
        values, window = _experiment(rng)
        shares.append(_upper_share(values, mbar_weights(_windows(values), window).log_weights))
    assert abs(np.mean(shares) - exact) < 3.5 * np.std(shares) / np.sqrt(len(shares))
    assert np.std(shares) < 0.05
    assert abs((values > 0.5).mean() - exact) > 0.1


def test_a_profile_is_the_free_energy_of_the_bins():
    values, window = _experiment(np.random.default_rng(8))
    edges = np.linspace(0, 1, 21)
    found = profile(values, mbar_weights(_windows(values), window).log_weights, edges, thermal_energy=_KT)
    density = np.histogram(_GRID, edges, weights=np.exp(-_BARRIER / _KT))[0]
    expected = -_KT * np.log(density / density.max())
    np.testing.assert_allclose(found[1:-1], expected[1:-1], atol=0.35 * _KT)
    assert found.min() == 0.0


def test_the_error_of_a_profile_is_that_of_independent_frames():
    """Twenty groups of two hundred frames each; ln p of a bin has the variance (1 - p) / (n p)."""
    shares, n_groups, n_frames = np.array([0.1, 0.2, 0.3, 0.4]), 20, 200
    groups, rng, ratios = np.repeat(np.arange(n_groups), n_frames), np.random.default_rng(3), []
    for _ in range(100):
        values = rng.choice(4, n_groups * n_frames, p=shares) + 0.5
        errors = profile_error(values, _equal_weights(groups), np.arange(5.0), groups, thermal_energy=_KT)
        ratios.append(errors**2 / (_KT**2 * (1 - shares) / (n_groups * n_frames * shares)))
    deviation = np.mean(ratios, axis=0) - 1
    assert (np.abs(deviation) < 4 * np.std(ratios, axis=0) / 10).all()


def test_trajectories_that_stay_where_they_began_have_the_error_of_their_number():
    """Halves of each would agree to the last digit; eight of twelve on the left are as sure as throws of a coin."""
    groups = np.repeat(np.arange(12), 50)
    values = np.where(groups < 8, 0.5, 1.5)
    errors = profile_error(values, _equal_weights(groups), np.array([0.0, 1, 2]), groups, thermal_energy=1.0)
    np.testing.assert_allclose(errors, np.sqrt([(1 / 3) / (12 * 2 / 3), (2 / 3) / (12 / 3)]), rtol=0.2)


def test_what_one_trajectory_alone_has_seen_has_no_error():
    groups, values = np.array([0, 0, 1, 1]), np.array([0.5, 1.5, 0.5, 0.5])
    errors = profile_error(values, _equal_weights(groups), np.array([0.0, 1, 2]), groups, thermal_energy=1.0)
    assert np.isfinite(errors).tolist() == [True, False]
    alone = profile_error(values, [np.zeros(4)], np.array([0.0, 1, 2]), 0 * groups, thermal_energy=1.0)
    assert np.isnan(alone).all()


def test_the_error_of_windows_is_the_scatter_of_repeated_experiments():
    """Between wells that many narrow windows join, the windows' normalisations are most of it, not the counts."""
    centres, width, n_groups, n_frames = np.linspace(0.0, 1.0, 17), 0.04, 5, 20
    groups = np.tile(np.repeat(np.arange(n_groups), n_frames), len(centres))
    window = np.repeat(np.arange(len(centres)), n_groups * n_frames)
    edges, rng, found = np.array([0.0, 0.5, 1.0]), np.random.default_rng(13), []

    def weights(values, chosen):
        energies = 0.5 * ((values[chosen] - centres[:, None]) / width) ** 2
        return mbar_weights(energies, window[chosen]).log_weights

    for _ in range(25):
        biases = 0.5 * ((_GRID - centres[:, None]) / width) ** 2
        values = np.concatenate([_draw(_BARRIER / _KT + bias, n_groups * n_frames, rng) for bias in biases])
        energies = profile(values, weights(values, groups >= 0), edges, thermal_energy=_KT)
        without = [weights(values, groups != group) for group in range(n_groups)]
        errors = profile_error(values, without, edges, groups, thermal_energy=_KT)
        found.append([energies[1] - energies[0], np.sum(errors)])  # errors of two bins that sum to one oppose
    scatter, reported = np.var(np.array(found)[:, 0], ddof=1), np.mean(np.array(found)[:, 1] ** 2)
    assert 0.4 < reported / scatter < 2.5  # of 25 experiments, a variance is known to 0.29


def test_overlap_is_between_neighbours():
    values, window = _experiment(np.random.default_rng(9))
    overlap = mbar_weights(_windows(values), window).overlap
    np.testing.assert_allclose(overlap.sum(1), 1.0)
    assert np.diag(overlap, 1).min() > 0.05
    assert overlap[0, -1] < 1e-3


def test_windows_without_frames_are_named():
    values, window = _experiment(np.random.default_rng(10))
    kept = window != 3
    with pytest.raises(FitError, match=r"umbrella windows \[3\] have fewer than 2 frames"):
        mbar_weights(_windows(values)[:, kept], window[kept])


def test_windows_that_nothing_connects_are_named():
    """Weights of either side would stand in no relation to those of the other."""
    values, window = _experiment(np.random.default_rng(11))
    kept = np.isin(window, [0, 1, 7, 8])
    number = np.searchsorted([0, 1, 7, 8], window[kept])
    narrow = 25 * _windows(values[kept])[[0, 1, 7, 8]]
    with pytest.raises(FitError, match=r"no frames connect the umbrella windows \[0, 1\] and \[2, 3\].*add windows"):
        mbar_weights(narrow, number)


def test_halves_are_of_each_trajectory():
    assert first_halves([4, 2, 3]).tolist() == [True, True, False, False, True, False, True, False, False]
