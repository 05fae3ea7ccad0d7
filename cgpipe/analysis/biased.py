"""Weights of frames that umbrella windows biased, and free energies along biased variables, whole and by halves.

MBAR: Shirts and Chodera 2008, DOI 10.1063/1.2978177.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from cgpipe.errors import FitError

Array = NDArray[np.float64]

_MIN_FRAMES = 2
"""Of a window in each half."""


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
    logging.getLogger("pymbar").setLevel(logging.ERROR)  # it advertises an optional package at import
    from pymbar import MBAR  # noqa: PLC0415 (half a second to load)
    from pymbar.utils import ParameterError  # noqa: PLC0415

    order = np.argsort(window, kind="stable")
    try:
        estimate = MBAR(energies[:, order], counts)
    except ParameterError as error:
        raise FitError(f"MBAR cannot weight these windows: {error}; more windows or wider ones must overlap") from error
    log_weights = -logsumexp(np.log(counts)[:, None] + estimate.f_k[:, None] - energies, axis=0)
    return Weights(log_weights, np.asarray(estimate.compute_overlap()["matrix"]))


def profile(values: Array, log_weights: Array, edges: Array, *, thermal_energy: float) -> Array:
    """Free energy of each bin of a variable, (n_bins,), kJ/mol, zero at its lowest; infinite where no frame lies.

    values, log_weights : (n_frames,)
    """
    weights = np.exp(log_weights - log_weights.max())
    density = np.histogram(values, edges, weights=weights)[0]
    with np.errstate(divide="ignore"):
        energy = -thermal_energy * np.log(density)
    return np.asarray(energy - energy.min())


def first_halves(lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Whether a frame lies in the first half of its trajectory, (n_frames,)."""
    return np.concatenate([np.arange(length) < length // 2 for length in lengths])
