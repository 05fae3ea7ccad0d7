"""Model against reference: each metric with its bootstrap error and its noise floor.

The error resamples the units of both ensembles. The noise floor is the same metric between two halves of the reference:
no model can be shown to be better than that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.ensemble import Ensemble, merge
from cgpipe.analysis.free_energy import (
    BASINS,
    basin_masks,
    free_energy,
    free_energy_mse,
    jensen_shannon,
    marginal,
    probabilities,
)
from cgpipe.analysis.uncertainty import bootstrap_counts, half_splits
from cgpipe.errors import DataError
from cgpipe.units import KCAL

Array = NDArray[np.float64]
Function = Callable[[Array, Array], float]
"""A metric of two histograms, model first."""


@dataclass(frozen=True)
class Metric:
    """One number that compares two ensembles."""

    metric: str
    value: float
    error: float
    """Standard deviation over the bootstrap."""
    noise_floor: float
    """Mean over the half splits of the reference: of the metric, or for a population of the halves' difference."""
    unit: str
    n_samples_model: int
    n_samples_reference: int
    n_samples_noise_floor: int
    """Frames in each half of the reference."""


def compare(
    model: Ensemble,
    reference: Ensemble,
    *,
    residues: list[str],
    thermal_energy: float,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> list[Metric]:
    """All metrics. Raises DataError if the ensembles are on different grids."""
    for name in ("torsions", "bonds", "angles"):
        shapes = getattr(model, name).shape[1:], getattr(reference, name).shape[1:]
        if shapes[0] != shapes[1]:
            raise DataError(f"{name} have shape {shapes[0]} in the model and {shapes[1]} in the reference")
    model, reference = merge(model, model.clusters), merge(reference, reference.clusters)
    resampling = _Resampling(model, reference, n_bootstrap, rng)
    metrics = []
    for index, residue in enumerate(residues):
        tables = model.torsions[:, index], reference.torsions[:, index]
        for name, unit, function in _torsion_functions(thermal_energy):
            metrics.append(resampling.metric(f"{name}[{residue}]", unit, function, *tables))
        metrics += _population_metrics(resampling, residue, *tables)
    for name in ("bonds", "angles"):
        tables = getattr(model, name), getattr(reference, name)
        metrics.append(resampling.metric(f"js_{name}", "nats", _mean_js, *tables))
    if reference.handedness.shape[1]:
        metrics.append(_mirror_metric(resampling, model, reference))
    return metrics


def _torsion_functions(thermal_energy: float) -> list[tuple[str, str, Function]]:
    """Name, unit and function of each metric on (n_bins, n_bins) histograms."""

    def square(model: Array, reference: Array) -> float:
        return free_energy_mse(probabilities(model), probabilities(reference), thermal_energy) / KCAL**2

    def weighted(model: Array, reference: Array) -> float:
        p, q = probabilities(model), probabilities(reference)
        return float(np.sqrt(free_energy_mse(p, q, thermal_energy, weights=q)) / KCAL)

    functions: list[tuple[str, str, Function]] = [
        ("js_phi_psi", "nats", lambda m, r: jensen_shannon(probabilities(m), probabilities(r))),
        ("js_phi", "nats", lambda m, r: _marginal_js(m, r, 0)),
        ("js_psi", "nats", lambda m, r: _marginal_js(m, r, 1)),
        ("free_energy_mse", "(kcal/mol)^2", square),
        ("free_energy_rmse_weighted_by_reference", "kcal/mol", weighted),
    ]
    return functions


def _marginal_js(model: Array, reference: Array, axis: int) -> float:
    p, q = (marginal(table, axis) / table.sum() for table in (model, reference))
    return jensen_shannon(p, q)


def _population_metrics(resampling: "_Resampling", residue: str, model: Array, reference: Array) -> list[Metric]:
    """Population of each basin in the model and in the reference, and their difference."""
    metrics = []
    for basin, mask in basin_masks(model.shape[-1]).items():
        functions = _population_functions(mask)
        floor = functions["population_difference"]
        for name, function in functions.items():
            label = f"{name}_{basin}[{residue}]"
            metrics.append(resampling.metric(label, "1", function, model, reference, floor))
    return metrics


def _population_functions(mask: NDArray[np.bool_]) -> dict[str, Function]:
    """Functions of the share of some bins, by the name of the metric."""

    def share(table: Array) -> float:
        return float(table[mask].sum() / table.sum())

    return {
        "population_model": lambda m, _: share(m),
        "population_reference": lambda _, r: share(r),
        "population_difference": lambda m, r: share(m) - share(r),
    }


def _mean_js(model: Array, reference: Array) -> float:
    """Mean over terms of the divergence of their distributions, from (n_terms, n_bins)."""
    rows = zip(model, reference, strict=True)
    return float(np.mean([jensen_shannon(m / m.sum(), r / r.sum()) for m, r in rows]))


class _Resampling:
    """The same resamples and halves for every metric."""

    def __init__(self, model: Ensemble, reference: Ensemble, n_bootstrap: int, rng: np.random.Generator) -> None:
        self._draws_model = bootstrap_counts(len(model.weights), n_bootstrap, rng)
        self._draws_reference = bootstrap_counts(len(reference.weights), n_bootstrap, rng)
        self._halves = half_splits(reference.groups, rng)
        self._n_model, self._n_reference = int(model.n_frames.sum()), int(reference.n_frames.sum())
        self._n_half = int(np.median(self._halves @ reference.n_frames))

    def metric(
        self, name: str, unit: str, function: Function, model: Array, reference: Array, floor: Function | None = None
    ) -> Metric:
        """Metric of histograms (n_units, ...) of both ensembles; the noise floor is that of `floor`, if given."""
        resampled = [
            function(np.tensordot(m, model, 1), np.tensordot(r, reference, 1))
            for m, r in zip(self._draws_model, self._draws_reference, strict=True)
        ]
        floors = [(floor or function)(reference[half].sum(0), reference[~half].sum(0)) for half in self._halves]
        return Metric(
            metric=name,
            value=function(model.sum(0), reference.sum(0)),
            error=float(np.std(resampled, ddof=1)),
            noise_floor=float(np.mean(np.abs(floors))),
            unit=unit,
            n_samples_model=self._n_model,
            n_samples_reference=self._n_reference,
            n_samples_noise_floor=self._n_half,
        )


def _mirror_metric(resampling: _Resampling, model: Ensemble, reference: Ensemble) -> Metric:
    """Fraction of the model's chiral centres, over its frames, whose handedness is not the reference's."""
    native = np.sign(reference.handedness.sum(0))
    columns, columns_reference = (
        np.column_stack([e.handedness @ native / len(native), e.weights]) for e in (model, reference)
    )
    return resampling.metric(
        "mirror_image_fraction", "1", lambda m, _: 0.5 * (1 - m[0] / m[1]), columns, columns_reference
    )


def convergence(ensemble: Ensemble, final: Array) -> tuple[Array, Array, Array]:
    """How an estimate settles as time goes on, all trajectories side by side.

    final   : (n_residues, n_bins, n_bins), histograms to compare with
    returns : Jensen-Shannon divergence of all data up to each time, (n_times, n_residues), nats; populations up to
              each time and within each stretch of time, (n_times, n_residues, n_basins) each
    """
    stretches = merge(ensemble, ensemble.times).torsions
    cumulative = np.cumsum(stretches, axis=0)
    divergence = [
        [jensen_shannon(probabilities(table), probabilities(goal)) for table, goal in zip(tables, final, strict=True)]
        for tables in cumulative
    ]
    return np.array(divergence), basin_populations(cumulative), basin_populations(stretches)


def basin_populations(torsions: Array) -> Array:
    """Share of each basin, (..., n_basins) in the order of `BASINS`, from histograms (..., n_bins, n_bins)."""
    masks = basin_masks(torsions.shape[-1])
    total = torsions.sum(axis=(-2, -1))
    return np.stack([torsions[..., masks[basin]].sum(-1) / total for basin in BASINS], axis=-1)


@dataclass(frozen=True)
class Profiles:
    """Free energies of one ensemble with errors, for figures; kJ/mol, lowest bin at zero."""

    surface: Array
    """(n_residues, n_bins, n_bins)."""
    marginals: Array
    """(n_residues, 2, n_bins), along phi and psi."""
    marginal_errors: Array
    """(n_residues, 2, n_bins), bootstrap standard deviation; NaN where some resample saw nothing."""
    populations: Array
    """(n_residues, n_basins)."""
    population_errors: Array
    """(n_residues, n_basins)."""


def profiles(ensemble: Ensemble, *, thermal_energy: float, n_bootstrap: int, rng: np.random.Generator) -> Profiles:
    """Free energies and populations of one ensemble with bootstrap errors."""
    units = merge(ensemble, ensemble.clusters)
    draws = bootstrap_counts(len(units.weights), n_bootstrap, rng)
    resampled = np.tensordot(draws, units.torsions, 1)  # (n_bootstrap, n_residues, n_bins, n_bins)
    total = units.torsions.sum(0)
    with np.errstate(invalid="ignore"):
        lines = [_lines(table, thermal_energy) for table in resampled]
        errors = np.std(lines, axis=0, ddof=1)
    surface = free_energy(probabilities(total), thermal_energy)
    return Profiles(
        surface=surface - surface.min(axis=(-2, -1), keepdims=True),
        marginals=_lines(total, thermal_energy),
        marginal_errors=errors,
        populations=basin_populations(total),
        population_errors=basin_populations(resampled).std(0, ddof=1),
    )


def _lines(torsions: Array, thermal_energy: float) -> Array:
    """Free energies along phi and psi, (n_residues, 2, n_bins)."""
    sums = np.stack([marginal(torsions, axis) for axis in (0, 1)], axis=-2)
    lines = free_energy(sums / sums.sum(-1, keepdims=True), thermal_energy)
    return np.asarray(lines - lines.min(-1, keepdims=True))
