"""Markov models of discrete trajectories: estimate, errors, implied timescales, Chapman-Kolmogorov test.

Prinz et al. 2011, DOI 10.1063/1.3565032. Estimation and spectra are deeptime's; errors come from samples of the
posterior of reversible transition matrices (Trendelkamp-Schroer et al. 2015, DOI 10.1063/1.4934536).
"""

from dataclasses import dataclass

import numpy as np
from deeptime.markov import TransitionCountEstimator, TransitionCountModel, pcca
from deeptime.markov.msm import MaximumLikelihoodMSM
from deeptime.markov.tools.analysis import stationary_distribution
from deeptime.markov.tools.estimation.dense.tmat_sampling.sampler_rev import SamplerRev
from numpy.typing import NDArray

from cgpipe.errors import FitError

Array = NDArray[np.float64]
Discrete = list[NDArray[np.intp]]
"""State of each frame, trajectory by trajectory."""

_SWEEPS_PER_SAMPLE = 20
_STRAY_SHARE = 0.05


@dataclass(frozen=True)
class MarkovModel:
    """A reversible Markov model on the connected set of states that holds most frames."""

    lag: float
    """ps."""
    states: NDArray[np.intp]
    """(n_active,), the connected states."""
    counts: Array
    """(n_active, n_active), transitions at the lag in statistically independent units."""
    transitions: Array
    """(n_active, n_active), row-stochastic."""
    stationary: Array
    """(n_active,), sums to one."""
    connected_fraction: float
    """Share of the frames that lie in the connected states."""

    def timescales(self, n_timescales: int) -> Array:
        """Slowest implied timescales, ps, descending, (n_timescales,); NaN where the model has fewer."""
        return _timescales(self.transitions, self.lag, n_timescales)


def estimate_markov(trajectories: Discrete, *, n_states: int, n_lag: int, lag: float) -> MarkovModel:
    """Model of largest likelihood at a lag of n_lag frames, which are `lag` ps.

    Raises FitError if every trajectory is shorter than the lag, or no two states are connected.
    """
    longest = max(len(trajectory) for trajectory in trajectories)
    if longest <= n_lag:
        raise FitError(
            f"the lag of {lag:g} ps is {n_lag} frames, but the longest trajectory has {longest}; "
            "lower the lag or give longer trajectories"
        )
    counted = TransitionCountEstimator(n_lag, "sliding", n_states=n_states).fit_fetch(trajectories)
    frames = np.bincount(np.concatenate(trajectories), minlength=n_states)
    connected = _without_strays(_largest_set(counted, frames), frames, n_lag)
    if connected.n_states < 2:
        raise FitError(
            f"no two of the {n_states} states are connected in both directions at a lag of {lag:g} ps; "
            "sample more, lower the lag, or ask for fewer clusters"
        )
    model = MaximumLikelihoodMSM(reversible=True).fit_fetch(connected)
    states = np.asarray(connected.state_symbols, dtype=np.intp)
    return MarkovModel(
        lag=lag,
        states=states,
        counts=np.asarray(connected.count_matrix, dtype=np.float64) / n_lag,
        transitions=np.asarray(model.transition_matrix),
        stationary=np.asarray(model.stationary_distribution),
        connected_fraction=float(frames[states].sum() / frames.sum()),
    )


def _largest_set(counted: TransitionCountModel, frames: NDArray[np.intp]) -> TransitionCountModel:
    """The connected states that hold most frames; two at least where any are connected."""
    symbols = np.asarray(counted.state_symbols)
    sets = counted.connected_sets(connectivity_threshold=0, directed=True)
    return counted.submodel(max(sets, key=lambda members: (len(members) > 1, frames[symbols[members]].sum())))


