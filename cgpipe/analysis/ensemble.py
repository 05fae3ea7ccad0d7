"""An ensemble as histograms, unit by unit: what the errors, the noise floor and all figures are made of.

A unit is a stretch of time of one trajectory or of a group of replicas. Clusters of units are independent of each
other and are what the bootstrap draws: single blocks of long trajectories, whole replica groups of short ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.features import (
    backbone_torsions,
    measure_angles,
    measure_bonds,
    measure_handedness,
    measure_torsions,
)
from cgpipe.data.trajectory import Trajectory

Array = NDArray[np.float64]

BOND_EDGES = np.linspace(0.05, 0.85, 1601)
"""nm."""
ANGLE_EDGES = np.linspace(0.0, np.pi, 721)
"""rad."""


@dataclass(frozen=True)
class Ensemble:
    """Weighted histograms of each unit; all weights of an ensemble share one scale."""

    torsions: Array
    """(n_units, n_residues, n_bins, n_bins), phi along the third axis, from -pi to pi."""
    bonds: Array
    """(n_units, n_bonds, n_bond_bins)."""
    angles: Array
    """(n_units, n_angles, n_angle_bins)."""
    handedness: Array
    """(n_units, n_centres), weighted sum of the signs at the chiral centres."""
    weights: Array
    """(n_units,), summed weights."""
    n_frames: NDArray[np.intp]
    """(n_units,)."""
    squared_weights: Array
    """(n_units,), summed squares of the weights."""
    groups: NDArray[np.intp]
    """(n_units,), trajectory or replica group that a unit belongs to."""
    times: NDArray[np.intp]
    """(n_units,), its place in the order of time, from 0."""
    clusters: NDArray[np.intp]
    """(n_units,), independent cluster that it belongs to."""

    @property
    def n_effective(self) -> float:
        """Kish effective number of frames, by the weights alone."""
        return float(self.weights.sum() ** 2 / self.squared_weights.sum())


def edges(n_bins: int) -> Array:
    """Edges of the torsion bins, (n_bins + 1,), rad."""
    return np.linspace(-np.pi, np.pi, n_bins + 1)


def histogram_unit(
    trajectory: Trajectory, weights: Array, *, group: int, time: int, cluster: int, n_bins: int
) -> Ensemble:
    """Ensemble of a single unit; weights (n_frames,) on the scale of the whole ensemble."""
    torsions = measure_torsions(trajectory, backbone_torsions(trajectory.topology))
    grid = (edges(n_bins), edges(n_bins))
    maps = [
        np.histogram2d(_wrapped(phi), _wrapped(psi), bins=grid, weights=weights)[0]
        for phi, psi in torsions.transpose(1, 2, 0)
    ]
    return Ensemble(
        torsions=np.array(maps).reshape(1, -1, n_bins, n_bins),
        bonds=_histograms(measure_bonds(trajectory), BOND_EDGES, weights)[None],
        angles=_histograms(measure_angles(trajectory), ANGLE_EDGES, weights)[None],
        handedness=(weights @ measure_handedness(trajectory))[None],
        weights=np.array([weights.sum()]),
        n_frames=np.array([trajectory.n_frames]),
        squared_weights=np.array([(weights**2).sum()]),
        groups=np.array([group]),
        times=np.array([time]),
        clusters=np.array([cluster]),
    )


def _wrapped(angle: NDArray[np.float32]) -> Array:
    """Angle in [-pi, pi], whatever float32 rounding did at the ends."""
    return np.clip(angle.astype(np.float64), -np.pi, np.pi)


def _histograms(values: NDArray[np.float32], grid: Array, weights: Array) -> Array:
    """Histogram of each column, (n_columns, n_bins); values outside count in the outermost bins."""
    clipped = np.clip(values.astype(np.float64), grid[0], grid[-1])
    rows = [np.histogram(column, bins=grid, weights=weights)[0] for column in clipped.T]
    return np.array(rows).reshape(-1, len(grid) - 1)


def join(parts: list[Ensemble]) -> Ensemble:
    """Units of several ensembles on one scale of weights, one after another."""
    names = Ensemble.__dataclass_fields__
    return Ensemble(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def merge(ensemble: Ensemble, labels: NDArray[np.intp]) -> Ensemble:
    """Units with equal labels summed into one, in the order of the labels; labels is (n_units,)."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    identities = ("groups", "times", "clusters")
    merged: dict[str, Any] = {}
    for name in Ensemble.__dataclass_fields__:
        values = getattr(ensemble, name)
        merged[name] = values[first] if name in identities else _sum_by(values, place, len(first))
    return Ensemble(**merged)


def _sum_by(values: NDArray[Any], place: NDArray[np.intp], n_places: int) -> NDArray[Any]:
    sums = np.zeros((n_places, *values.shape[1:]), dtype=values.dtype)
    np.add.at(sums, place, values)
    return sums
