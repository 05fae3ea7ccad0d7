"""Weights of frames by the stationary distribution of a Markov model, and how uncertain these weights are.

Short trajectories that started out of equilibrium count the states as they were sampled, not as they are populated. A
frame of state c then has the weight pi_c / n_c. For the errors, the model is estimated again from resampled bundles of
trajectories, and from halves of them, whose frames then have weights of their own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.markov import Discrete, MarkovModel, estimate_markov
from cgpipe.analysis.uncertainty import bootstrap_counts, half_splits
from cgpipe.errors import FitError

Array = NDArray[np.float64]

_MIN_CONNECTED = 0.8
_MIN_SUCCESS = 0.5
"""Share of the resamples that must give a Markov model."""


@dataclass(frozen=True)
class Bundles:
    """Which frames are resampled together: bundles of whole trajectories, or of few trajectories blocks of time."""

    members: list[NDArray[np.intp]]
    """Bundle of each frame, from 0, trajectory by trajectory."""
    n_bootstrap: int

    @property
    def n_bundles(self) -> int:
        """Number of bundles."""
        return 1 + max(int(part.max()) for part in self.members if len(part))


@dataclass(frozen=True)
class StationaryWeights:
    """Weight of a frame of each cluster, and its factor in each resample and half, by the frame's bundle."""

    log_weights: Array
    """(n_clusters,), -inf where a frame counts nothing."""
    draws: Array
    """(n_draws, n_bundles * n_clusters), bundle after bundle; no rows where all frames count equally."""
    halves: Array
    """(n_splits, 2, n_bundles * n_clusters), the same of both halves."""


def equal_weights(n_clusters: int) -> StationaryWeights:
    """All frames count equally."""
    return StationaryWeights(np.zeros(n_clusters), np.empty((0, n_clusters)), np.empty((0, 2, n_clusters)))


def stationary_weights(
    model: MarkovModel, discrete: Discrete, bundles: Bundles, *, n_clusters: int, n_lag: int, rng: np.random.Generator
) -> StationaryWeights:
    """Weights by a model of discrete trajectories at a lag of n_lag frames.

    A resample that does not connect the model's states is left out. Raises FitError if the connected states hold too
    few frames, if there is but one bundle, or if too many resamples are disconnected.
    """
    _require_connected(model)
    if bundles.n_bundles < 2:
        raise FitError(
            "a single block of frames tells nothing of the errors of its weights; give longer or more trajectories, or "
            "set analysis.markov.reweight to false"
        )
    resampled = _Resampled(model, discrete, bundles, n_clusters, n_lag)
    counts = bootstrap_counts(bundles.n_bundles, bundles.n_bootstrap, rng)
    draws = [row for row in map(resampled.factors, counts) if row is not None]
    splits = half_splits(np.arange(bundles.n_bundles), rng)
    pairs = [(resampled.factors(half.astype(float)), resampled.factors((~half).astype(float))) for half in splits]
    halves = [(a, b) for a, b in pairs if a is not None and b is not None]
    if len(draws) < _MIN_SUCCESS * len(counts) or not halves:
        raise FitError(
            f"{len(counts) - len(draws)} of {len(counts)} resamples and {len(pairs) - len(halves)} of {len(pairs)} "
            "half splits of the trajectories give no connected Markov model, so the errors of its weights are unknown; "
            "sample more, lower analysis.markov.lag_ps or n_clusters, or set analysis.markov.reweight to false"
        )
    return StationaryWeights(resampled.log_weights, np.array(draws), np.array(halves))


class _Resampled:
    """Models of some of the frames, beside the model of all."""

    def __init__(self, model: MarkovModel, discrete: Discrete, bundles: Bundles, n_clusters: int, n_lag: int) -> None:
        self._model, self._n_clusters, self._n_lag = model, n_clusters, n_lag
        self._pieces: list[tuple[int, NDArray[np.intp]]] = []
        self._counts = np.zeros((bundles.n_bundles, n_clusters))
        for states, members in zip(discrete, bundles.members, strict=True):
            cuts = np.flatnonzero(np.diff(members)) + 1
            for piece, own in zip(np.split(states, cuts), np.split(members, cuts), strict=True):
                if len(piece):
                    self._pieces.append((int(own[0]), piece))
                    self._counts[own[0]] += np.bincount(piece, minlength=n_clusters)
        self._stationary = _spread(model, n_clusters)
        self.log_weights = np.full(n_clusters, -np.inf)
        self.log_weights[model.states] = np.log(model.stationary) - np.log(self._counts.sum(0)[model.states])

    def factors(self, repeats: Array) -> Array | None:
        """Weights over the model's if bundles count so often, flat; None if that is no model of the same states."""
        chosen = [piece for bundle, piece in self._pieces for _ in range(int(repeats[bundle]))]
        try:
            other = estimate_markov(chosen, n_states=self._n_clusters, n_lag=self._n_lag, lag=self._model.lag)
        except (FitError, ValueError):  # ValueError of no piece at all
            return None
        if self._stationary[other.states].sum() < _MIN_CONNECTED:
            return None
        frames = repeats @ self._counts
        weights = np.divide(_spread(other, self._n_clusters), frames, out=np.zeros_like(frames), where=frames > 0)
        base = np.divide(self._stationary, self._counts.sum(0), out=np.zeros_like(frames), where=self._stationary > 0)
        ratio = np.divide(weights, base, out=np.zeros_like(frames), where=base > 0)
        return np.outer(repeats, ratio).ravel()


def _spread(model: MarkovModel, n_clusters: int) -> Array:
    """Stationary probability of every cluster, zero outside the connected set, (n_clusters,)."""
    stationary = np.zeros(n_clusters)
    stationary[model.states] = model.stationary
    return stationary


def _require_connected(model: MarkovModel) -> None:
    if model.connected_fraction < _MIN_CONNECTED:
        raise FitError(
            f"the Markov model is disconnected: its largest connected set holds {model.connected_fraction:.0%} of the "
            f"frames, fewer than {_MIN_CONNECTED:.0%}, so it cannot weight them; sample more, lower "
            "analysis.markov.lag_ps or n_clusters, or set analysis.markov.reweight to false and read every result as "
            "that of the sampling as it is"
        )
