"""Kinetics of one ensemble in a given state space: implied timescales, Chapman-Kolmogorov test, transitions."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.markov import (
    Discrete,
    MarkovModel,
    coarse_transitions,
    estimate_markov,
    predicted_persistence,
    sample_posterior,
    sampled_stationary,
    timescale_errors,
)
from cgpipe.analysis.states import StateSpace, lag_frames
from cgpipe.config.sections import MarkovSection
from cgpipe.errors import FitError
from cgpipe.seeding import integer_seed

Array = NDArray[np.float64]

N_TIMESCALES = 3


@dataclass(frozen=True)
class Kinetics:
    """Markov models of one ensemble at several lags; NaN where trajectories are too short for a lag."""

    lag: Array
    """(1,), ps, of the model: a whole number of frames."""
    lags: Array
    """(n_lags,), ps, of the implied timescales."""
    implied: Array
    """(n_lags, n_timescales), ps."""
    implied_errors: Array
    """(n_lags, n_timescales), half the central 68 % of the posterior, ps."""
    timescales: Array
    """(n_timescales,), ps, at the lag."""
    timescale_errors: Array
    """(n_timescales,), ps."""
    test_lags: Array
    """(n_tests,), ps, whole multiples of the lag."""
    predicted: Array
    """(n_tests, n_macrostates), chance to be found in a macrostate again, by the model at the lag."""
    predicted_errors: Array
    """(n_tests, n_macrostates), posterior spread about the prediction."""
    estimated: Array
    """(n_tests, n_macrostates), the same by a model at that multiple of the lag."""
    transitions: Array
    """(n_macrostates, n_macrostates), within one lag."""
    populations: Array
    """(n_macrostates,), stationary, of the connected states."""
    connected_fraction: Array
    """(1,), share of the frames that the Markov model describes."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class KineticsEstimate:
    """The estimate of one ensemble; holds what all its parts share."""

    def __init__(self, discrete: Discrete, space: StateSpace, section: MarkovSection, *, interval: float) -> None:
        """interval : between frames, ps."""
        self._discrete, self._space, self._section, self._interval = discrete, space, section, interval

    def at(self, n_lag: int) -> MarkovModel:
        """Markov model at a lag of whole frames."""
        n_states = len(self._space.centres)
        return estimate_markov(self._discrete, n_states=n_states, n_lag=n_lag, lag=n_lag * self._interval)

    def estimate(self, lag: float, *, key: str, root_seed: int, name: str) -> Kinetics:
        """All of it, at the whole number of frames nearest to the lag, which the config gives under a key.

        The random stream is named by the ensemble. Raises FitError if the lag itself is impossible.
        """
        n_lag = lag_frames(lag, self._interval, key=key)
        model, n_macrostates = self.at(n_lag), self._space.n_macrostates
        samples = self._samples(model, root_seed, name, 0)
        counts = sorted({max(1, round(factor * n_lag)) for factor in self._section.lag_factors})
        implied = [self._implied(count, root_seed, name, number) for number, count in enumerate(counts, start=1)]
        factors = [round(f) for f in self._section.lag_factors if f >= 1 and abs(f - round(f)) < 1e-9]
        assignment = self._space.macrostates[model.states]
        predicted = [predicted_persistence(model, assignment, factor, n_macrostates) for factor in factors]
        return Kinetics(
            lag=np.array([model.lag]),
            lags=np.array(counts) * self._interval,
            implied=np.array([pair[0] for pair in implied]),
            implied_errors=np.array([pair[1] for pair in implied]),
            timescales=model.timescales(N_TIMESCALES),
            timescale_errors=timescale_errors(model, samples, N_TIMESCALES),
            test_lags=np.array(factors) * model.lag,
            predicted=np.array(predicted).reshape(len(factors), n_macrostates),
            predicted_errors=np.array([self._spread(samples, model, f) for f in factors]).reshape(-1, n_macrostates),
            estimated=np.array([self._persistence(factor * n_lag) for factor in factors]).reshape(-1, n_macrostates),
            transitions=coarse_transitions(model.transitions, model.stationary, assignment, n_macrostates),
            populations=np.bincount(assignment, model.stationary, minlength=n_macrostates).astype(np.float64),
            connected_fraction=np.array([model.connected_fraction]),
        )

    def _samples(self, model: MarkovModel, root_seed: int, name: str, number: int) -> list[Array]:
        seed = integer_seed(root_seed, "posterior", name, number)
        return sample_posterior(model, n_samples=self._section.n_posterior_samples, seed=seed)

    def _implied(self, n_lag: int, root_seed: int, name: str, number: int) -> tuple[Array, Array]:
        try:
            model = self.at(n_lag)
        except FitError:
            return np.full(N_TIMESCALES, np.nan), np.full(N_TIMESCALES, np.nan)
        samples = self._samples(model, root_seed, name, number)
        return model.timescales(N_TIMESCALES), timescale_errors(model, samples, N_TIMESCALES)

    def _spread(self, samples: list[Array], model: MarkovModel, factor: int) -> Array:
        """Posterior spread of the predicted persistence about the estimate, (n_macrostates,)."""
        assignment, n = self._space.macrostates[model.states], self._space.n_macrostates
        drawn = [replace(model, transitions=sample, stationary=sampled_stationary(sample)) for sample in samples]
        rows = np.array([predicted_persistence(one, assignment, factor, n) for one in drawn])
        return np.asarray(np.sqrt(((rows - predicted_persistence(model, assignment, factor, n)) ** 2).mean(0)))

    def _persistence(self, n_lag: int) -> Array:
        """Persistence by a model at a lag of whole frames, (n_macrostates,)."""
        try:
            model = self.at(n_lag)
        except FitError:
            return np.full(self._space.n_macrostates, np.nan)
        return predicted_persistence(model, self._space.macrostates[model.states], 1, self._space.n_macrostates)
