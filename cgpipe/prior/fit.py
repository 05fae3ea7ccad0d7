"""From bead frames to the parameters of the classical terms, with the quality of each fit.

Frames carry statistical weights, so a biased reference gives the parameters of the unbiased one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.config.sections import PriorSection
from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.errors import FitError
from cgpipe.geometry import angles, dihedrals, distances
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.sites import Sites, TermSites, derive_sites
from cgpipe.prior.terms import fourier, harmonic, repulsion

_MIN_EFFECTIVE_FRAMES = 50
_MIN_RELATIVE_SPREAD = 1e-4
_N_BINS = 120
_CONTACT_QUANTILE = 1e-3
"""The repulsion is kT at the distance below which this share of the frames lies."""
_MAX_FRAMES = 200_000
"""Frames that are looked at, evenly spread; their statistical errors are far below what a prior needs."""
_TERMS_AT_ONCE = 64
_MAX_REPULSION_FITS = 24
"""Fit records of repulsion that are kept, of the pairs that come nearest; a protein has thousands."""
_NEWTON_STEPS = 50
_RIDGE = 1e-4

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TermFit:
    """Histogram of one coordinate beside the density of its fitted term."""

    kind: str
    label: str
    unit: str
    centres: Array
    """(n_bins,), nm or rad."""
    density: Array
    """(n_bins,), weighted histogram of the frames."""
    fitted: Array
    """(n_bins,), Boltzmann density of the term alone."""
    divergence: float
    """Kullback-Leibler divergence of the fit from the histogram, nats; not defined for repulsion, where it is 0."""


def fit_prior(
    beads: Trajectory, section: PriorSection, *, thermal_energy: float
) -> tuple[PriorParameters, list[TermFit]]:
    """Parameters of all terms of the beads' topology, and a fit record for each.

    thermal_energy : kJ/mol
    Raises FitError that names the term if its coordinate does not vary or frames are too few.
    """
    sites = derive_sites(beads.topology, min_separation=section.min_separation)
    beads = beads.part(slice(None, None, max(1, beads.n_frames // _MAX_FRAMES)))
    weights = normalised_weights(beads.log_weights, beads.n_frames)
    sample = _Sample(beads, weights, thermal_energy)
    _require_frames(weights, sample.name("bond", sites.bonds[0]))
    bonds, bond_fits = sample.harmonics("bond", sites.bonds, distances, "nm")
    bends, bend_fits = sample.harmonics("angle", sites.angles, angles, "rad")
    torsions, torsion_fits = sample.fouriers(sites if section.dihedrals else None, section.n_fourier)
    pairs, pair_fits = sample.repulsions(sites if section.repulsion else None, section.repulsion_exponent)
    parameters = PriorParameters(bonds, bends, torsions, pairs, section.repulsion_exponent, thermal_energy)
    return parameters, [*bond_fits, *bend_fits, *torsion_fits, *pair_fits]


def _require_frames(weights: Array, first_term: str) -> None:
    effective = 1.0 / float((weights**2).sum())
    if effective < _MIN_EFFECTIVE_FRAMES:
        raise FitError(
            f"{first_term} and all other terms of the prior have {effective:.0f} effective frames ({len(weights)} in "
            f"all), fewer than {_MIN_EFFECTIVE_FRAMES}; give longer or more trajectories"
        )


@dataclass(frozen=True)
class _Sample:
    """Frames, weights and temperature that all fits share."""

    beads: Trajectory
    weights: Array
    thermal_energy: float

    def coordinates(self, sites: Sites, measure: Callable[[Tensor, Tensor], Tensor]) -> Iterator[Array]:
        """Coordinate of each frame, (n_frames,), term by term; large molecules have thousands of terms."""
        positions = torch.from_numpy(self.beads.positions.astype(np.float64))
        for first in range(0, len(sites), _TERMS_AT_ONCE):
            yield from measure(positions, torch.tensor(sites[first : first + _TERMS_AT_ONCE])).numpy().T

    def name(self, kind: str, term: tuple[int, ...]) -> str:
        return f"{kind} {' - '.join(self.beads.topology.labels[k] for k in term)}"

    def harmonics(
        self, kind: str, sites: Sites, measure: Callable[[Tensor, Tensor], Tensor], unit: str
    ) -> tuple[tuple[HarmonicTerm, ...], list[TermFit]]:
        terms, fits = [], []
        for term, values in zip(sites, self.coordinates(sites, measure), strict=True):
            mean = float(self.weights @ values)
            variance = float(self.weights @ (values - mean) ** 2)
            self._require_spread(kind, term, variance / mean**2, f"mean {mean:.4g} {unit}, relative variance")
            terms.append(HarmonicTerm(term, mean, self.thermal_energy / variance))
            energy = harmonic(_grid(values), centre=torch.tensor(mean), stiffness=torch.tensor(terms[-1].stiffness))
            fits.append(self._fit(kind, term, values, energy, unit))
        return tuple(terms), fits

    def _require_spread(self, kind: str, term: tuple[int, ...], spread: float, what: str) -> None:
        if spread < _MIN_RELATIVE_SPREAD**2:
            raise FitError(
                f"{self.name(kind, term)} does not vary ({what} {spread:.2g}); its beads are rigidly joined, leave one "
                "of these beads out"
            )

    def fouriers(self, sites: TermSites | None, n_fourier: int) -> tuple[tuple[DihedralTerm, ...], list[TermFit]]:
        terms, fits = [], []
        chosen = sites.dihedrals if sites else ()
        n_on_axis = Counter(frozenset(term[1:3]) for term in chosen)
        for term, values in zip(chosen, self.coordinates(chosen, dihedrals), strict=True):
            self._require_spread("dihedral", term, 1.0 - abs(self.weights @ np.exp(1j * values)), "circular variance")
            cosine, sine = fit_fourier(values, self.weights, n_fourier, thermal_energy=self.thermal_energy)
            # Dihedrals around one bond turn together: each takes its share of the energy, or it would count twice.
            share = 1.0 / n_on_axis[frozenset(term[1:3])]
            terms.append(DihedralTerm(term, tuple((share * cosine).tolist()), tuple((share * sine).tolist())))
            grid = _grid(values, (-np.pi, np.pi))[:, None]
            energy = fourier(grid, cosine=torch.tensor(cosine[None]), sine=torch.tensor(sine[None]))[:, 0]
            fits.append(self._fit("dihedral", term, values, energy, "rad", limits=(-np.pi, np.pi)))
        return tuple(terms), fits

    def repulsions(self, sites: TermSites | None, exponent: int) -> tuple[tuple[RepulsionTerm, ...], list[TermFit]]:
        terms, fits = [], []
        chosen = sites.repulsions if sites else ()
        for term, values in zip(chosen, self.coordinates(chosen, distances), strict=True):
            mean = float(self.weights @ values)
            spread = float(self.weights @ (values - mean) ** 2) / mean**2
            self._require_spread("repulsion", term, spread, "relative variance of the distance")
            diameter = _weighted_quantile(values, self.weights, _CONTACT_QUANTILE)
            terms.append(RepulsionTerm(term, diameter))
            energy = repulsion(
                _grid(values), diameter=torch.tensor(diameter), exponent=exponent, strength=self.thermal_energy
            )
            fits.append(self._fit("repulsion", term, values, energy, "nm"))
        nearest = sorted(range(len(terms)), key=lambda k: terms[k].diameter)[:_MAX_REPULSION_FITS]
        return tuple(terms), [fits[k] for k in sorted(nearest)]

    def _fit(
        self,
        kind: str,
        term: tuple[int, ...],
        values: Array,
        energy: Tensor,
        unit: str,
        limits: tuple[float, float] | None = None,
    ) -> TermFit:
        density, edges = np.histogram(values, _N_BINS, range=limits or _limits(values), weights=self.weights)
        width = edges[1] - edges[0]
        fitted = np.exp(-(energy - energy.min()).numpy() / self.thermal_energy)
        fitted /= fitted.sum()
        seen = (density > 0) & (kind != "repulsion")
        divergence = float((density[seen] * np.log(density[seen] / np.maximum(fitted[seen], 1e-300))).sum())
        centres = 0.5 * (edges[1:] + edges[:-1])
        return TermFit(kind, self.name(kind, term), unit, centres, density / width, fitted / width, divergence)


def _limits(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _grid(values: Array, limits: tuple[float, float] | None = None) -> Tensor:
    """Centres of the histogram's bins, (n_bins,)."""
    edges = torch.linspace(*(limits or _limits(values)), _N_BINS + 1, dtype=torch.float64)
    return 0.5 * (edges[1:] + edges[:-1])


