"""An ensemble of C-alpha chains as weighted histograms, cluster by cluster: what its errors and figures are made of."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.chain import Array, coil_radius, far_pairs, pair_distances, trace
from cgpipe.analysis.states import StateSpace
from cgpipe.analysis.structure import native_contacts, native_distances, radius_of_gyration, superposed_rmsd

_N_LINE_BINS = 100
_N_PAIR_BINS = 128
_VALUES_AT_ONCE = 1_000_000
_PAIR_START = 0.3
"""nm; C-alpha atoms three or more residues apart come no nearer."""


@dataclass(frozen=True)
class Coordinate:
    """One number of a frame, and its histogram."""

    name: str
    symbol: str
    unit: str
    limits: tuple[float, float]


@dataclass(frozen=True)
class ChainScale:
    """Everything that reference and model share: what is measured on a frame, and on which grids."""

    carbons: NDArray[np.intp]
    """(n_residues,), C-alpha beads."""
    native: Array | None
    """(n_residues, 3), nm, or None."""
    states: StateSpace | None
    contact: float
    """nm."""
    folded_rmsd: float
    """nm."""
    n_bins: int
    coordinates: tuple[Coordinate, ...] = field(init=False)

    def __post_init__(self) -> None:
        size = coil_radius(len(self.carbons))
        found = [Coordinate("radius_of_gyration", "radius of gyration", "nm", (0.0, 2 * size))]
        if self.native is not None:
            found += [
                Coordinate("rmsd", "RMSD", "nm", (0.0, 1.5 * size)),
                Coordinate("native_contacts", "native contacts Q", "1", (0.0, 1.0)),
            ]
        if self.states is not None:
            limits = [(float(low), float(high)) for low, high in self.states.limits[:2]]
            found += [Coordinate(f"tic{k}", f"TIC {k}", "1", limit) for k, limit in enumerate(limits, start=1)]
        object.__setattr__(self, "coordinates", tuple(found))

    @property
    def pair_limits(self) -> tuple[float, float]:
        """Range of pair distances, nm."""
        return _PAIR_START, 4 * coil_radius(len(self.carbons))


@dataclass(frozen=True)
class ChainEnsemble:
    """Weighted histograms, row by row.

    A row, of `n_clusters`, is an independent unit that the bootstrap draws; or, where a Markov model weights frames,
    what a bundle of trajectories saw of a cluster of its state space, whose weight in each resample is known.
    """

    surface: Array
    """(n_clusters, n_times, n_bins, n_bins), TIC 1 along the third axis; empty without a state space."""
    lines: Array
    """(n_clusters, n_coordinates, n_line_bins)."""
    pairs: Array
    """(n_clusters, n_pairs, n_pair_bins), distances of the far pairs."""
    contacts: Array
    """(n_clusters, n_pairs), weight of the frames in which a pair touches."""
    macrostates: Array
    """(n_clusters, n_macrostates), weight in each; none without a state space."""
    folded: Array
    """(n_clusters, 4), weight of frames nearer than the limit to the native structure, to its mirror image rather than
    to it, to either, and of all that are not folded; without a native structure none is."""
    weights: Array
    """(n_clusters,)."""
    n_frames: NDArray[np.intp]
    """(n_clusters,)."""
    groups: NDArray[np.intp]
    """(n_clusters,), trajectory or replica group that a cluster belongs to."""
    draws: Array
    """(n_draws, n_clusters), factor of the weights in each resample; no rows where the bootstrap draws them."""
    halves: Array
    """(n_splits, 2, n_clusters), the same of halves of the data."""

    @property
    def n_units(self) -> int:
        """Independent units with frames: rows, or bundles where a Markov model weights frames."""
        return len(np.unique(self.groups[self.n_frames > 0])) if len(self.draws) else len(self.weights)

    @classmethod
    def empty(cls, scale: ChainScale, groups: NDArray[np.intp], n_times: int) -> Self:
        """Histograms of independent units without a frame, to be filled by `count`."""
        return cls._blank(
            scale, groups, n_times, draws=np.empty((0, len(groups))), halves=np.empty((0, 2, len(groups)))
        )

    @classmethod
    def empty_by_state(cls, scale: ChainScale, states: StateSpace, n_times: int) -> Self:
        """Histograms of a reweighted reference without a frame: rows are the clusters of each bundle in turn."""
        groups = np.repeat(np.arange(states.n_bundles), len(states.centres))
        return cls._blank(scale, groups, n_times, draws=states.draws, halves=states.halves)

    @classmethod
    def _blank(cls, scale: ChainScale, groups: NDArray[np.intp], n_times: int, *, draws: Array, halves: Array) -> Self:
        n, n_pairs = len(groups), len(far_pairs(len(scale.carbons)))
        n_bins, n_macrostates = (scale.n_bins, scale.states.n_macrostates) if scale.states else (0, 0)
        return cls(
            surface=np.zeros((n, n_times, n_bins, n_bins)),
            lines=np.zeros((n, len(scale.coordinates), _N_LINE_BINS)),
            pairs=np.zeros((n, n_pairs, _N_PAIR_BINS), dtype=np.float32),
            contacts=np.zeros((n, n_pairs)),
            macrostates=np.zeros((n, n_macrostates)),
            folded=np.zeros((n, 4)),
            weights=np.zeros(n),
            n_frames=np.zeros(n, dtype=np.intp),
            groups=groups,
            draws=draws,
            halves=halves,
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Measured:
    """Frames of a chain, measured."""

    chain: Array
    """(n_frames, n_residues, 3), nm."""
    tics: Array
    """(n_frames, n_tics); no column without a state space."""
    clusters: NDArray[np.intp]
    """(n_frames,); all zero without a state space."""
    values: Array
    """(n_frames, n_coordinates)."""
    distances: Array
    """(n_frames, n_pairs), nm."""
    rmsd: Array
    """(n_frames, 2), nm, to the native structure and to its mirror image; infinite without one."""


def measure(positions: NDArray[np.floating], scale: ChainScale) -> Measured:
    """Everything about frames of all beads (n_frames, n_beads, 3), nm."""
    chain = trace(positions, scale.carbons)
    distances = pair_distances(chain)
    columns, rmsd = [radius_of_gyration(chain)], np.full((len(positions), 2), np.inf)
    if scale.native is not None:
        rmsd = np.column_stack(superposed_rmsd(chain, torch.from_numpy(scale.native)))
        known = native_distances(scale.native)
        columns += [rmsd[:, 0], native_contacts(distances, known, contact=scale.contact)]
    tics, clusters = np.empty((len(positions), 0)), np.zeros(len(positions), dtype=np.intp)
    if scale.states is not None:
        tics = scale.states.project(positions, scale.carbons)
        clusters = scale.states.assign(tics)
        columns += [tics[:, 0], tics[:, 1]]
    return Measured(chain.numpy(), tics, clusters, np.column_stack(columns), distances, rmsd)


def count(
    ensemble: ChainEnsemble, frames: Measured, weights: Array, scale: ChainScale, *, rows: NDArray[np.intp], time: int
) -> None:
    """Add weighted frames to the histograms of their rows, (n_frames,), in place."""
    present, place = np.unique(rows, return_inverse=True)
    member = (place == np.arange(len(present))[:, None]) * weights  # (n_present, n_frames)
    for k, (coordinate, column) in enumerate(zip(scale.coordinates, frames.values.T, strict=True)):
        bins = _bins(column, _N_LINE_BINS, coordinate.limits)
        ensemble.lines[present, k] += _histograms(place, bins, weights, (len(present), _N_LINE_BINS))
    n_pairs = frames.distances.shape[1]
    for pairs in np.array_split(np.arange(n_pairs), -(-frames.distances.size // _VALUES_AT_ONCE)):
        bins = _bins(frames.distances[:, pairs], _N_PAIR_BINS, scale.pair_limits)
        cells = (place[:, None] * len(pairs) + np.arange(len(pairs))).ravel()  # row and pair
        shape = (len(present) * len(pairs), _N_PAIR_BINS)
        found = _histograms(cells, bins.ravel(), np.repeat(weights, len(pairs)), shape)
        ensemble.pairs[np.ix_(present, pairs)] += found.reshape(len(present), len(pairs), _N_PAIR_BINS)
    ensemble.contacts[present] += member @ (frames.distances < scale.contact)
    if scale.states is not None:
        first, second = (_bins(frames.tics[:, k], scale.n_bins, scale.states.limits[k]) for k in (0, 1))
        np.add.at(ensemble.surface[:, time], (rows, first, second), weights)
        macrostates = scale.states.macrostates[frames.clusters]
        ensemble.macrostates[present] += member @ (macrostates[:, None] == np.arange(scale.states.n_macrostates))
    near = frames.rmsd < scale.folded_rmsd
    mirrored = near[:, 1] & (frames.rmsd[:, 1] < frames.rmsd[:, 0])
    folded = near[:, 0] & ~mirrored
    ensemble.folded[present] += member @ np.column_stack([folded, mirrored, near.any(1), ~folded])
    ensemble.weights[present] += member.sum(1)
    ensemble.n_frames[present] += np.bincount(place)


def _bins(values: Array, n_bins: int, limits: NDArray[np.floating] | tuple[float, float]) -> NDArray[np.intp]:
    """Bin of each value on a regular grid; values outside count in the outermost bins."""
    scaled = (values - limits[0]) / (limits[1] - limits[0]) * n_bins
    return np.clip(scaled, 0, n_bins - 1).astype(np.intp)


def _histograms(place: NDArray[np.intp], bins: NDArray[np.intp], weights: Array, shape: tuple[int, int]) -> Array:
    """Weight in each place and bin."""
    found = np.bincount(place * shape[1] + bins, weights, minlength=shape[0] * shape[1])
    return found.reshape(shape).astype(np.float64)
