"""Markov models of chains whose transition matrix is known."""

from dataclasses import replace

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.markov import (
    coarse_transitions,
    estimate_markov,
    metastable_states,
    predicted_persistence,
    sample_posterior,
    timescale_errors,
)
from cgpipe.errors import FitError

from .chain_samples import markov_walk

_T = np.array([[0.90, 0.099, 0.001, 0.0], [0.05, 0.95, 0.0, 0.0], [0.001, 0.0, 0.899, 0.10], [0.0, 0.0, 0.2, 0.8]])
"""Two pairs of states that interchange fast, with a slow exchange between the pairs."""
_LAG = 2.0


def _exact_timescales():
    values = np.sort(np.linalg.eigvals(_T).real)[::-1][1:]
    return -_LAG / np.log(values)


def _exact_stationary():
    values, vectors = np.linalg.eig(_T.T)
    vector = vectors[:, np.argmax(values.real)].real
    return vector / vector.sum()


def _chain(n_frames, rng, start=0):
    return markov_walk(_T, n_frames, rng, start)


@pytest.fixture(scope="module")
def trajectories():
    rng = np.random.default_rng(8)
    return [_chain(20_000, rng, start) for start in (0, 1, 2, 3)]


@pytest.fixture(scope="module")
def model(trajectories):
    return estimate_markov(trajectories, n_states=4, n_lag=1, lag=_LAG)


def test_exact_counts_give_the_exact_matrix():
    """0 1 0 0 1 1: transitions 01 10 00 01 11, whose reversible estimate for two states is n_ij / n_i."""
    model = estimate_markov([np.array([0, 1, 0, 0, 1, 1])], n_states=2, n_lag=1, lag=1.0)
    np.testing.assert_allclose(model.counts, [[1, 2], [1, 1]])
    np.testing.assert_allclose(model.stationary @ model.transitions, model.stationary)


def test_timescales_are_those_of_the_chain(model):
    samples = sample_posterior(model, n_samples=100, seed=1)
    errors = timescale_errors(model, samples, 3)
    assert_agrees(model.timescales(3), error=errors, expected=_exact_timescales(), what="timescale", n_samples=80_000)
    assert (errors < 0.5 * _exact_timescales()).all(), "control: the errors are small enough to see a fault"


def test_the_stationary_distribution_is_that_of_the_chain(model):
    samples = sample_posterior(model, n_samples=100, seed=2)
    spread = np.std([_stationary_of(sample) for sample in samples], axis=0, ddof=1)
    assert_agrees(model.stationary, error=spread, expected=_exact_stationary(), what="population", n_samples=80_000)


def _stationary_of(matrix):
    values, vectors = np.linalg.eig(matrix.T)
    vector = vectors[:, np.argmax(values.real)].real
    return vector / vector.sum()


def test_posterior_errors_are_the_spread_over_repeated_chains():
    rng = np.random.default_rng(3)
    found, claimed = [], []
    for _ in range(24):
        model = estimate_markov([_chain(5000, rng)], n_states=4, n_lag=1, lag=_LAG)
        found.append(model.transitions[0, 1])
        samples = sample_posterior(model, n_samples=40, seed=int(rng.integers(1 << 30)))
        claimed.append(np.std([sample[0, 1] for sample in samples], ddof=1))
    spread = np.std(found, ddof=1)
    assert_agrees(spread, error=spread / np.sqrt(2 * 23), expected=np.mean(claimed), what="error", n_samples=24)


def _with_strays(trajectories, n_strays):
    """A state of its own for single frames, each in a trajectory of its own, here and there."""
    found = [trajectory.copy() for trajectory in trajectories]
    for stray in range(n_strays):
        found[stray % len(found)][500 + 700 * stray] = 4 + stray
    return found


def test_states_that_were_hardly_entered_are_left_out(trajectories):
    """At a lag of five frames one visit is a fifth of a count, and the posterior would know nothing of its rates."""
    strayed = estimate_markov(_with_strays(trajectories, 6), n_states=10, n_lag=5, lag=5 * _LAG)
    assert strayed.states.tolist() == [0, 1, 2, 3]
    plain = estimate_markov(trajectories, n_states=10, n_lag=5, lag=5 * _LAG)
    np.testing.assert_allclose(strayed.timescales(3), plain.timescales(3), rtol=0.02)
    errors = timescale_errors(strayed, sample_posterior(strayed, n_samples=50, seed=1), 1)
    assert errors[0] < 0.2 * plain.timescales(1)[0]


