"""Model against reference in backbone torsions, bonds, angles and handedness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.ensemble import Ensemble, merge
from cgpipe.analysis.free_energy import BASINS, basin_masks, free_energy, jensen_shannon, marginal, probabilities
from cgpipe.analysis.metrics import Metric, Resampling, mean_js, surface_functions
from cgpipe.analysis.uncertainty import bootstrap_steps, standard_error
from cgpipe.errors import DataError

Array = NDArray[np.float64]

LOCAL_METRICS = ("js_bonds", "js_angles", "mirror_image_fraction")
"""Of bonded neighbours alone."""


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
    resampling = Resampling.of(model, reference, n_bootstrap=n_bootstrap, rng=rng)
    metrics = []
    for index, residue in enumerate(residues):
        tables = model.torsions[:, index], reference.torsions[:, index]
        for name, unit, function in surface_functions("phi", "psi", thermal_energy):
            metrics.append(resampling.metric(f"{name}[{residue}]", unit, function, *tables))
        metrics += _population_metrics(resampling, residue, *tables)
    for name in ("bonds", "angles"):
        tables = getattr(model, name), getattr(reference, name)
        metrics.append(resampling.metric(f"js_{name}", "nats", mean_js, *tables))
    if reference.handedness.shape[1]:
        metrics.append(_mirror_metric(resampling, model, reference))
    return metrics


def _population_metrics(resampling: Resampling, residue: str, model: Array, reference: Array) -> list[Metric]:
    """Population of each basin in the model and in the reference, and their difference."""
    metrics = []
    for basin, mask in basin_masks(model.shape[-1]).items():
        parts = [np.column_stack([t[:, mask].sum(-1), t.sum(axis=(-2, -1))]) for t in (model, reference)]
        metrics += resampling.share_metrics(f"{basin}[{residue}]", *parts)
    return metrics


def _mirror_metric(resampling: Resampling, model: Ensemble, reference: Ensemble) -> Metric:
    """Fraction of the model's chiral centres, over its frames, whose handedness is not the reference's."""
    native = np.sign(reference.handedness.sum(0))
    columns, columns_reference = (
        np.column_stack([e.handedness @ native / len(native), e.weights]) for e in (model, reference)
    )
    return resampling.share_of_model(
        "mirror_image_fraction", lambda table: float(0.5 * (1 - table[0] / table[1])), columns, columns_reference
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
    """Free energies of one ensemble with errors, for figures; kJ/mol, marginals with the lowest bin at zero."""

    surface: Array
    """(n_residues, n_bins, n_bins), of normalised probabilities: two of them differ by no constant."""
    marginals: Array
    """(n_residues, 2, n_bins), along phi and psi."""
    marginal_errors: Array
    """(n_residues, 2, n_bins), standard error by resampling; NaN where no frame lies."""
    populations: Array
    """(n_residues, n_basins)."""
    population_errors: Array
    """(n_residues, n_basins)."""


def profiles(ensemble: Ensemble, *, thermal_energy: float, n_bootstrap: int, rng: np.random.Generator) -> Profiles:
    """Free energies and populations of one ensemble with bootstrap errors."""
    units = merge(ensemble, ensemble.clusters)
    draws = bootstrap_steps(len(units.weights), n_bootstrap, rng)
    resampled = np.tensordot(draws, units.torsions, 1)  # (n_bootstrap, n_residues, n_bins, n_bins)
    total = units.torsions.sum(0)
    with np.errstate(invalid="ignore"):
        lines = [_lines(table, thermal_energy) for table in resampled]
        errors = standard_error(lines)
    return Profiles(
        surface=free_energy(probabilities(total), thermal_energy),
        marginals=_lines(total, thermal_energy),
        marginal_errors=errors,
        populations=basin_populations(total),
        population_errors=standard_error(basin_populations(resampled)),
    )


def _lines(torsions: Array, thermal_energy: float) -> Array:
    """Free energies along phi and psi, (n_residues, 2, n_bins)."""
    sums = np.stack([marginal(torsions, axis) for axis in (0, 1)], axis=-2)
    lines = free_energy(sums / sums.sum(-1, keepdims=True), thermal_energy)
    return np.asarray(lines - lines.min(-1, keepdims=True))