def _without_strays(connected: TransitionCountModel, frames: NDArray[np.intp], n_lag: int) -> TransitionCountModel:
    """The model without states that were entered or left less than once, in statistically independent units.

    Such a state hardly tells its rates, so the posterior knows slow processes that the estimate does not. If they hold
    more than a share of the frames, the sampling itself is too thin and they stay.
    """
    kept = connected
    while kept.n_states > 1:
        counts = np.asarray(kept.count_matrix, dtype=np.float64)
        moves = counts - np.diag(np.diag(counts))
        stray = (moves.sum(0) < n_lag) | (moves.sum(1) < n_lag)
        if not stray.any():
            break
        if stray.all():
            return connected
        kept = _largest_set(kept.submodel(np.flatnonzero(~stray)), frames)
    held, all_held = (frames[np.asarray(model.state_symbols)].sum() for model in (kept, connected))
    return kept if kept.n_states > 1 and held >= (1 - _STRAY_SHARE) * all_held else connected


def _timescales(transitions: Array, lag: float, n_timescales: int) -> Array:
    values = np.sort(np.abs(np.linalg.eigvals(transitions)))[::-1][1 : n_timescales + 1]
    result = np.full(n_timescales, np.nan)
    with np.errstate(divide="ignore"):
        result[: len(values)] = -lag / np.log(np.clip(values, 1e-300, 1 - 1e-15))
    return result


def sample_posterior(model: MarkovModel, *, n_samples: int, seed: int) -> list[Array]:
    """Transition matrices drawn from the posterior, (n_active, n_active) each."""
    sampler = SamplerRev(model.counts, P0=model.transitions, seed=seed)
    return [np.array(sampler.sample(N=_SWEEPS_PER_SAMPLE)) for _ in range(n_samples)]


def timescale_errors(model: MarkovModel, samples: list[Array], n_timescales: int) -> Array:
    """Half the width of the central 68 % of each timescale's posterior, ps, (n_timescales,).

    A timescale that is hardly sampled has a posterior without a variance. Where transitions are few for the number of
    states, the posterior leaves the estimate; the error is then the distance to its median, so that it covers both.
    """
    found = np.array([_timescales(sample, model.lag, n_timescales) for sample in samples])
    low, middle, high = np.quantile(found, [0.16, 0.5, 0.84], axis=0)
    return np.asarray(np.maximum(0.5 * (high - low), np.abs(middle - model.timescales(n_timescales))))


def sampled_stationary(transitions: Array) -> Array:
    """Stationary distribution of a matrix drawn from the posterior, (n_active,)."""
    return np.asarray(stationary_distribution(transitions))


def metastable_states(model: MarkovModel, n_macrostates: int) -> NDArray[np.intp]:
    """Macrostate of each connected state by PCCA+, (n_active,), most populous first.

    Roeblitz and Weber 2013, DOI 10.1007/s11634-013-0134-6.
    Raises FitError if the model has fewer states than macrostates.
    """
    if len(model.states) <= n_macrostates:
        raise FitError(
            f"{len(model.states)} connected states cannot make {n_macrostates} macrostates; "
            "sample more or lower analysis.markov.n_macrostates"
        )
    assignment = pcca(model.transitions, n_macrostates).assignments
    weights = np.bincount(assignment, model.stationary, minlength=n_macrostates)
    rank = np.empty(n_macrostates, dtype=np.intp)
    rank[np.argsort(-weights, kind="stable")] = np.arange(n_macrostates)
    return np.asarray(rank[assignment])


def coarse_transitions(
    transitions: Array, stationary: Array, assignment: NDArray[np.intp], n_macrostates: int
) -> Array:
    """Probability to be in a macrostate one lag after another, in equilibrium, (n_macrostates, n_macrostates).

    Rows of macrostates that hold no state are NaN.
    """
    member = (assignment[:, None] == np.arange(n_macrostates)).astype(np.float64)
    flux = member.T @ (stationary[:, None] * transitions) @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(flux / flux.sum(1, keepdims=True))


def predicted_persistence(model: MarkovModel, assignment: NDArray[np.intp], factor: int, n_macrostates: int) -> Array:
    """Chance to be found in a macrostate again after `factor` lags as the model predicts it, (n_macrostates,)."""
    power = np.linalg.matrix_power(model.transitions, factor)
    return np.diag(coarse_transitions(power, model.stationary, assignment, n_macrostates))
