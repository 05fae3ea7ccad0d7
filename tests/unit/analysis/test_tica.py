"""TICA finds the slow direction of mixed autoregressive processes, and its correlation time."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.tica import fit_tica
from cgpipe.errors import FitError

_KEPT = np.array([0.99, 0.7])
"""Of each process from one frame to the next."""
_N_FRAMES, _LAG = 100_000, 5


@pytest.fixture(scope="module")
def processes():
    """Two independent AR(1) processes of unit variance, (n_frames, 2)."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((_N_FRAMES, 2)) * np.sqrt(1 - _KEPT**2)
    values = np.empty_like(noise)
    values[0] = rng.standard_normal(2)
    for frame in range(1, _N_FRAMES):
        values[frame] = _KEPT * values[frame - 1] + noise[frame]
    return values


@pytest.fixture(scope="module")
def mixed(processes):
    """The slow process hidden behind the fast one, which has 30 times its amplitude."""
    return processes @ np.array([[1.0, 0.4], [30.0, -6.0]]) + np.array([3.0, -7.0])


def _slowest(features):
    return fit_tica([(features[:-_LAG], features[_LAG:])], n_tics=1)(features)[:, 0]


def test_the_slow_process_is_found_behind_a_fast_one(processes, mixed):
    correlation = np.corrcoef(_slowest(mixed), processes[:, 0])[0, 1]
    assert abs(correlation) > 0.99
    assert abs(np.corrcoef(mixed[:, 0], processes[:, 0])[0, 1]) < 0.2, "control: no feature shows it"


def test_its_correlation_is_that_of_the_process(mixed):
    """The autocorrelation at the lag is 0.99^5; its error follows from the effective number of samples."""
    slow = _slowest(mixed)
    measured = np.corrcoef(slow[:-_LAG], slow[_LAG:])[0, 1]
    expected = _KEPT[0] ** _LAG
    n_effective = _N_FRAMES * (1 - _KEPT[0]) / (1 + _KEPT[0])
    error = (1 - expected**2) / np.sqrt(n_effective)
    assert_agrees(measured, error=error, expected=expected, what="autocorrelation", n_samples=n_effective)


def test_pieces_add_up_to_the_whole(mixed):
    whole = fit_tica([(mixed[:-_LAG], mixed[_LAG:])], n_tics=2)
    cuts = [slice(k, k + 10_000) for k in range(0, _N_FRAMES - _LAG, 10_000)]
    pieces = fit_tica([(mixed[:-_LAG][cut], mixed[_LAG:][cut]) for cut in cuts], n_tics=2)
    np.testing.assert_allclose(pieces.matrix, whole.matrix, rtol=1e-6)


def test_trajectories_shorter_than_the_lag_are_an_error():
    with pytest.raises(FitError, match=r"longer than the lag; lower analysis\.markov\.lag_ps"):
        fit_tica([], n_tics=1)


def test_fewer_components_than_asked_for_are_an_error(mixed):
    twice = np.column_stack([mixed[:, 0], 2 * mixed[:, 0]])
    with pytest.raises(FitError, match="1 independent components, fewer than n_tics 2"):
        fit_tica([(twice[:-_LAG], twice[_LAG:])], n_tics=2)