def test_hardly_entered_states_that_hold_much_stay():
    """A third of all frames in a state that is entered two frames before the end: thin sampling, not a stray."""
    walk = np.r_[[2] * 1000, np.random.default_rng(12).integers(0, 2, 2000), [2] * 2]
    assert estimate_markov([walk], n_states=3, n_lag=5, lag=5.0).states.tolist() == [0, 1, 2]
    assert estimate_markov([walk[960:]], n_states=3, n_lag=5, lag=5.0).states.tolist() == [0, 1], "control: 2 %"


def test_the_error_covers_an_estimate_that_the_posterior_has_left(model):
    """Samples that are all slower than the model: the error is the distance, not their small width."""
    slower = [0.5 * matrix + 0.5 * np.eye(4) for matrix in sample_posterior(model, n_samples=50, seed=3)]
    errors = timescale_errors(model, slower, 1)
    distance = np.median([replace(model, transitions=m).timescales(1)[0] for m in slower]) - model.timescales(1)[0]
    assert distance > 0.5 * model.timescales(1)[0], "control: they are far off"
    assert errors[0] == pytest.approx(distance)


def test_same_seed_same_samples(model):
    first, second = (sample_posterior(model, n_samples=3, seed=7) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert not (sample_posterior(model, n_samples=1, seed=8)[0] == first[0]).all()


def test_macrostates_are_the_fast_pairs_the_most_populous_first(model):
    assignment = metastable_states(model, 2)
    heavy = int(_exact_stationary()[:2].sum() < 0.5)
    assert assignment.tolist() == [heavy, heavy, 1 - heavy, 1 - heavy]


def test_coarse_transitions_by_hand():
    transitions = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
    coarse = coarse_transitions(transitions, np.array([0.5, 0.25, 0.25]), np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(coarse, [[0.9, 0.1], [0.6, 0.4]])


def test_a_markovian_chain_passes_the_chapman_kolmogorov_test(model, trajectories):
    assignment = metastable_states(model, 2)
    longer = estimate_markov(trajectories, n_states=4, n_lag=8, lag=8 * _LAG)
    powers = [np.linalg.matrix_power(s, 8) for s in sample_posterior(model, n_samples=60, seed=4)]
    rows = [np.diag(coarse_transitions(power, model.stationary, assignment, 2)) for power in powers]
    assert_agrees(
        predicted_persistence(longer, assignment, 1, 2),
        error=np.std(rows, axis=0, ddof=1) * np.sqrt(2),
        expected=predicted_persistence(model, assignment, 8, 2),
        what="persistence",
        n_samples=80_000,
    )


def test_states_that_are_left_for_good_are_not_connected(trajectories):
    """A trajectory that starts in a state of its own, to which none returns."""
    model = estimate_markov([np.r_[4, 4, 4, trajectories[0]]], n_states=6, n_lag=1, lag=_LAG)
    assert model.states.tolist() == [0, 1, 2, 3]
    assert model.connected_fraction == pytest.approx(20_000 / 20_003)


@pytest.mark.parametrize(
    ("trajectories", "n_lag", "message"),
    [
        ([np.zeros(10, dtype=int)], 10, "the lag of 5 ps is 10 frames, but the longest trajectory has 10"),
        ([np.array([0, 0, 1, 1])], 1, "no two of the 2 states are connected in both directions"),
    ],
)
def test_what_cannot_be_estimated_is_an_error(trajectories, n_lag, message):
    with pytest.raises(FitError, match=message):
        estimate_markov(trajectories, n_states=2, n_lag=n_lag, lag=5.0)


def test_too_few_states_for_the_macrostates(model):
    with pytest.raises(FitError, match="4 connected states cannot make 4 macrostates"):
        metastable_states(model, 4)


def test_the_connected_set_with_most_frames_is_taken_not_that_with_most_states(trajectories):
    """Ten rarely seen states in a ring of their own, beside the chain of four that holds most frames."""
    ring = 4 + np.tile(np.arange(10), 5)
    model = estimate_markov([trajectories[0], ring], n_states=14, n_lag=1, lag=_LAG)
    assert model.states.tolist() == [0, 1, 2, 3]
    assert model.connected_fraction > 0.99
