"""Parameters of the classical terms as a record, and the potential that they make."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from cgpipe.geometry import angles, dihedrals, distances
from cgpipe.potential import Potential
from cgpipe.prior.terms import fourier, harmonic, repulsion


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
    """A Fourier series of one dihedral."""

    sites: tuple[int, ...]
    cosine: tuple[float, ...]
    """kJ/mol, multiplicities 1, 2, ..."""
    sine: tuple[float, ...]
    """kJ/mol."""


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
    repulsions: tuple[RepulsionTerm, ...]
    repulsion_exponent: int
    repulsion_strength: float
    """kJ/mol."""

    def to_plain(self) -> dict[str, Any]:
        """As lists and numbers, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """From what `to_plain` gave, after a round through JSON."""
        kinds = {
            "bonds": HarmonicTerm,
            "angles": HarmonicTerm,
            "dihedrals": DihedralTerm,
            "repulsions": RepulsionTerm,
        }
        terms = {key: tuple(kind(**_with_tuples(term)) for term in values[key]) for key, kind in kinds.items()}
        return cls(**{**values, **terms})


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


class Prior(Potential):
    """The classical terms as a potential."""

    bonds_sites: Tensor
    angles_sites: Tensor
    dihedrals_sites: Tensor
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
        self.parameters_record = parameters
        self._register_sites(parameters)
        self._register("bond_centre", [term.centre for term in parameters.bonds])
        self._register("bond_stiffness", [term.stiffness for term in parameters.bonds])
        self._register("angle_centre", [term.centre for term in parameters.angles])
        self._register("angle_stiffness", [term.stiffness for term in parameters.angles])
        self._register("cosine", [term.cosine for term in parameters.dihedrals])
        self._register("sine", [term.sine for term in parameters.dihedrals])
        self._register("diameter", [term.diameter for term in parameters.repulsions])

    def _register_sites(self, parameters: PriorParameters) -> None:
        for name, size in (("bonds", 2), ("angles", 3), ("dihedrals", 4), ("repulsions", 2)):
            sites = [term.sites for term in getattr(parameters, name)]
            self.register_buffer(f"{name}_sites", torch.tensor(sites, dtype=torch.long).reshape(-1, size))

    def _register(self, name: str, values: list[Any]) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def energy(self, positions: Tensor) -> Tensor:
        """Sum of all terms."""
        bonds = distances(positions, self.bonds_sites)
        bends = angles(positions, self.angles_sites)
        energy = harmonic(bonds, centre=self.bond_centre, stiffness=self.bond_stiffness).sum(-1)
        energy = energy + harmonic(bends, centre=self.angle_centre, stiffness=self.angle_stiffness).sum(-1)
        if len(self.dihedrals_sites):
            torsions = dihedrals(positions, self.dihedrals_sites)
            energy = energy + fourier(torsions, cosine=self.cosine, sine=self.sine).sum(-1)
        if len(self.repulsions_sites):
            pairs = distances(positions, self.repulsions_sites)
            exponent, strength = self.parameters_record.repulsion_exponent, self.parameters_record.repulsion_strength
            energy = energy + repulsion(pairs, diameter=self.diameter, exponent=exponent, strength=strength).sum(-1)
        return energy
