"""How well the terms of a prior describe frames: histogram of each coordinate beside the density of its term alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.geometry import angles, dihedrals, distances
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.sites import Sites
from cgpipe.prior.terms import fourier, harmonic, repulsion

Array = NDArray[np.float64]
Measure = Callable[[Tensor, Tensor], Tensor]

_N_BINS = 120
_TERMS_AT_ONCE = 64
_MAX_REPULSION_FITS = 24
"""Fit records of repulsion that are kept, of the pairs that come nearest; a protein has thousands."""


@dataclass(frozen=True)
class TermFit:
    """Histogram of one coordinate beside the density of its term."""

    kind: str
    label: str
    unit: str
    centres: Array
    """(n_bins,), nm or rad."""
    density: Array
    """(n_bins,), weighted histogram of the frames."""
    fitted: Array
    """(n_bins,), Boltzmann density of the term alone, in space: a bond's has a factor r^2, an angle's sin(theta)."""
    divergence: float
    """Kullback-Leibler divergence of the fit from the histogram, nats; not defined for repulsion, where it is 0."""


def coordinates(beads: Trajectory, sites: Sites, measure: Measure) -> Iterator[Array]:
    """Coordinate of each frame, (n_frames,), term by term; large molecules have thousands of terms."""
    positions = torch.from_numpy(beads.positions.astype(np.float64))
    for first in range(0, len(sites), _TERMS_AT_ONCE):
        yield from measure(positions, torch.tensor(sites[first : first + _TERMS_AT_ONCE])).numpy().T


def term_name(beads: Trajectory, kind: str, sites: tuple[int, ...]) -> str:
    """Kind and beads of a term, as errors and figures name it."""
    return f"{kind} {' - '.join(beads.topology.labels[k] for k in sites)}"


def judge_prior(beads: Trajectory, parameters: PriorParameters, *, thermal_energy: float) -> list[TermFit]:
    """A record for each term; of repulsions only for the pairs that come nearest.

    thermal_energy : kJ/mol
    """
    judge = _Judge(beads, normalised_weights(beads.log_weights, beads.n_frames), thermal_energy)
    nearest = sorted(parameters.repulsions, key=lambda term: term.diameter)[:_MAX_REPULSION_FITS]
    shown = [term for term in parameters.repulsions if term in nearest]
    return [
        *judge.harmonics("bond", parameters.bonds, distances, "nm"),
        *judge.harmonics("angle", parameters.angles, angles, "rad"),
        *judge.dihedrals(parameters.dihedrals),
        *judge.fouriers("improper", parameters.impropers),
        *judge.repulsions(shown, parameters),
    ]


@dataclass(frozen=True)
class _Judge:
    """Frames, weights and temperature that all records share."""

    beads: Trajectory
    weights: Array
    thermal_energy: float

    def harmonics(self, kind: str, terms: tuple[HarmonicTerm, ...], measure: Measure, unit: str) -> Iterator[TermFit]:
        values = coordinates(self.beads, tuple(term.sites for term in terms), measure)
        for term, column in zip(terms, values, strict=True):
            centre, stiffness = torch.tensor(term.centre), torch.tensor(term.stiffness)
            grid = _grid(_limits(column))
            volume = grid**2 if kind == "bond" else torch.sin(grid)  # of positions at a distance, or an angle
            energy = harmonic(grid, centre=centre, stiffness=stiffness) - self.thermal_energy * torch.log(volume)
            yield self._record(kind, term.sites, column, energy, unit, _limits(column))

    def dihedrals(self, terms: tuple[DihedralTerm, ...]) -> Iterator[TermFit]:
        """Dihedrals around one bond share its energy; each is judged by all of it."""
        n_on_axis = Counter(term.axis for term in terms)
        return self.fouriers("dihedral", tuple(term.scaled(n_on_axis[term.axis]) for term in terms))

    def fouriers(self, kind: str, terms: tuple[DihedralTerm, ...]) -> Iterator[TermFit]:
        limits = (-np.pi, np.pi)
        values = coordinates(self.beads, tuple(term.sites for term in terms), dihedrals)
        for term, column in zip(terms, values, strict=True):
            cosine, sine = torch.tensor([term.cosine]), torch.tensor([term.sine])
            energy = fourier(_grid(limits)[:, None], cosine=cosine, sine=sine)[:, 0]
            yield self._record(kind, term.sites, column, energy, "rad", limits)

    def repulsions(self, terms: list[RepulsionTerm], parameters: PriorParameters) -> Iterator[TermFit]:
        values = coordinates(self.beads, tuple(term.sites for term in terms), distances)
        strength, exponent = parameters.repulsion_strength, parameters.repulsion_exponent
        for term, column in zip(terms, values, strict=True):
            grid, diameter = _grid(_limits(column)), torch.tensor(term.diameter)
            energy = repulsion(grid, diameter=diameter, exponent=exponent, strength=strength)
            yield self._record("repulsion", term.sites, column, energy, "nm", _limits(column))

    def _record(
        self, kind: str, sites: tuple[int, ...], values: Array, energy: Tensor, unit: str, limits: tuple[float, float]
    ) -> TermFit:
        density, edges = np.histogram(values, _N_BINS, range=limits, weights=self.weights)
        width = edges[1] - edges[0]
        fitted = np.exp(-(energy - energy.min()).numpy() / self.thermal_energy)
        fitted /= fitted.sum()
        seen = (density > 0) & (kind != "repulsion")
        divergence = float((density[seen] * np.log(density[seen] / np.maximum(fitted[seen], 1e-300))).sum())
        centres, name = 0.5 * (edges[1:] + edges[:-1]), term_name(self.beads, kind, sites)
        return TermFit(kind, name, unit, centres, density / width, fitted / width, divergence)


def _limits(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _grid(limits: tuple[float, float]) -> Tensor:
    """Centres of the histogram's bins, (n_bins,)."""
    edges = torch.linspace(*limits, _N_BINS + 1, dtype=torch.float64)
    return 0.5 * (edges[1:] + edges[:-1])


def fit_to_plain(fit: TermFit) -> dict[str, Any]:
    """Record ready for JSON."""
    arrays = {key: getattr(fit, key).tolist() for key in ("centres", "density", "fitted")}
    return {"kind": fit.kind, "label": fit.label, "unit": fit.unit, "divergence_nats": fit.divergence, **arrays}
