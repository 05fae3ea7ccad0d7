"""Errors and correlation times against series whose answer is known."""

import numpy as np
import pytest
from judgement import assert_agrees
from known_systems import autoregressive, inefficiency

from cgpipe.analysis.uncertainty import (
    bootstrap_counts,
    equilibration_start,
    half_splits,
    statistical_inefficiency,
)


def test_a_resample_holds_as_many_units_as_there_are(rng):
    counts = bootstrap_counts(7, 500, rng)
    assert counts.shape == (500, 7)
    assert (counts.sum(1) == 7).all()
    error = np.sqrt(1 / 500)  # a count is binomial with variance (1 - 1/7), below 1
    assert_agrees(counts.mean(0), error=error, expected=1.0, what="mean count of a unit", n_samples=500)


def test_bootstrap_error_of_a_mean_is_sigma_over_root_n(rng):
    """Over 200 samples of 40 units, the mean bootstrap variance is sigma^2 (n - 1)/n^2."""
    n_units, n_trials, sigma = 40, 200, 3.0
    samples = rng.normal(scale=sigma, size=(n_trials, n_units))
    means = [bootstrap_counts(n_units, 300, rng) @ sample / n_units for sample in samples]
    variances = np.var(means, axis=1, ddof=1)
    assert_agrees(
        variances.mean(),
        error=variances.std() / np.sqrt(n_trials),
        expected=sigma**2 * (n_units - 1) / n_units**2,
        what="bootstrap variance of a mean",
        n_samples=n_trials,
    )


@pytest.mark.parametrize("n_groups", [4, 5, 7, 12])
def test_halves_keep_whole_trajectories(n_groups, rng):
    groups = np.repeat(np.arange(n_groups), 3)
    halves = half_splits(groups, rng)
    assert 3 <= len(halves) <= 40
    for half in halves:
        chosen = set(groups[half])
        assert chosen.isdisjoint(groups[~half])
        assert len(chosen) == n_groups // 2


@pytest.mark.parametrize("n_groups", [4, 5, 6])
def test_every_split_of_few_trajectories_comes_once(n_groups, rng):
    halves = half_splits(np.arange(n_groups), rng)
    both_ways = {frozenset([frozenset(np.flatnonzero(h)), frozenset(np.flatnonzero(~h))]) for h in halves}
    assert len(both_ways) == len(halves) == {4: 3, 5: 10, 6: 10}[n_groups]


@pytest.mark.parametrize("groups", [np.zeros(10, int), np.repeat([0, 1, 2], 4)])
def test_halves_of_few_trajectories_are_random_halves_of_their_units(groups, rng):
    halves = half_splits(groups, rng)
    assert (halves.sum(1) == len(groups) // 2).all()
    assert len({half.tobytes() for half in halves}) > 30


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_inefficiency_of_an_autoregressive_series(correlation, rng):
    """(1 + c)/(1 - c). Cutting the sum at its first zero adds a little noise, below the spread over series."""
    values = [statistical_inefficiency(autoregressive(correlation, 20_000, rng)) for _ in range(20)]
    assert_agrees(
        np.mean(values),
        error=max(np.std(values) / np.sqrt(20), 0.005),
        expected=inefficiency(correlation),
        what="statistical inefficiency",
        n_samples=20,
    )


def test_inefficiency_is_at_least_one():
    assert statistical_inefficiency(np.array([1.0, -1.0] * 50)) == 1.0


@pytest.mark.parametrize("series", [np.ones(100), np.array([1.0, 2.0])])
def test_inefficiency_of_series_that_say_nothing_is_one(series):
    assert statistical_inefficiency(series) == 1.0


def test_equilibrium_starts_after_a_step(rng):
    series = rng.normal(size=2000)
    series[:400] += 10.0
    assert 400 <= equilibration_start(series) <= 450  # candidates are 25 frames apart


def test_equilibrium_starts_after_an_exponential_transient(rng):
    """Twenty times the noise at first, decaying over 60 frames: it has sunk into the noise after 3 to 10 times that."""
    times = np.arange(2000)
    start = equilibration_start(20 * np.exp(-times / 60) + rng.normal(size=2000))
    assert 3 * 60 <= start <= 10 * 60


def test_a_stationary_series_starts_early(rng):
    starts = [equilibration_start(rng.normal(size=2000)) for _ in range(10)]
    assert np.median(starts) <= 200


def test_equilibrium_starts_in_the_first_half_at_the_latest():
    assert equilibration_start(np.linspace(0, 1, 1000)) <= 500


def test_many_groups_are_halved_without_listing_all_splits(rng):
    """64 groups have 1.8e18 splits."""
    halves = half_splits(np.arange(64), rng)
    assert halves.shape == (40, 64)
    assert (halves.sum(1) == 32).all()
    assert len({tuple(half) for half in halves}) == 40
