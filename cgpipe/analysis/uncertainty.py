"""Statistical errors: bootstrap over independent units, halves for the noise floor, the start of equilibrium."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP = 0.3
"""Relative to a resample."""
_MAX_SPLITS = 40
_MAX_ENUMERATED = 10_000
"""Splits that are listed before some are drawn; of more, some are drawn at once."""

Array = NDArray[np.float64]


def bootstrap_counts(n_units: int, n_bootstrap: int, rng: np.random.Generator) -> Array:
    """How often each resample holds each unit, (n_bootstrap, n_units). Efron 1979, DOI 10.1214/aos/1176344552."""
    return rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=n_bootstrap).astype(np.float64)


def small_steps(draws: Array, n_units: int) -> Array:
    """Resamples that go part of the way, (n_bootstrap, n_weights): their spread over the step is the error.

    A whole resample counts a third of the units not at all and others twice; for a divergence of many bins that is
    noise of its own, which made its error several times too large near the noise floor. Small steps empty no bin.
    n_units : of which `draws` are resamples, by which their variance is too small by (n - 1) / n
    """
    return 1 + _STEP * math.sqrt(n_units / (n_units - 1)) * (draws - 1)


def bootstrap_steps(n_units: int, n_bootstrap: int, rng: np.random.Generator) -> Array:
    """Small steps towards resamples of independent units, (n_bootstrap, n_units)."""
    return small_steps(bootstrap_counts(n_units, n_bootstrap, rng), n_units)


def standard_error(values: Sequence[Any] | Array) -> Array:
    """Standard errors of what small steps gave, (n_bootstrap, ...)."""
    return np.asarray(np.std(values, axis=0, ddof=1) / _STEP)


def half_splits(groups: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Memberships of one half, (n_splits, n_units): whole trajectories if there are four or more, else random units."""
    names = np.unique(groups)
    if len(names) < 4:
        n_units = len(groups)
        ranks = np.array([rng.permutation(n_units) for _ in range(_MAX_SPLITS)])
        return ranks < n_units // 2
    if math.comb(len(names), len(names) // 2) > _MAX_ENUMERATED:
        drawn = [rng.permutation(names)[: len(names) // 2] for _ in range(_MAX_SPLITS)]
        return np.array([np.isin(groups, half) for half in drawn])
    halves = [half for half in combinations(names, len(names) // 2) if len(names) % 2 or names[0] in half]
    if len(halves) > _MAX_SPLITS:
        halves = [halves[k] for k in rng.choice(len(halves), _MAX_SPLITS, replace=False)]
    return np.array([np.isin(groups, half) for half in halves])


def equilibration_start(series: Array) -> int:
    """First index of equilibrium: the one that leaves most effective samples.

    Chodera 2016, DOI 10.1021/acs.jctc.5b00784.
    series : (n_times,), a property averaged over the replicas
    """
    candidates = np.unique(np.linspace(0, len(series) // 2, 41).astype(int))
    effective = [(len(series) - start) / statistical_inefficiency(series[start:]) for start in candidates]
    return int(candidates[int(np.argmax(effective))])


def statistical_inefficiency(series: Array) -> float:
    """1 + 2 sum of the autocorrelation up to its first zero: frames per independent sample, at least 1."""
    centred = series - series.mean()
    n_times = len(series)
    if n_times < 4 or not centred.any():
        return 1.0
    spectrum = np.abs(np.fft.rfft(centred, 2 * n_times)) ** 2
    correlation = np.fft.irfft(spectrum)[:n_times] / np.arange(n_times, 0, -1)
    correlation /= correlation[0]
    negative = np.flatnonzero(correlation <= 0)
    last = int(negative[0]) if len(negative) else n_times
    lags = np.arange(1, last)
    return max(1.0, float(1 + 2 * ((1 - lags / n_times) * correlation[1:last]).sum()))
