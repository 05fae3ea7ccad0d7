"""What the folds of a force field disagree about: an uncertainty of its forces, judged on labels that none has seen.

The folds differ in their data and first weights, so their spread s^2 estimates what these contribute to the error of
the mean force. Labels F_i = F + noise tell how well: the squared deviation of the folds' mean from them is

    <|F_mean - F_i|^2> = noise + c s^2 / n_folds,

where c = 1 means that the spread is all of the error, and a larger c that the folds err together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.errors import FitError

Array = NDArray[np.float64]
_N_GROUPS = 10
"""Groups of frames of equal size and rising spread, through which the line is drawn."""
_LIMIT = 0.99
"""Share of the training frames that lies within what is called known."""


def fold_spread(forces: Array) -> Array:
    """Variance of the folds' mean of a force component, (n_frames,), (kJ/mol/nm)^2.

    forces : (n_folds, n_frames, n_beads, 3), kJ/mol/nm, of two folds or more
    """
    return np.asarray(forces.var(axis=0, ddof=1).mean(axis=(1, 2)) / len(forces))


@dataclass(frozen=True)
class Calibration:
    """Squared deviations from labels against the spread of the folds, both in (kJ/mol/nm)^2."""

    spread: Array
    """(n_groups,), mean of each group."""
    deviation: Array
    """(n_groups,)."""
    deviation_error: Array
    """(n_groups,), standard error."""
    factor: float
    """c: how many times larger the error is than the spread says."""
    factor_error: float
    noise: float
    """Of the labels, beside what the folds do not know."""


def calibrate(spread: Array, deviation: Array) -> Calibration:
    """Line through groups of rising spread; both (n_frames,). Raises FitError where there are too few frames.

    The line is weighted by the errors of the groups, which frames in a row, being correlated, make a little too small.
    """
    if len(spread) < 2 * _N_GROUPS:
        raise FitError(
            f"{len(spread)} held-out frames cannot calibrate the uncertainty; raise split.test_fraction or record more"
        )
    groups = np.array_split(np.argsort(spread, kind="stable"), _N_GROUPS)
    x, y = (np.array([values[group].mean() for group in groups]) for values in (spread, deviation))
    error = np.array([deviation[group].std(ddof=1) / np.sqrt(len(group)) for group in groups])
    design = np.column_stack([x, np.ones_like(x)]) / error[:, None]
    covariance = np.linalg.pinv(design.T @ design)
    factor, noise = covariance @ design.T @ (y / error)
    return Calibration(x, y, error, float(factor), float(np.sqrt(covariance[0, 0])), float(noise))


def known_limit(spread: Array) -> float:
    """Spread that nearly all training frames stay below; beyond it the model extrapolates."""
    return float(np.quantile(spread, _LIMIT))


def mean_on_grid(points: Array, values: Array, limits: Array, n_bins: int) -> Array:
    """Mean of the values in each bin of a plane, (n_bins, n_bins), NaN where no point lies.

    points : (n_points, 2); limits: (2, 2), range of each axis
    """
    grid = [np.linspace(low, high, n_bins + 1) for low, high in limits]
    x, y = points.T
    counts = np.histogram2d(x, y, bins=grid)[0]
    sums = np.histogram2d(x, y, bins=grid, weights=values)[0]
    return np.asarray(np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0))
