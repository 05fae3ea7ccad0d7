"""Parameters of the classical terms as a record, and the potential that they make."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from cgpipe.data.plain import from_plain
from cgpipe.geometry import (
    angle_gradients,
    angles,
    dihedral_gradients,
    dihedrals,
    distance_gradients,
    distances,
)
from cgpipe.potential import Potential
from cgpipe.prior.terms import fourier, fourier_slope, harmonic, harmonic_slope, repulsion, repulsion_slope

_VALUES = (distances, angles, dihedrals, distances)
_GRADIENTS = (distance_gradients, angle_gradients, dihedral_gradients, distance_gradients)


@dataclass(frozen=True)
class HarmonicTerm:
    """A bond or an angle."""

    sites: tuple[int, ...]
    centre: float
    """nm or rad."""
    stiffness: float
    """kJ/mol/nm^2 or kJ/mol/rad^2."""


@dataclass(frozen=True)
class DihedralTerm:
    """A Fourier series of one dihedral, proper or improper."""

    sites: tuple[int, ...]
    cosine: tuple[float, ...]
    """kJ/mol, multiplicities 1, 2, ..."""
    sine: tuple[float, ...]
    """kJ/mol."""

    @property
    def axis(self) -> frozenset[int]:
        """The two beads that it turns around."""
        return frozenset(self.sites[1:3])

    def scaled(self, factor: float) -> "DihedralTerm":
        """The term with `factor` times its energy."""
        cosine, sine = (tuple(factor * value for value in part) for part in (self.cosine, self.sine))
        return DihedralTerm(self.sites, cosine, sine)


@dataclass(frozen=True)
class RepulsionTerm:
    """Repulsion of two beads."""

    sites: tuple[int, ...]
    diameter: float
    """nm."""


@dataclass(frozen=True)
class PriorParameters:
    """All classical terms of one molecule."""

    bonds: tuple[HarmonicTerm, ...]
    angles: tuple[HarmonicTerm, ...]
    dihedrals: tuple[DihedralTerm, ...]
    impropers: tuple[DihedralTerm, ...]
    """Handedness of the beads that branch, which no network of distances knows."""
    repulsions: tuple[RepulsionTerm, ...]
    repulsion_exponent: int
    repulsion_strength: float
    """kJ/mol."""

    @property
    def torsions(self) -> tuple[DihedralTerm, ...]:
        """Dihedrals and impropers, which are one kind of term to a potential."""
        return self.dihedrals + self.impropers

    def to_plain(self) -> dict[str, Any]:
        """As lists and numbers, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Any, *, source: str) -> Self:
        """From what `to_plain` gave, after a round through JSON. Raises DataError that names the source."""
        return from_plain(cls, values, source=source)


class Prior(Potential):
    """The classical terms as a potential."""

    bonds_sites: Tensor
    angles_sites: Tensor
    torsions_sites: Tensor
    repulsions_sites: Tensor
    bond_centre: Tensor
    bond_stiffness: Tensor
    angle_centre: Tensor
    angle_stiffness: Tensor
    cosine: Tensor
    sine: Tensor
    diameter: Tensor

    def __init__(self, parameters: PriorParameters) -> None:
        super().__init__()
        self.exponent, self.strength = parameters.repulsion_exponent, parameters.repulsion_strength
        self._register_sites(parameters)
        self._register("bond_centre", [term.centre for term in parameters.bonds])
        self._register("bond_stiffness", [term.stiffness for term in parameters.bonds])
        self._register("angle_centre", [term.centre for term in parameters.angles])
        self._register("angle_stiffness", [term.stiffness for term in parameters.angles])
        n_fourier = len(parameters.torsions[0].cosine) if parameters.torsions else 0
        self._register("cosine", [term.cosine for term in parameters.torsions], n_fourier)
        self._register("sine", [term.sine for term in parameters.torsions], n_fourier)
        self._register("diameter", [term.diameter for term in parameters.repulsions])

    def _register_sites(self, parameters: PriorParameters) -> None:
        for name, size in (("bonds", 2), ("angles", 3), ("torsions", 4), ("repulsions", 2)):
            sites = [term.sites for term in getattr(parameters, name)]
            self.register_buffer(f"{name}_sites", torch.tensor(sites, dtype=torch.long).reshape(-1, size))

    def _register(self, name: str, values: list[Any], *row: int) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.float64).reshape(len(values), *row))

    def energy(self, positions: Tensor) -> Tensor:
        """Sum of all terms, differentiable any number of times."""
        return self._energy([measure(positions, sites) for measure, sites in zip(_VALUES, self._sites, strict=True)])

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces by the chain rule over the terms, several times faster than by autograd."""
        measured = [measure(positions, sites) for measure, sites in zip(_GRADIENTS, self._sites, strict=True)]
        coordinates, gradients = ([pair[k] for pair in measured] for k in (0, 1))
        slopes = self._slopes(coordinates)
        pulls = [(s[..., None, None] * g).flatten(-3, -2) for s, g in zip(slopes, gradients, strict=True)]
        members = torch.cat([sites.flatten() for sites in self._sites])
        forces = torch.zeros_like(positions).index_add_(-2, members, torch.cat(pulls, dim=-2), alpha=-1)
        return self._energy(coordinates), forces

    @property
    def _sites(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.bonds_sites, self.angles_sites, self.torsions_sites, self.repulsions_sites

    def _energy(self, coordinates: list[Tensor]) -> Tensor:
        """Sum over the terms of bonds, angles, torsions and repulsive distances."""
        bonds, bends, torsions, pairs = coordinates
        return (
            harmonic(bonds, centre=self.bond_centre, stiffness=self.bond_stiffness).sum(-1)
            + harmonic(bends, centre=self.angle_centre, stiffness=self.angle_stiffness).sum(-1)
            + fourier(torsions, cosine=self.cosine, sine=self.sine).sum(-1)
            + repulsion(pairs, diameter=self.diameter, exponent=self.exponent, strength=self.strength).sum(-1)
        )

    def _slopes(self, coordinates: list[Tensor]) -> list[Tensor]:
        """Derivative of the energy with respect to each coordinate."""
        bonds, bends, torsions, pairs = coordinates
        return [
            harmonic_slope(bonds, centre=self.bond_centre, stiffness=self.bond_stiffness),
            harmonic_slope(bends, centre=self.angle_centre, stiffness=self.angle_stiffness),
            fourier_slope(torsions, cosine=self.cosine, sine=self.sine),
            repulsion_slope(pairs, diameter=self.diameter, exponent=self.exponent, strength=self.strength),
        ]
