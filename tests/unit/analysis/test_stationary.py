"""Weights by a Markov model: their claimed errors are the spread over repeated experiments."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.markov import estimate_markov
from cgpipe.analysis.stationary import Bundles, equal_weights, stationary_weights
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


def _bundles(walks, n_bundles=10, n_bootstrap=60):
    """Neighbouring trajectories together; blocks of time where there are fewer trajectories than bundles."""
    if len(walks) < n_bundles:
        own = n_bundles // len(walks)
        return Bundles([k * own + np.arange(len(walk)) * own // len(walk) for k, walk in enumerate(walks)], n_bootstrap)
    return Bundles([np.full(len(walk), k * n_bundles // len(walks)) for k, walk in enumerate(walks)], n_bootstrap)


def _weights(walks, bundles=None, *, n_clusters=4, n_lag=2, seed=1):
    model = estimate_markov(walks, n_states=n_clusters, n_lag=n_lag, lag=1.0)
    rng = np.random.default_rng(seed)
    bundles = bundles or _bundles(walks)
    return model, stationary_weights(model, walks, bundles, n_clusters=n_clusters, n_lag=n_lag, rng=rng)


def _counts(walks, bundles, n_clusters=4):
    """Frames of each bundle in each cluster, (n_bundles, n_clusters)."""
    counts = np.zeros((bundles.n_bundles, n_clusters))
    for walk, members in zip(walks, bundles.members, strict=True):
        np.add.at(counts, (members, walk), 1)
    return counts


def _populations(walks, found, factors):
    """Of each state in resamples, (n_draws, n_states): weighted frames, as the histograms count them."""
    counts = _counts(walks, _bundles(walks))
    weights = (counts * np.exp(found.log_weights)).ravel() * factors
    shares = weights.reshape(len(factors), *counts.shape).sum(1)
    return shares / shares.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def experiments():
    """Trajectories, model and weights of 48 experiments."""
    rng = np.random.default_rng(4)
    found = []
    for seed in range(48):
        walks = _walks(rng)
        found.append((walks, *_weights(walks, seed=seed)))
    return found


def test_frames_share_the_stationary_probability_of_their_state():
    walks = _walks(np.random.default_rng(5))
    model, found = _weights(walks)
    counts = np.bincount(np.concatenate(walks), minlength=4)
    np.testing.assert_allclose(np.exp(found.log_weights) * counts, model.stationary)
    assert np.abs(counts / counts.sum() - _stationary()).max() > 0.05, "control: the frames tell another population"


@pytest.mark.parametrize("state", range(4))
def test_the_spread_of_the_resamples_is_that_of_repeated_experiments(experiments, state):
    """Ten bundles show sqrt(9 / 10) of the spread; that of 48 values is known to 10 %."""
    values = np.array([model.stationary[state] for _, model, _ in experiments])
    claimed = [_populations(walks, found, found.draws)[:, state].std() for walks, _, found in experiments]
    spread = values.std(ddof=1) * np.sqrt(0.9)
    error = spread / np.sqrt(2 * (len(values) - 1))
    assert_agrees(np.mean(claimed), error=error, expected=spread, what="claimed error", n_samples=len(values))


def test_halves_differ_by_twice_the_error(experiments):
    """Two halves, each with a variance of twice the whole: a difference of variance four times the whole's."""
    values = np.array([model.stationary[0] for _, model, _ in experiments])
    differences = []
    for walks, _, found in experiments:
        first, second = (_populations(walks, found, found.halves[:, side])[:, 0] for side in (0, 1))
        differences.append(np.sqrt(((first - second) ** 2).mean()) / 2)
    spread = values.std(ddof=1)
    error = spread / np.sqrt(2 * (len(values) - 1))
    assert_agrees(np.mean(differences), error=error, expected=spread, what="half difference", n_samples=len(values))


def test_frames_of_a_half_count_in_that_half_only():
    """So distances and lines of two halves differ by the noise of their frames, not by their weights alone."""
    walks = _walks(np.random.default_rng(9))
    _, found = _weights(walks)
    factors = found.halves.reshape(len(found.halves), 2, 10, 4)
    counted = factors.any(-1)
    assert (counted.sum(-1) == 5).all()
    assert (counted[:, 0] ^ counted[:, 1]).all()


def test_a_frame_of_a_bundle_drawn_twice_counts_twice():
    walks = _walks(np.random.default_rng(9))
    _, found = _weights(walks)
    factors = found.draws.reshape(len(found.draws), 10, 4)
    ratios = factors / factors.max(1, keepdims=True)
    assert len(np.unique(np.round(ratios, 9))) < 20, "shares of whole numbers of draws"
    assert (factors == 0).all(-1).mean() == pytest.approx(0.9**10, abs=0.05), "bundles that were not drawn"


def test_few_long_trajectories_are_resampled_by_blocks():
    """Two trajectories: whole ones would give three different resamples."""
    walks = _walks(np.random.default_rng(6), n_walks=2, length=3000)
    _, found = _weights(walks)
    assert found.draws.shape[1] == 10 * 4
    assert len(np.unique(found.draws[:, 0])) > 20
    assert len(np.unique(found.halves[:, 0, 0])) > 20


def test_clusters_outside_the_connected_set_count_nothing_anywhere():
    """The fifth state is left for good by one trajectory."""
    walks = _walks(np.random.default_rng(7))
    walks[0] = np.r_[4, 4, 4, walks[0]]
    _, found = _weights(walks, n_clusters=6)
    assert np.isneginf(found.log_weights[4:]).all()
    assert not found.draws.reshape(len(found.draws), 10, 6)[..., 4:].any()
    assert not found.halves.reshape(len(found.halves), 2, 10, 6)[..., 4:].any()


def test_resamples_that_fall_apart_are_an_error():
    """One trajectory in sixty crosses and returns: of two halves only one holds it."""
    walks = [np.zeros(40, dtype=np.intp)] * 59 + [np.r_[[0] * 10, [1] * 10, [0] * 20]]
    with pytest.raises(FitError, match=r"35 of 35 half splits .* no connected Markov model.*set analysis\.markov\.rew"):
        _weights(walks, _bundles(walks, 8), n_clusters=2)


def test_resamples_on_other_states_are_left_out():
    """Where the crossing is not drawn, states of hardly any weight are the largest connected set: no resample."""
    walks = [np.zeros(40, dtype=np.intp)] * 50 + [np.r_[[0] * 10, [1] * 10, [0] * 20]] + [np.tile([2, 2, 3, 3], 10)] * 9
    with pytest.raises(FitError, match=r"half splits .* no connected Markov model"):
        _weights(walks, _bundles(walks), n_clusters=4)


def test_a_single_bundle_is_an_error():
    walks = _walks(np.random.default_rng(6), n_walks=1, length=300)
    with pytest.raises(FitError, match="a single block of frames tells nothing of the errors"):
        _weights(walks, Bundles([np.zeros(300, dtype=np.intp)], 60))


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
