"""Weights by a Markov model: their claimed errors are the spread over repeated experiments."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.markov import estimate_markov
from cgpipe.analysis.stationary import equal_weights, stationary_weights
from cgpipe.errors import FitError

_MATRIX = np.array([[0.90, 0.10, 0.0, 0.0], [0.10, 0.85, 0.05, 0.0], [0.0, 0.04, 0.86, 0.10], [0.0, 0.0, 0.10, 0.90]])
_N_TRAJECTORIES, _LENGTH = 60, 40


def _stationary():
    """Of a chain of neighbours: pi_i P_ij = pi_j P_ji."""
    ratios = np.cumprod([1.0, *(_MATRIX[k, k + 1] / _MATRIX[k + 1, k] for k in range(3))])
    return ratios / ratios.sum()


def _walks(rng, n_walks=_N_TRAJECTORIES, length=_LENGTH):
    """Short trajectories that all start in the first state."""
    states = np.zeros((n_walks, length), dtype=np.intp)
    bounds = _MATRIX.cumsum(1)
    for frame in range(1, length):
        states[:, frame] = (rng.random((n_walks, 1)) > bounds[states[:, frame - 1]]).sum(1)
    return list(states)


def _weights(walks, *, n_clusters=4, n_lag=2, n_bootstrap=60, n_blocks=10, seed=1):
    model = estimate_markov(walks, n_states=n_clusters, n_lag=n_lag, lag=1.0)
    rng = np.random.default_rng(seed)
    found = stationary_weights(
        model, walks, n_clusters=n_clusters, n_lag=n_lag, n_blocks=n_blocks, n_bootstrap=n_bootstrap, rng=rng
    )
    return model, found


@pytest.fixture(scope="module")
def experiments():
    """Models and weights of 48 experiments."""
    rng = np.random.default_rng(4)
    return [_weights(_walks(rng), seed=seed) for seed in range(48)]


def test_frames_share_the_stationary_probability_of_their_state():
    walks = _walks(np.random.default_rng(5))
    model, found = _weights(walks)
    counts = np.bincount(np.concatenate(walks), minlength=4)
    np.testing.assert_allclose(np.exp(found.log_weights) * counts, model.stationary)
    assert np.abs(counts / counts.sum() - _stationary()).max() > 0.05, "control: the frames tell another population"


@pytest.mark.parametrize("state", range(4))
def test_the_spread_of_the_resamples_is_that_of_repeated_experiments(experiments, state):
    """Within the error of a standard deviation of 48 values, 10 %, and the bootstrap's own bias of that order."""
    values = np.array([model.stationary[state] for model, _ in experiments])
    claimed = [(found.draws[:, state] * model.stationary[state]).std() for model, found in experiments]
    spread = values.std(ddof=1)
    error = spread / np.sqrt(2 * (len(values) - 1))
    assert_agrees(np.mean(claimed), error=error, expected=spread, what="claimed error", n_samples=len(values))


def test_halves_differ_by_twice_the_error(experiments):
    """Two halves, each with a variance of twice the whole: a difference of variance four times the whole's."""
    values = np.array([model.stationary[0] for model, _ in experiments])
    differences = [
        ((found.halves[:, 0, 0] - found.halves[:, 1, 0]) * model.stationary[0] / 2).std()
        for model, found in experiments
    ]
    spread = values.std(ddof=1)
    error = spread / np.sqrt(2 * (len(values) - 1))
    assert_agrees(np.mean(differences), error=error, expected=spread, what="half difference", n_samples=len(values))


def test_the_factors_scatter_about_one(experiments):
    means = np.array([found.draws.mean(0) for _, found in experiments])
    error = means.std(0, ddof=1) / np.sqrt(len(means))
    bias = np.abs(means.mean(0) - 1)
    assert (bias < np.maximum(3 * error, 0.1)).all(), f"bias {bias}, errors {error}"


def test_few_long_trajectories_are_resampled_by_blocks():
    """Two trajectories: whole ones would give three different resamples."""
    walks = _walks(np.random.default_rng(6), n_walks=2, length=3000)
    _, found = _weights(walks)
    assert len(np.unique(found.draws[:, 0])) > 20
    assert len(np.unique(found.halves[:, 0, 0])) > 20


def test_clusters_outside_the_connected_set_count_nothing_anywhere():
    """The fifth state is left for good by one trajectory."""
    walks = _walks(np.random.default_rng(7))
    walks[0] = np.r_[4, 4, 4, walks[0]]
    _, found = _weights(walks, n_clusters=6)
    assert np.isneginf(found.log_weights[4:]).all()
    assert not found.draws[:, 4:].any()
    assert not found.halves[:, :, 4:].any()


def test_resamples_that_fall_apart_are_an_error():
    """One trajectory in sixty crosses and returns: most resamples hold it, no two halves do."""
    walks = [np.zeros(40, dtype=np.intp)] * 59 + [np.r_[[0] * 10, [1] * 10, [0] * 20]]
    with pytest.raises(FitError, match=r"40 of 40 half splits .* no connected Markov model.*set analysis\.markov\.rew"):
        _weights(walks, n_clusters=2)


def test_equal_weights_have_no_resamples():
    found = equal_weights(5)
    assert not found.log_weights.any()
    assert found.draws.shape == (0, 5)
    assert found.halves.shape == (0, 2, 5)


def test_the_same_stream_gives_the_same_bits():
    walks = _walks(np.random.default_rng(8))
    first, second, other = (_weights(walks, seed=seed)[1] for seed in (1, 1, 2))
    assert first.draws.tobytes() == second.draws.tobytes()
    assert first.halves.tobytes() == second.halves.tobytes()
    assert first.draws.tobytes() != other.draws.tobytes()
