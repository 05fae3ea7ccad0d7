"""The spread of the folds, and how it is judged, against errors that are known."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.disagreement import calibrate, fold_spread, known_limit, mean_on_grid
from cgpipe.errors import FitError

_NOISE = 30.0
"""Standard deviation of a label, kJ/mol/nm."""


def _folds(rng, *, n_folds, n_frames, common):
    """Forces of folds that err by themselves, and together by `common` times as much, and labels with noise."""
    width = rng.uniform(1.0, 20.0, size=n_frames)[:, None, None]
    shape = (n_frames, 5, 3)
    errors = width * rng.standard_normal((n_folds, *shape))
    together = common * width / np.sqrt(n_folds) * rng.standard_normal(shape)
    return errors + together, _NOISE * rng.standard_normal(shape), width[:, 0, 0]


@pytest.mark.parametrize("n_folds", [2, 4])
def test_the_spread_is_the_variance_of_the_mean(rng, n_folds):
    forces, _, width = _folds(rng, n_folds=n_folds, n_frames=20_000, common=0.0)
    ratio = (fold_spread(forces) / (width**2 / n_folds)[:, None]).mean(axis=1)
    error = ratio.std() / np.sqrt(len(ratio))
    assert_agrees(ratio.mean(), error=error, expected=1.0, what="spread over true variance", n_samples=len(ratio))


@pytest.mark.parametrize("common", [0.0, 1.0], ids=["errors of their own", "errors that they share"])
@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_calibration_finds_factor_and_noise(rng, common, n_folds):
    """The squared error is 1 + common^2 times what the spread says, however noisy the spread of two folds is."""
    forces, labels, _ = _folds(rng, n_folds=n_folds, n_frames=20_000, common=common)
    deviation = ((forces.mean(axis=0) - labels) ** 2).mean(axis=2)
    found = calibrate(fold_spread(forces), deviation, rng)
    assert_agrees(found.factor, error=found.factor_error, expected=1 + common**2, what="factor", n_samples=20_000)
    assert found.factor_error < 0.3
    assert found.noise == pytest.approx(_NOISE**2, rel=0.02)
    assert (np.diff(found.spread) > 0).all()


def test_the_error_covers_frames_that_repeat(rng):
    """Every frame ten times in a row knows as little as once."""
    forces, labels, _ = _folds(rng, n_folds=3, n_frames=1000, common=0.0)
    spread, deviation = fold_spread(forces), ((forces.mean(axis=0) - labels) ** 2).mean(axis=2)
    once = calibrate(spread, deviation, np.random.default_rng(1))
    repeated = calibrate(*(np.repeat(v, 10, axis=0) for v in (spread, deviation)), np.random.default_rng(1))
    assert repeated.factor_error == pytest.approx(once.factor_error, rel=0.2)


def test_too_few_frames_are_refused(rng):
    with pytest.raises(FitError, match=r"19 held-out frames.*split\.test_fraction"):
        calibrate(np.ones((19, 4)), np.ones((19, 4)), rng)


def test_the_limit_leaves_out_one_in_a_hundred():
    assert known_limit(np.arange(1001.0)) == pytest.approx(990.0)


def test_means_on_a_grid():
    points = np.array([[0.1, 0.1], [0.2, 0.2], [0.9, 0.1]])
    grid = mean_on_grid(points, np.array([1.0, 3.0, 7.0]), np.array([[0.0, 1.0], [0.0, 1.0]]), 2)
    assert grid[0, 0] == 2.0
    assert grid[1, 0] == 7.0
    assert np.isnan(grid[:, 1]).all()
