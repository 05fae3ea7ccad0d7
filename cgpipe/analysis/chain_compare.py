"""Model against reference for proteins: slow coordinates, shape, folding, contacts, states and timescales."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.chain_ensemble import ChainEnsemble, Coordinate
from cgpipe.analysis.folding import folding_metrics
from cgpipe.analysis.free_energy import free_energy, jensen_shannon, probabilities
from cgpipe.analysis.kinetics import Kinetics
from cgpipe.analysis.metrics import (
    Metric,
    Resampling,
    js_of_line,
    mean_js,
    surface_functions,
    weighted_rmse,
)
from cgpipe.analysis.uncertainty import bootstrap_steps, small_steps, standard_error
from cgpipe.errors import DataError

Array = NDArray[np.float64]

_SLOW = ("tic1", "tic2")
"""Coordinates that the surface shows already."""


def compare_chains(
    model: ChainEnsemble,
    reference: ChainEnsemble,
    *,
    coordinates: list[Coordinate],
    thermal_energy: float,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> list[Metric]:
    """All metrics of two ensembles on one scale; free-energy errors only where they have bins in common.

    Raises DataError if their grids differ.
    """
    for name in ("lines", "pairs", "macrostates"):
        shapes = getattr(model, name).shape[1:], getattr(reference, name).shape[1:]
        if shapes[0] != shapes[1]:
            raise DataError(
                f"{name} have shape {shapes[0]} in the model and {shapes[1]} in the reference; analyse both with the "
                "same states and native structure"
            )
    if model.surface.shape[2:] != reference.surface.shape[2:]:
        raise DataError(f"surfaces have {model.surface.shape[2:]} and {reference.surface.shape[2:]} bins")
    resampling = Resampling.of(model, reference, n_bootstrap=n_bootstrap, rng=rng)
    if len(reference.draws):
        resampling = resampling.reweighted(reference.draws, reference.halves, n_units=reference.n_units, rng=rng)
    metrics = []
    if reference.surface.size:
        tables = model.surface.sum(1), reference.surface.sum(1)
        for name, unit, function in surface_functions(*_SLOW, thermal_energy):
            metrics += resampling.metric_if_defined(f"{name}[tica]", unit, function, *tables)
    metrics += _line_metrics(resampling, model, reference, coordinates, thermal_energy)
    for state in range(reference.macrostates.shape[1]):
        shares = (_table(e.macrostates[:, state], e.weights) for e in (model, reference))
        metrics += resampling.share_metrics(f"state{state + 1}", *shares)
    if any(coordinate.name == "rmsd" for coordinate in coordinates):
        metrics += folding_metrics(resampling, model, reference, thermal_energy)
    touching, touching_reference = (_table(e.contacts, e.weights) for e in (model, reference))
    metrics.append(resampling.metric("contact_probability_rmse", "1", _contact_rmse, touching, touching_reference))
    metrics.append(resampling.metric("js_pair_distances", "nats", mean_js, model.pairs, reference.pairs))
    return metrics


def _line_metrics(
    resampling: Resampling,
    model: ChainEnsemble,
    reference: ChainEnsemble,
    coordinates: list[Coordinate],
    thermal_energy: float,
) -> list[Metric]:
    metrics = []
    for row, coordinate in enumerate(coordinates):
        if coordinate.name in _SLOW:
            continue
        tables = model.lines[:, row], reference.lines[:, row]
        metrics.append(resampling.metric(f"js_{coordinate.name}", "nats", js_of_line, *tables))
        name = f"free_energy_rmse_{coordinate.name}"
        metrics += resampling.metric_if_defined(name, "kcal/mol", weighted_rmse(thermal_energy), *tables)
    return metrics


def _table(shares: Array, weights: Array) -> Array:
    """Weights of states beside the weight of all frames, (n_clusters, n_states + 1)."""
    return np.column_stack([shares, weights])


def _contact_rmse(model: Array, reference: Array) -> float:
    """Root mean square difference of contact probabilities, from (n_pairs + 1,): contacts, then all weight."""
    difference = model[:-1] / model[-1] - reference[:-1] / reference[-1]
    return float(np.sqrt((difference**2).mean()))


def compare_kinetics(model: Kinetics, reference: Kinetics, *, n_samples: tuple[int, int]) -> list[Metric]:
    """Slowest timescales of both, the common speed-up of the model, and what is left of each after it.

    n_samples : frames of the model and of the reference
    The speed-up is the geometric mean of the ratios of timescales, paired by their rank; those shorter than the lag of
    their model mean nothing and are left out. Errors are those of the posteriors.
    """
    t, r = model.timescales, reference.timescales
    known = np.flatnonzero((t > model.lag[0]) & (r > reference.lag[0]))  # false for NaN
    relative_m, relative_r = (k.timescale_errors / k.timescales for k in (model, reference))
    rows: list[tuple[str, float, float, float, str]] = []
    for k in known:
        rows.append((f"timescale{k + 1}_model", t[k], t[k] * relative_m[k], t[k] * relative_r[k], "ps"))
        rows.append((f"timescale{k + 1}_reference", r[k], r[k] * relative_r[k], r[k] * relative_r[k], "ps"))
    if len(known):
        spread, floor = np.hypot(relative_m, relative_r)[known], relative_r[known]
        logs, n = np.log(r[known] / t[known]), len(known)
        speed_up = float(np.exp(logs.mean()))
        error, limit = (speed_up * float(np.sqrt((part**2).sum())) / n for part in (spread, floor))
        rows.append(("speed_up", speed_up, error, limit, "1"))
        for number, k in enumerate(known if n > 1 else ()):
            # The mean that is taken out holds a share of each: the variance of x_k - mean(x).
            error, limit = (_centred_error(part, number) for part in (spread, floor))
            rows.append(
                (f"timescale{k + 1}_log_ratio_after_speed_up", float(logs[number] - logs.mean()), error, limit, "1")
            )
    counts = (*n_samples, n_samples[1])
    return [Metric(name, float(v), float(e), float(f), unit, *counts) for name, v, e, f, unit in rows]


def _centred_error(errors: Array, place: int) -> float:
    """Error of one of several independent numbers after their mean is taken out; errors is (n,)."""
    n = len(errors)
    weights = np.full(n, -1.0 / n)
    weights[place] += 1.0
    return float(np.sqrt(((weights * errors) ** 2).sum()))


@dataclass(frozen=True)
class ChainProfiles:
    """Free energies of one ensemble with errors, for figures; kJ/mol, lines with the lowest bin at zero."""

    tic_surface: Array
    """(n_bins, n_bins), of normalised probabilities; empty without a state space."""
    lines: Array
    """(n_coordinates, n_line_bins)."""
    line_errors: Array
    """(n_coordinates, n_line_bins), bootstrap standard deviation; NaN where some resample saw nothing."""
    contacts: Array
    """(n_pairs,), probability of each contact."""
    macrostates: Array
    """(n_macrostates,), populations."""
    macrostate_errors: Array
    """(n_macrostates,)."""
    tic_convergence_js: Array
    """(n_times,), divergence of all data up to a time from the whole of `final`, nats."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def chain_profiles(
    ensemble: ChainEnsemble, final: Array, *, thermal_energy: float, n_bootstrap: int, rng: np.random.Generator
) -> ChainProfiles:
    """Free energies and populations with bootstrap errors; final is the reference's surface, (n_bins, n_bins)."""
    if len(ensemble.draws):
        draws = small_steps(ensemble.draws, ensemble.n_units)
    else:
        draws = bootstrap_steps(ensemble.n_units, n_bootstrap, rng)
    lines = np.tensordot(draws, ensemble.lines, 1)
    with np.errstate(invalid="ignore"):
        errors = standard_error([_free_lines(table, thermal_energy) for table in lines])
    surface = ensemble.surface.sum((0, 1))
    times = np.cumsum(ensemble.surface.sum(0), axis=0) if surface.size else ()
    goal = probabilities(final)
    shares = np.tensordot(draws, ensemble.macrostates, 1) / (draws @ ensemble.weights)[:, None]
    return ChainProfiles(
        tic_surface=free_energy(probabilities(surface), thermal_energy) if surface.size else surface,
        lines=_free_lines(ensemble.lines.sum(0), thermal_energy),
        line_errors=errors,
        contacts=ensemble.contacts.sum(0) / ensemble.weights.sum(),
        macrostates=ensemble.macrostates.sum(0) / ensemble.weights.sum(),
        macrostate_errors=standard_error(shares),
        tic_convergence_js=np.array([jensen_shannon(probabilities(t), goal) if t.any() else np.nan for t in times]),
    )


def _free_lines(lines: Array, thermal_energy: float) -> Array:
    """Free energy along each coordinate, (n_coordinates, n_line_bins)."""
    energies = free_energy(lines / lines.sum(-1, keepdims=True), thermal_energy)
    return np.asarray(energies - energies.min(-1, keepdims=True))
