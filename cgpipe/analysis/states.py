"""The state space of a protein: slow coordinates, clusters, macrostates; fitted once, applied to both ensembles."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from deeptime.clustering import KMeans
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cgpipe.analysis.chain import slow_features, trace
from cgpipe.analysis.markov import MarkovModel, estimate_markov, metastable_states
from cgpipe.analysis.stationary import Bundles, equal_weights, stationary_weights
from cgpipe.analysis.tica import Array, Projection, fit_tica
from cgpipe.config.sections import MarkovSection
from cgpipe.errors import FitError

_FRAMES_AT_ONCE = 5_000
_MAX_PAIRS = 200_000
"""Pairs of frames that TICA sees; more of the same trajectories would not change it."""
_MAX_CLUSTERED = 50_000
_MARGIN = 0.05
"""Of the width of a slow coordinate, left free on both sides of its histogram."""


@dataclass(frozen=True)
class StateSpace:
    """What turns a chain into slow coordinates, clusters and macrostates."""

    mean: Array
    """(n_features,), of `slow_features`."""
    matrix: Array
    """(n_features, n_tics)."""
    limits: Array
    """(n_tics, 2), range of each slow coordinate in the reference, with a margin."""
    centres: Array
    """(n_clusters, n_tics)."""
    macrostates: NDArray[np.intp]
    """(n_clusters,), macrostate of each cluster, the most populous first."""
    log_weights: Array
    """(n_clusters,), logarithm of the weight of a reference frame of each cluster; -inf where it counts nothing."""
    draws: Array
    """(n_draws, n_bundles * n_clusters), factor of these weights in each resample of the reference by frame's bundle;
    no rows without reweighting."""
    halves: Array
    """(n_splits, 2, n_bundles * n_clusters), the same of halves of the reference."""

    @property
    def is_reweighted(self) -> bool:
        """Whether the weights are those of the Markov model, and uncertain like it."""
        return len(self.draws) > 0

    @property
    def n_bundles(self) -> int:
        """Bundles of frames that are resampled together."""
        return int(self.draws.shape[1]) // len(self.centres)

    @property
    def n_macrostates(self) -> int:
        """Number of macrostates."""
        return int(self.macrostates.max()) + 1

    def macrostate_centres(self) -> Array:
        """The cluster of each macrostate that lies nearest to the mean of its clusters, (n_macrostates, n_tics)."""
        means = [self.centres[self.macrostates == state].mean(0) for state in range(self.n_macrostates)]
        members = [self.centres[self.macrostates == state] for state in range(self.n_macrostates)]
        nearest = [((m - mean) ** 2).sum(1).argmin() for m, mean in zip(members, means, strict=True)]
        return np.array([m[k] for m, k in zip(members, nearest, strict=True)])

    def project(self, positions: NDArray[np.floating], carbons: NDArray[np.intp]) -> Array:
        """Slow coordinates of frames, (n_frames, n_tics)."""
        return _project(Projection(self.mean, self.matrix), positions, carbons)

    def assign(self, tics: Array) -> NDArray[np.intp]:
        """Nearest cluster of each frame, (n_frames,)."""
        return np.asarray(cKDTree(self.centres).query(tics)[1], dtype=np.intp)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def fit_slow(
    trajectories: list[NDArray[np.floating]],
    carbons: NDArray[np.intp],
    *,
    lag: float,
    n_tics: int,
    frame_interval: float,
) -> tuple[Projection, Array]:
    """The slow coordinates of `fit_states` alone, and their limits, (n_tics, 2).

    lag, frame_interval : ps
    """
    projection, tics = _slow(trajectories, carbons, lag_frames(lag, frame_interval, key="lag_ps"), n_tics)
    return projection, _limits(tics)


def _slow(
    trajectories: list[NDArray[np.floating]], carbons: NDArray[np.intp], n_lag: int, n_tics: int
) -> tuple[Projection, list[Array]]:
    """Slow coordinates, and every trajectory in them."""
    projection = fit_tica(_pairs(trajectories, carbons, n_lag), n_tics=n_tics)
    return projection, [_project(projection, positions, carbons) for positions in trajectories]


def fit_states(
    trajectories: list[NDArray[np.floating]],
    carbons: NDArray[np.intp],
    section: MarkovSection,
    *,
    frame_interval: float,
    seed: int,
    reweight: Bundles | None,
    rng: np.random.Generator,
) -> tuple[StateSpace, MarkovModel]:
    """State space and Markov model of a reference.

    trajectories : bead positions of each trajectory, (n_frames, n_beads, 3), nm
    reweight     : what is resampled where the stationary distribution weights frames; None for equal weights
    Raises FitError if the lag, the sampling or the connectivity do not allow it.
    """
    n_lag = lag_frames(section.lag_ps, frame_interval, key="lag_ps")
    projection, tics = _slow(trajectories, carbons, n_lag, section.n_tics)
    centres = _cluster(np.concatenate(tics), section.n_clusters, seed)
    tree = cKDTree(centres)
    discrete = [np.asarray(tree.query(part)[1], dtype=np.intp) for part in tics]
    model = estimate_markov(discrete, n_states=len(centres), n_lag=n_lag, lag=n_lag * frame_interval)
    macrostates = _macrostates(model, centres, section.n_macrostates)
    weights = equal_weights(len(centres))
    if reweight is not None:
        weights = stationary_weights(model, discrete, reweight, n_clusters=len(centres), n_lag=n_lag, rng=rng)
    space = StateSpace(projection.mean, projection.matrix, _limits(tics), centres, macrostates, **vars(weights))
    return space, model


def lag_frames(lag: float, frame_interval: float, *, key: str) -> int:
    """A lag in frames. Raises FitError if it is shorter than the interval between frames, both in ps."""
    if frame_interval <= 0:
        raise FitError(
            "the first file has a single frame, so the time between frames is unknown; give longer trajectories"
        )
    n_lag = round(lag / frame_interval)
    if n_lag < 1:
        raise FitError(f"analysis.markov.{key} {lag:g} is shorter than the interval of frames, {frame_interval:g} ps")
    return n_lag


def _pairs(
    trajectories: list[NDArray[np.floating]], carbons: NDArray[np.intp], n_lag: int
) -> Iterator[tuple[Array, Array]]:
    """Features now and a lag later, thinned evenly so that there are not too many."""
    n_pairs = sum(max(0, len(positions) - n_lag) for positions in trajectories)
    stride = max(1, n_pairs // _MAX_PAIRS)
    for positions in trajectories:
        starts = np.arange(0, len(positions) - n_lag, stride)
        for piece in np.array_split(starts, -(-len(starts) // _FRAMES_AT_ONCE)) if len(starts) else []:
            yield tuple(slow_features(trace(positions[chosen], carbons)) for chosen in (piece, piece + n_lag))  # type: ignore[misc]


def _project(projection: Projection, positions: NDArray[np.floating], carbons: NDArray[np.intp]) -> Array:
    pieces = [
        projection(slow_features(trace(positions[start : start + _FRAMES_AT_ONCE], carbons)))
        for start in range(0, len(positions), _FRAMES_AT_ONCE)
    ]
    return np.concatenate(pieces) if pieces else np.empty((0, projection.matrix.shape[1]))


def _cluster(tics: Array, n_clusters: int, seed: int) -> Array:
    """Centres by k-means on frames spread evenly over the data, (n_clusters or fewer, n_tics)."""
    sample = tics[:: max(1, len(tics) // _MAX_CLUSTERED)]
    if len(sample) <= n_clusters:
        raise FitError(f"{len(sample)} frames cannot make {n_clusters} clusters; lower analysis.markov.n_clusters")
    estimator = KMeans(n_clusters, fixed_seed=seed, n_jobs=1, max_iter=100, tolerance=1e-4)
    centres = np.asarray(estimator.fit_fetch(sample).cluster_centers, dtype=np.float64)
    return centres[np.unique(cKDTree(centres).query(sample)[1])]  # of equal frames, some clusters stay empty


def _macrostates(model: MarkovModel, centres: Array, n_macrostates: int) -> NDArray[np.intp]:
    """Macrostate of each cluster; one outside the connected set takes that of the nearest connected one."""
    nearest = cKDTree(centres[model.states]).query(centres)[1]
    return metastable_states(model, n_macrostates)[nearest]


def _limits(tics: list[Array]) -> Array:
    """Range of each coordinate with a margin, (n_tics, 2)."""
    low, high = (np.array([getattr(part, end)(axis=0) for part in tics if len(part)]) for end in ("min", "max"))
    low, high = low.min(axis=0), high.max(axis=0)
    return np.column_stack([low - _MARGIN * (high - low), high + _MARGIN * (high - low)])
