"""What the folds of a force field disagree about: an uncertainty of its forces, judged on labels that none has seen.

The folds differ in their data and first weights, so their spread s^2 estimates what these contribute to the error of
the mean force. Labels F_i = F + noise tell how well: the squared deviation of the folds' mean from them is

    <|F_mean - F_i|^2> = noise + c s^2 / n_folds,

where c = 1 means that the spread is all of the error, and a larger c that the folds err together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.uncertainty import bootstrap_counts
from cgpipe.errors import FitError

Array = NDArray[np.float64]
_N_GROUPS = 10
"""Groups of frames of equal size and rising spread, through which the line is drawn."""
_N_STRETCHES = 20
"""Stretches of time that the bootstrap draws."""
_N_BOOTSTRAP = 200
_LIMIT = 0.99
"""Share of the training frames that lies within what is called known."""


def fold_spread(forces: Array) -> Array:
    """Variance of the folds' mean of a force component on each bead, (n_frames, n_beads), (kJ/mol/nm)^2.

    forces : (n_folds, n_frames, n_beads, 3), kJ/mol/nm, of two folds or more
    """
    return np.asarray(forces.var(axis=0, ddof=1).mean(axis=2) / len(forces))


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


def calibrate(spread: Array, deviation: Array, rng: np.random.Generator) -> Calibration:
    """Line through groups of frames of rising spread; both (n_frames, n_beads), frames in order of time.

    A spread of few folds is a noisy estimate. Were frames grouped by it, the line would be too flat; so they are
    grouped by the spread on one half of the beads and judged on the other half, in both ways. Errors are those of a
    bootstrap over stretches of time. Raises FitError where there are too few frames.
    """
    if len(spread) < 2 * _N_GROUPS:
        raise FitError(
            f"{len(spread)} held-out frames cannot calibrate the uncertainty; raise split.test_fraction or record more"
        )
    halves = [np.arange(spread.shape[1]) % 2 == part for part in (0, 1)]
    ranks = [np.argsort(np.argsort(spread[:, half].mean(axis=1), kind="stable")) for half in halves]
    groups = np.stack([rank * _N_GROUPS // len(spread) for rank in ranks[::-1]], axis=1)  # of a half by the other
    values = np.stack([[v[:, half].mean(axis=1) for half in halves] for v in (spread, deviation)], axis=-1)
    stretches = np.arange(len(spread)) * min(_N_STRETCHES, len(spread)) // len(spread)
    n_stretches = int(stretches[-1]) + 1
    sums = np.zeros((n_stretches, _N_GROUPS, 3))
    for half in (0, 1):
        np.add.at(sums, (stretches, groups[:, half]), np.column_stack([values[half], np.ones(len(spread))]))
    draws = bootstrap_counts(n_stretches, _N_BOOTSTRAP, rng)
    x, y = _means(sums.sum(axis=0))
    resampled = [_means(np.tensordot(draw, sums, 1)) for draw in draws]
    error = np.nanstd([means[1] for means in resampled], axis=0, ddof=1)
    lines = np.array([_line(*means, error) for means in resampled])
    factor, noise = _line(x, y, error)
    return Calibration(x, y, error, factor, float(np.nanstd(lines[:, 0], ddof=1)), noise)


def _means(sums: Array) -> tuple[Array, Array]:
    """Mean spread and deviation of each group; NaN of a group that a resample left empty."""
    with np.errstate(invalid="ignore"):
        return sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2]


def _line(x: Array, y: Array, error: Array) -> tuple[float, float]:
    """Slope and intercept of the line of least squares, weighted by the errors of y."""
    known = np.isfinite(x) & np.isfinite(y) & (error > 0)
    design = np.column_stack([x, np.ones_like(x)])[known] / error[known, None]
    slope, intercept = np.linalg.lstsq(design, y[known] / error[known], rcond=None)[0]
    return float(slope), float(intercept)


def known_limit(spread: Array) -> float:
    """Spread that 99 of 100 training frames, (n_frames,), stay below; one that exceeds it more often extrapolates."""
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
