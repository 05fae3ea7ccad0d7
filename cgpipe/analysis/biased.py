"""Weights of frames that umbrella windows biased, and free energies along biased variables, whole and by halves.

MBAR: Shirts and Chodera 2008, DOI 10.1063/1.2978177.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import logsumexp

from cgpipe.errors import FitError

Array = NDArray[np.float64]

_MIN_FRAMES = 2
"""Of a window in each half."""
_MIN_OVERLAP = 1e-4
"""Of two windows that connect."""
_MAX_RESIDUAL = 1e-3
"""Of the logarithm of each window's normalisation."""


@dataclass(frozen=True)
class Weights:
    """Unbiased weights of the frames of all windows."""

    log_weights: Array
    """(n_frames,), up to a constant."""
    overlap: Array
    """(n_windows, n_windows), probability that a frame of one window is taken for one of another; rows sum to one."""


def mbar_weights(energies: Array, window: NDArray[np.integer]) -> Weights:
    """Weights of all frames together.

    energies : (n_windows, n_frames), energy of every frame in the potential of every window, kT
    window   : (n_frames,), the one that each frame was recorded in
    Raises FitError that names windows whose frames are too few, or if the estimator does not converge.
    """
    counts = np.bincount(window, minlength=len(energies))
    if poor := np.flatnonzero(counts < _MIN_FRAMES).tolist():
        raise FitError(f"umbrella windows {poor} have fewer than {_MIN_FRAMES} frames; give longer trajectories")
    overlap, log_weights = _estimate(energies, window, counts)
    apart = connected_components(overlap > _MIN_OVERLAP)[1]
    if apart.any():
        groups = [np.flatnonzero(apart == number).tolist() for number in range(apart.max() + 1)]
        raise FitError(
            f"no frames connect the umbrella windows {' and '.join(map(str, groups))}, so nothing tells their weights "
            "from one another; add windows, widen them (bias.windows.width_in_spacings) or give longer trajectories"
        )
    return Weights(log_weights, overlap)


def _estimate(energies: Array, window: NDArray[np.integer], counts: NDArray[np.integer]) -> tuple[Array, Array]:
    """Overlap of the windows and weights of the frames. Raises FitError if the equations are not solved."""
    logger = logging.getLogger("pymbar")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advertises an optional package at import
    try:
        from pymbar import MBAR  # noqa: PLC0415 (half a second to load)

        estimate = MBAR(energies[:, np.argsort(window, kind="stable")], counts)
    finally:
        logger.setLevel(level)
    log_weights = -logsumexp(np.log(counts)[:, None] + estimate.f_k[:, None] - energies, axis=0)
    normalisation = logsumexp(log_weights + estimate.f_k[:, None] - energies, axis=1)
    if not np.abs(normalisation).max() < _MAX_RESIDUAL:
        raise FitError(
            f"MBAR did not converge for these windows (residual {np.abs(normalisation).max():.2g}); add windows or "
            "widen them (bias.windows.width_in_spacings), so that neighbours overlap"
        )
    return np.asarray(estimate.compute_overlap()["matrix"]), log_weights


def profile(values: Array, log_weights: Array, edges: Array, *, thermal_energy: float) -> Array:
    """Free energy of each bin of a variable, (n_bins,), kJ/mol, zero at its lowest; infinite where no frame lies.

    values, log_weights : (n_frames,)
    """
    weights = np.exp(log_weights - log_weights.max())
    density = np.histogram(values, edges, weights=weights)[0]
    with np.errstate(divide="ignore"):
        energy = -thermal_energy * np.log(density)
    return np.asarray(energy - energy.min())


def profile_error(
    values: Array, without: Sequence[Array], edges: Array, groups: NDArray[np.integer], *, thermal_energy: float
) -> Array:
    """Standard error of the free energy of each bin, (n_bins,), kJ/mol, by the jackknife over independent groups.

    without : for each group, log weights of the frames of all others, (n_frames - n_group,), estimated without it
    groups  : (n_frames,), number of the trajectory, or of one trajectory in each window, from 0
    Not a number where a bin is empty without one of the groups, and everywhere if there is but one. The jackknife:
    Efron and Stein 1981, DOI 10.1214/aos/1176345462.
    """
    n_groups = len(without)
    if n_groups == 1:
        return np.full(len(edges) - 1, np.nan)
    left = np.array(
        [
            np.histogram(values[groups != group], edges, weights=np.exp(log_weights - logsumexp(log_weights)))[0]
            for group, log_weights in enumerate(without)
        ]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        energies = -thermal_energy * np.log(left)
        spread = ((energies - energies.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(spread * (n_groups - 1) / n_groups))


def first_halves(lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Whether a frame lies in the first half of its trajectory, (n_frames,)."""
    return np.concatenate([np.arange(length) < length // 2 for length in lengths])
