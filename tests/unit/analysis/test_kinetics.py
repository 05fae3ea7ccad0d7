"""Kinetics of a hidden chain of four states, whose timescales and transitions are known exactly."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.kinetics import Kinetics, KineticsEstimate
from cgpipe.analysis.markov import coarse_transitions
from cgpipe.analysis.states import StateSpace
from cgpipe.config.sections import MarkovSection
from cgpipe.errors import FitError

from .chain_samples import markov_walk

_T = np.array([[0.89, 0.10, 0.01, 0.0], [0.10, 0.90, 0.0, 0.0], [0.02, 0.0, 0.78, 0.20], [0.0, 0.0, 0.20, 0.80]])
"""From one frame to the next; two pairs of states that interchange fast, and slowly with each other."""
_PI = np.array([1.0, 1.0, 0.5, 0.5]) / 3
_PAIRS = np.array([0, 0, 1, 1])
_INTERVAL, _LAG = 2.0, 4.0
_SECTION = MarkovSection(lag_ps=_LAG, model_lag_ps=_LAG, n_macrostates=2, lag_factors=[0.5, 1.0, 2.0, 4.0, 5000.0])
_N_FRAMES = 8000


def _space(n_clusters=4):
    """Only clusters and macrostates matter here."""
    return StateSpace(
        mean=np.zeros(1),
        matrix=np.zeros((1, 2)),
        limits=np.zeros((2, 2)),
        centres=np.zeros((n_clusters, 2)),
        macrostates=_PAIRS[:n_clusters],
        log_weights=np.zeros(n_clusters),
        draws=np.empty((0, n_clusters)),
        halves=np.empty((0, 2, n_clusters)),
    )


def _hidden(n_frames, rng, start):
    return markov_walk(_T, n_frames, rng, start)


def _estimate(trajectories, *, lag=_LAG, seed=7, section=_SECTION, space=None):
    estimate = KineticsEstimate(trajectories, space or _space(), section, interval=_INTERVAL)
    return estimate.estimate(lag, key="lag_ps", root_seed=seed, name="reference")


@pytest.fixture(scope="module")
def trajectories():
    rng = np.random.default_rng(9)
    return [_hidden(_N_FRAMES, rng, start) for start in range(4)]


@pytest.fixture(scope="module")
def kinetics(trajectories):
    return _estimate(trajectories)


def _exact_timescales():
    """ps, of the matrix of one frame."""
    return -_INTERVAL / np.log(np.sort(np.linalg.eigvals(_T).real)[::-1][1:])


def _exact_persistence(n_frames):
    return np.diag(coarse_transitions(np.linalg.matrix_power(_T, n_frames), _PI, _PAIRS, 2))


def test_the_hidden_chain_is_reversible():
    """The truth of this file, itself tested: detailed balance."""
    flux = _PI[:, None] * _T
    np.testing.assert_allclose(flux, flux.T)
    np.testing.assert_allclose(_T.sum(1), 1.0)


def test_timescales_are_those_of_the_chain_at_the_lag(kinetics):
    errors, expected = kinetics.timescale_errors, _exact_timescales()
    assert_agrees(kinetics.timescales, error=errors, expected=expected, what="timescale, ps", n_samples=4 * _N_FRAMES)
    assert errors[0] < 0.25 * expected[0], "control: the error is small enough to see a fault"


def test_implied_timescales_do_not_depend_on_the_lag(kinetics):
    """Nor on its being twice the interval of frames or eight times; the fast ones are gone at long lags."""
    assert kinetics.lags.tolist() == [2.0, 4.0, 8.0, 16.0, 20000.0]
    slowest, errors = kinetics.implied[:4, 0], kinetics.implied_errors[:4, 0]
    assert_agrees(slowest, error=errors, expected=_exact_timescales()[0], what="timescale, ps", n_samples=4 * _N_FRAMES)


def test_the_implied_timescales_at_the_lag_are_the_timescales(kinetics):
    np.testing.assert_array_equal(kinetics.implied[1], kinetics.timescales)


def test_prediction_and_estimate_agree_with_the_chain(kinetics):
    """The test lags are the whole multiples of the lag of two frames; the last one is longer than any trajectory."""
    assert kinetics.test_lags.tolist() == [4.0, 8.0, 16.0, 20000.0]
    exact = np.array([_exact_persistence(n_frames) for n_frames in (2, 4, 8)])
    errors = kinetics.predicted_errors[:3]
    for what in ("predicted", "estimated"):
        found = getattr(kinetics, what)[:3].ravel()
        assert_agrees(found, error=errors.ravel(), expected=exact.ravel(), what=what, n_samples=4 * _N_FRAMES)
    assert (errors < 0.02).all(), "control: the errors are small enough to see a fault"


def test_prediction_and_estimate_are_one_at_the_lag_itself(kinetics):
    np.testing.assert_allclose(kinetics.predicted[0], kinetics.estimated[0], rtol=1e-12)
    np.testing.assert_allclose(kinetics.predicted[0], np.diag(kinetics.transitions), rtol=1e-12)


def test_a_chain_with_memory_fails_the_chapman_kolmogorov_test(trajectories):
    """Control: three states in one cluster, from which some paths come back soon and others late."""
    lumped = [np.array([0, 1, 1, 1])[part] for part in trajectories]
    space = StateSpace(**{**vars(_space(2)), "macrostates": np.array([0, 1])})
    kinetics = _estimate(lumped, space=space, section=_SECTION.model_copy(update={"lag_factors": [1.0, 12.0]}))
    distance = np.abs(kinetics.predicted[1] - kinetics.estimated[1]) / kinetics.predicted_errors[1]
    assert distance.max() > 6, distance


def test_errors_at_a_lag_of_many_frames_are_the_spread_over_repeated_chains():
    """Overlapping windows are not independent: taken as such, the errors would be 2.8 times too small at 8 frames."""
    rng = np.random.default_rng(10)
    section = MarkovSection(lag_ps=16.0, model_lag_ps=16.0, n_macrostates=2, lag_factors=[1.0, 2.0])
    found = [_estimate([_hidden(5000, rng, 0)], lag=16.0, section=section) for _ in range(40)]
    logs = np.log([kinetics.timescales[0] for kinetics in found])
    claimed = np.mean([kinetics.timescale_errors[0] / kinetics.timescales[0] for kinetics in found])
    spread = logs.std(ddof=1)
    assert_agrees(spread, error=spread / np.sqrt(2 * 39), expected=claimed, what="relative error", n_samples=40)


def test_transitions_and_populations_are_those_of_the_chain(kinetics):
    """Populations by the same delta rule as a timescale: the odds are a ratio of two rates."""
    exact = coarse_transitions(_T @ _T, _PI, _PAIRS, 2)
    n_events = 4 * _N_FRAMES * np.array([2 / 3 * 0.005, 1 / 3 * 0.01])
    error = 2 / 9 * np.sqrt((1 / n_events).sum())
    assert_agrees(kinetics.populations, error=error, expected=[2 / 3, 1 / 3], what="population", n_samples=n_events[0])
    error = exact * np.eye(2)[::-1] / np.sqrt(n_events)[:, None]  # a rate of n events, relative 1/sqrt(n)
    error = error + error[:, ::-1]
    assert_agrees(
        kinetics.transitions.ravel(), error=error.ravel(), expected=exact.ravel(), what="transition", n_samples=100
    )
    assert kinetics.connected_fraction.tolist() == [1.0]


def test_a_lag_that_is_too_long_for_the_trajectories_is_nan_while_the_others_work(kinetics):
    assert np.isnan(kinetics.implied[4]).all()
    assert np.isnan(kinetics.implied_errors[4]).all()
    assert np.isnan(kinetics.estimated[3]).all()
    assert np.isfinite(kinetics.predicted).all()
    assert np.isfinite(kinetics.timescales).all()


def test_lags_are_whole_frames_each_once(trajectories):
    """Whatever the factors ask for: a lag that was rounded but not called so would bend the timescales."""
    section = _SECTION.model_copy(update={"lag_factors": [0.01, 0.02, 1.0, 1.3]})
    kinetics = _estimate([part[:1000] for part in trajectories], section=section)
    frames = kinetics.lags / kinetics.lags[0]
    assert frames[0] == 1
    np.testing.assert_allclose(frames, np.round(frames))
    assert len(set(frames.tolist())) == len(frames)
    np.testing.assert_allclose(kinetics.lag % kinetics.lags[0], 0.0, atol=1e-12)


def test_fewer_states_than_timescales_leave_nan(trajectories):
    two = [_PAIRS[part][:2000] for part in trajectories]
    space = StateSpace(**{**vars(_space(2)), "macrostates": np.array([0, 1])})
    kinetics = _estimate(two, space=space)
    assert np.isfinite(kinetics.timescales).tolist() == [True, False, False]
    assert np.isfinite(kinetics.timescale_errors).tolist() == [True, False, False]


def test_a_main_lag_that_is_too_long_is_an_error(trajectories):
    with pytest.raises(FitError, match=r"the lag of 200 ps is 100 frames, but the longest trajectory has 100; lower"):
        _estimate([part[:100] for part in trajectories], lag=200.0)


def test_a_main_lag_that_is_too_short_is_an_error_with_its_key(trajectories):
    with pytest.raises(FitError, match=r"analysis\.markov\.lag_ps 0\.5 is shorter than the interval of frames, 2 ps"):
        _estimate(trajectories, lag=0.5)


def test_trajectories_are_not_joined(trajectories):
    """Two trajectories that stay in their own states are not connected by their order."""
    with pytest.raises(FitError, match="no two of the 4 states are connected"):
        _estimate([np.zeros(100, dtype=int), np.full(100, 2), np.zeros(100, dtype=int)])
    assert np.isfinite(_estimate([np.r_[part[:100], part[:100]] for part in trajectories]).timescales[0])


def test_the_same_seed_gives_the_same_bits(trajectories):
    short = [part[:1000] for part in trajectories]
    first, again, other = _estimate(short), _estimate(short), _estimate(short, seed=8)
    for name, values in first.to_arrays().items():
        assert values.tobytes() == getattr(again, name).tobytes(), name
    assert (first.timescale_errors != other.timescale_errors).all(), "control: the seed is used"
    assert (first.timescales == other.timescales).all()


def test_the_record_round_trips_through_named_arrays(kinetics):
    again = Kinetics(**kinetics.to_arrays())
    assert all(getattr(again, name) is values for name, values in kinetics.to_arrays().items())