def _weighted_quantile(values: Array, weights: Array, quantile: float) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), quantile)])


def fit_fourier(values: Array, weights: Array, n_fourier: int, *, thermal_energy: float) -> tuple[Array, Array]:
    """Coefficients (cosine, sine) of the Fourier energy of largest likelihood, (n_fourier,) each, kJ/mol.

    values : (n_frames,), rad. Likelihood, unlike a fit to -kT ln p, raises the energy where no frame lies. Its optimum
    reproduces the first n_fourier circular moments; a weak ridge keeps the coefficients of narrow densities finite.
    """
    grid = np.linspace(-np.pi, np.pi, 720, endpoint=False)
    observed = weights @ _basis(values, n_fourier)
    basis = _basis(grid, n_fourier)
    exponents = np.zeros(2 * n_fourier)  # of ln p, in the order of the basis
    for _ in range(_NEWTON_STEPS):
        density = np.exp(basis @ exponents - (basis @ exponents).max())
        density /= density.sum()
        mean = density @ basis
        curvature = (basis * density[:, None]).T @ basis - np.outer(mean, mean) + _RIDGE * np.eye(len(mean))
        step = np.linalg.solve(curvature, observed - mean - _RIDGE * exponents)
        exponents += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))  # damped far from the optimum
    return -thermal_energy * exponents[:n_fourier], -thermal_energy * exponents[n_fourier:]


def _basis(angle: Array, n_fourier: int) -> Array:
    multiples = angle[:, None] * np.arange(1, n_fourier + 1)
    return np.hstack([np.cos(multiples), np.sin(multiples)])


def fit_to_plain(fit: TermFit) -> dict[str, Any]:
    """Fit record ready for JSON."""
    arrays = {key: getattr(fit, key).tolist() for key in ("centres", "density", "fitted")}
    return {"kind": fit.kind, "label": fit.label, "unit": fit.unit, "divergence_nats": fit.divergence, **arrays}
