"""Free energies on a grid, distances between two of them, and populations of the Ramachandran basins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.errors import DataError

Array = NDArray[np.float64]

BASINS = ("alpha_R", "beta_PII", "alpha_L")
"""Right-handed helix; extended and polyproline II; everything at positive phi."""
_HELIX_PSI_DEG = (-120.0, 50.0)


def probabilities(histogram: Array) -> Array:
    """Histogram divided by its sum over the last two axes (or the only one)."""
    axes = tuple(range(histogram.ndim))[-2:]
    return np.asarray(histogram / histogram.sum(axis=axes, keepdims=True))


def free_energy(probability: Array, thermal_energy: float) -> Array:
    """-kT ln p of each bin, kJ/mol; infinite where nothing was seen."""
    with np.errstate(divide="ignore"):
        return np.asarray(-thermal_energy * np.log(probability))


def jensen_shannon(p: Array, q: Array) -> float:
    """Jensen-Shannon divergence of two distributions over the same bins, nats, every bin counted.

    Lin 1991, DOI 10.1109/18.61115. Lies in [0, ln 2].
    """
    middle = 0.5 * (p + q)
    return float(0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle)))


def _relative_entropy(p: Array, q: Array) -> float:
    seen = p > 0
    return float((p[seen] * np.log(p[seen] / q[seen])).sum())


def free_energy_mse(p: Array, q: Array, thermal_energy: float, *, weights: Array | None = None) -> float:
    """Mean square difference of the free energies, (kJ/mol)^2, over bins populated in both.

    weights : of each bin (for instance the reference's probability); None counts populated bins equally.
    Both free energies are those of normalised probabilities, so no constant is fitted.
    Raises DataError if no bin is populated in both.
    """
    both = (p > 0) & (q > 0)
    if not both.any():
        raise DataError("the two ensembles have no populated bin in common; there are too few frames to compare them")
    difference = thermal_energy * (np.log(p[both]) - np.log(q[both]))
    return float(np.average(difference**2, weights=None if weights is None else weights[both]))


def basin_masks(n_bins: int) -> dict[str, NDArray[np.bool_]]:
    """Bins of each basin, (n_bins, n_bins), phi along the first axis; the basins cover the plane."""
    centres = np.rad2deg(-np.pi + 2 * np.pi * (np.arange(n_bins) + 0.5) / n_bins)
    positive = np.repeat(centres[:, None] >= 0, n_bins, axis=1)
    helical = np.repeat(((centres > _HELIX_PSI_DEG[0]) & (centres < _HELIX_PSI_DEG[1]))[None], n_bins, axis=0)
    return {"alpha_R": ~positive & helical, "beta_PII": ~positive & ~helical, "alpha_L": positive}


def marginal(histogram: NDArray[Any], axis: int) -> Array:
    """Histogram along phi (axis 0) or psi (axis 1), summed over the other, from (..., n_bins, n_bins)."""
    return np.asarray(histogram.sum(axis=-1 if axis == 0 else -2))
