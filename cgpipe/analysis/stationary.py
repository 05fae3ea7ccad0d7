"""Weights of frames by the stationary distribution of a Markov model, and how uncertain these weights are.

Short trajectories that started out of equilibrium count the states as they were sampled, not as they are populated. A
frame of state c then has the weight pi_c / n_c. Where that is so, the uncertainty of every average is that of pi: the
model is estimated again from resampled trajectories, and from halves of them.
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
_FEW_TRAJECTORIES = 20
"""Of fewer, blocks are resampled."""


@dataclass(frozen=True)
class StationaryWeights:
    """Weight of a frame of each cluster, and its factor in each resample and half."""

    log_weights: Array
    """(n_clusters,), -inf where a frame counts nothing."""
    draws: Array
    """(n_draws, n_clusters), pi of a resample over pi; no rows where all frames count equally."""
    halves: Array
    """(n_splits, 2, n_clusters), the same of both halves."""


def equal_weights(n_clusters: int) -> StationaryWeights:
    """All frames count equally."""
    return StationaryWeights(np.zeros(n_clusters), np.empty((0, n_clusters)), np.empty((0, 2, n_clusters)))


def stationary_weights(
    model: MarkovModel,
    discrete: Discrete,
    *,
    n_clusters: int,
    n_lag: int,
    n_blocks: int,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> StationaryWeights:
    """Weights by a model of discrete trajectories at a lag of n_lag frames.

    Few long trajectories are resampled by n_blocks blocks of each. A resample that does not connect its states is left
    out. Raises FitError if the connected states hold too few frames, or too many resamples are disconnected.
    """
    _require_connected(model)
    counts = np.bincount(np.concatenate(discrete), minlength=n_clusters)
    log_weights = np.full(n_clusters, -np.inf)
    log_weights[model.states] = np.log(model.stationary) - np.log(counts[model.states])
    units = _units(discrete, n_blocks, n_lag)
    groups = np.arange(len(units)) if len(discrete) >= 4 else np.zeros(len(units), dtype=np.intp)

    def factors(repeats: NDArray[np.integer]) -> Array | None:
        """pi over the model's, of units as often as given; None if that is no Markov model."""
        chosen = [unit for unit, n in zip(units, repeats, strict=True) for _ in range(int(n))]
        try:
            other = estimate_markov(chosen, n_states=n_clusters, n_lag=n_lag, lag=model.lag)
        except FitError:
            return None
        found, base = np.zeros(n_clusters), np.zeros(n_clusters)
        found[other.states], base[model.states] = other.stationary, model.stationary
        return np.divide(found, base, out=np.zeros(n_clusters), where=base > 0)

    drawn = [factors(row.astype(np.intp)) for row in bootstrap_counts(len(units), n_bootstrap, rng)]
    draws = [row for row in drawn if row is not None]
    pairs = [(factors(half.astype(np.intp)), factors(~half)) for half in half_splits(groups, rng)]
    halves = [(a, b) for a, b in pairs if a is not None and b is not None]
    if len(draws) < _MIN_SUCCESS * n_bootstrap or not halves:
        raise FitError(
            f"{n_bootstrap - len(draws)} of {n_bootstrap} resamples and {len(pairs) - len(halves)} of {len(pairs)} "
            "half splits of the trajectories give no connected Markov model, so the errors of its weights are unknown; "
            "sample more, lower analysis.markov.lag_ps or n_clusters, or set analysis.markov.reweight to false"
        )
    return StationaryWeights(log_weights, np.array(draws), np.array(halves))


def _require_connected(model: MarkovModel) -> None:
    if model.connected_fraction < _MIN_CONNECTED:
        raise FitError(
            f"the Markov model is disconnected: its largest connected set holds {model.connected_fraction:.0%} of the "
            f"frames, fewer than {_MIN_CONNECTED:.0%}, so it cannot weight them; sample more, lower "
            "analysis.markov.lag_ps or n_clusters, or set analysis.markov.reweight to false and read every result as "
            "that of the sampling as it is"
        )


def _units(discrete: Discrete, n_blocks: int, n_lag: int) -> Discrete:
    """What is resampled: trajectories, or of few their blocks, each of which holds whole lags."""
    if len(discrete) >= _FEW_TRAJECTORIES:
        return discrete
    shortest = min(len(trajectory) for trajectory in discrete)
    n_blocks = max(1, min(n_blocks, shortest // (2 * n_lag)))
    return [block for trajectory in discrete for block in np.array_split(trajectory, n_blocks)]
