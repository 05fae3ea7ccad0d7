"""From bead frames to the parameters of the classical terms.

Frames carry statistical weights, so a biased reference gives the parameters of the unbiased one.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.config.sections import PriorSection
from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.errors import FitError
from cgpipe.geometry import angles, dihedrals, distances
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.quality import coordinates, term_name
from cgpipe.prior.sites import Sites, derive_sites

_MIN_EFFECTIVE_FRAMES = 50
_MIN_RELATIVE_SPREAD = 1e-4
_CONTACT_QUANTILE = 1e-3
"""The repulsion is kT at the distance below which this share of the frames lies."""
_NEWTON_STEPS = 50
_RIDGE = 1e-4

Array = NDArray[np.float64]


def fit_prior(beads: Trajectory, section: PriorSection, *, thermal_energy: float) -> PriorParameters:
    """Parameters of all terms of the beads' topology.

    thermal_energy : kJ/mol
    Raises FitError that names the term if its coordinate does not vary or frames are too few.
    """
    sites = derive_sites(beads.topology, min_separation=section.min_separation)
    sample = _Sample(beads, normalised_weights(beads.log_weights, beads.n_frames), thermal_energy)
    sample.require_frames(sites.bonds[0])
    return PriorParameters(
        sample.harmonics("bond", sites.bonds, distances, "nm"),
        sample.harmonics("angle", sites.angles, angles, "rad"),
        sample.dihedrals(sites.dihedrals if section.dihedrals else (), section.n_fourier),
        sample.fouriers("improper", sites.impropers if section.impropers else (), section.n_fourier),
        sample.repulsions(sites.repulsions if section.repulsion else ()),
        section.repulsion_exponent,
        thermal_energy,
    )


@dataclass(frozen=True)
class _Sample:
    """Frames, weights and temperature that all fits share."""

    beads: Trajectory
    weights: Array
    thermal_energy: float

    def require_frames(self, first_term: tuple[int, ...]) -> None:
        effective = 1.0 / float((self.weights**2).sum())
        if effective < _MIN_EFFECTIVE_FRAMES:
            raise FitError(
                f"{term_name(self.beads, 'bond', first_term)} and all other terms of the prior have {effective:.0f} "
                f"effective frames ({len(self.weights)} in all), fewer than {_MIN_EFFECTIVE_FRAMES}; give longer or "
                "more trajectories"
            )

    def _require_spread(self, kind: str, sites: tuple[int, ...], spread: float, what: str) -> None:
        if spread < _MIN_RELATIVE_SPREAD**2:
            raise FitError(
                f"{term_name(self.beads, kind, sites)} does not vary ({what} {spread:.2g}); its beads are rigidly "
                "joined, leave one of these beads out"
            )

    def harmonics(
        self, kind: str, sites: Sites, measure: Callable[[Tensor, Tensor], Tensor], unit: str
    ) -> tuple[HarmonicTerm, ...]:
        terms = []
        for term, values in zip(sites, coordinates(self.beads, sites, measure), strict=True):
            mean = float(self.weights @ values)
            variance = float(self.weights @ (values - mean) ** 2)
            self._require_spread(kind, term, variance / mean**2, f"mean {mean:.4g} {unit}, relative variance")
            terms.append(HarmonicTerm(term, mean, self.thermal_energy / variance))
        return tuple(terms)

    def dihedrals(self, sites: Sites, n_fourier: int) -> tuple[DihedralTerm, ...]:
        """Dihedrals around one bond turn together: each takes its share of the energy, or it would count twice."""
        terms = self.fouriers("dihedral", sites, n_fourier)
        n_on_axis = Counter(term.axis for term in terms)
        return tuple(term.scaled(1 / n_on_axis[term.axis]) for term in terms)

    def fouriers(self, kind: str, sites: Sites, n_fourier: int) -> tuple[DihedralTerm, ...]:
        terms = []
        for term, values in zip(sites, coordinates(self.beads, sites, dihedrals), strict=True):
            self._require_spread(kind, term, 1.0 - abs(self.weights @ np.exp(1j * values)), "circular variance")
            cosine, sine = fit_fourier(values, self.weights, n_fourier, thermal_energy=self.thermal_energy)
            terms.append(DihedralTerm(term, tuple(cosine.tolist()), tuple(sine.tolist())))
        return tuple(terms)

    def repulsions(self, sites: Sites) -> tuple[RepulsionTerm, ...]:
        terms = []
        for term, values in zip(sites, coordinates(self.beads, sites, distances), strict=True):
            mean = float(self.weights @ values)
            spread = float(self.weights @ (values - mean) ** 2) / mean**2
            self._require_spread("repulsion", term, spread, "relative variance of the distance")
            terms.append(RepulsionTerm(term, _weighted_quantile(values, self.weights, _CONTACT_QUANTILE)))
        return tuple(terms)


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
