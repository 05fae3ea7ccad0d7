"""Collective variables that a bias acts on: what they are functions of, their range, and their OpenMM forces.

Each is a sum of the energies of OpenMM forces, which CustomCVForce reads as numbers, plus an offset. Its label names
it and its unit on an axis; the range of a periodic one closes on itself.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import openmm
from numpy.typing import NDArray

Pairs = tuple[tuple[int, int], ...]
Quadruples = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Torsion:
    """A dihedral angle, rad."""

    label: ClassVar[str] = "torsion (rad)"
    periodic: ClassVar[bool] = True
    offset: ClassVar[float] = 0.0
    torsion: tuple[int, int, int, int]
    kind: Literal["torsion"] = "torsion"

    @property
    def atoms(self) -> tuple[int, ...]:
        """Atoms that it is a function of."""
        return self.torsion

    @property
    def limits(self) -> tuple[float, float]:
        """Where its period begins and ends."""
        return -float(np.pi), float(np.pi)

    def forces(self, n_particles: int) -> list[openmm.Force]:
        """Forces whose energies, with the offset, add up to the variable."""
        del n_particles
        return _torsion_forces("theta", (self.torsion,), {})


@dataclass(frozen=True)
class Contacts:
    """Fraction of contacts that are made: mean of 1 / (1 + exp(steepness (r - midpoint)))."""

    label: ClassVar[str] = "fraction of native contacts"
    periodic: ClassVar[bool] = False
    offset: ClassVar[float] = 0.0
    pairs: Pairs
    midpoints: tuple[float, ...]
    """(n_pairs,), nm."""
    steepness: float
    """1/nm."""
    kind: Literal["contacts"] = "contacts"

    @property
    def atoms(self) -> tuple[int, ...]:
        """Atoms that it is a function of."""
        return tuple(sorted({atom for pair in self.pairs for atom in pair}))

    @property
    def limits(self) -> tuple[float, float]:
        """Its range."""
        return 0.0, 1.0

    def forces(self, n_particles: int) -> list[openmm.Force]:
        """Forces whose energies, with the offset, add up to the variable."""
        del n_particles
        # By tanh, because exp would overflow for stretched chains, and its derivative become infinity by infinity.
        expression = f"{0.5 / len(self.pairs)!r} * (1 - tanh({0.5 * self.steepness!r} * (r - midpoint)))"
        return _pair_forces(expression, self.pairs, {"midpoint": self.midpoints})


@dataclass(frozen=True)
class Rmsd:
    """RMSD from a structure after superposition, nm."""

    label: ClassVar[str] = "RMSD (nm)"
    periodic: ClassVar[bool] = False
    offset: ClassVar[float] = 0.0
    members: tuple[int, ...]
    structure: tuple[tuple[float, float, float], ...]
    """(n_members, 3), nm."""
    maximum: float
    """nm."""
    kind: Literal["rmsd"] = "rmsd"

    @property
    def atoms(self) -> tuple[int, ...]:
        """Atoms that it is a function of."""
        return self.members

    @property
    def limits(self) -> tuple[float, float]:
        """Its range as far as the bias reaches."""
        return 0.0, self.maximum

    def forces(self, n_particles: int) -> list[openmm.Force]:
        """Forces whose energies, with the offset, add up to the variable."""
        positions = np.zeros((n_particles, 3))
        positions[list(self.members)] = self.structure
        return [openmm.RMSDForce(positions, list(self.members))]


@dataclass(frozen=True)
class Slow:
    """A linear function of distances and of cosines and sines of dihedrals, as TICA gives it."""

    label: ClassVar[str] = "slow coordinate"
    periodic: ClassVar[bool] = False
    pairs: Pairs
    pair_weights: tuple[float, ...]
    """1/nm."""
    quadruples: Quadruples
    cosine_weights: tuple[float, ...]
    sine_weights: tuple[float, ...]
    offset: float
    range: tuple[float, float]
    kind: Literal["slow"] = "slow"

    @property
    def atoms(self) -> tuple[int, ...]:
        """Atoms that it is a function of."""
        return tuple(sorted({atom for group in (*self.pairs, *self.quadruples) for atom in group}))

    @property
    def limits(self) -> tuple[float, float]:
        """Its range as far as the bias reaches."""
        return self.range

    def forces(self, n_particles: int) -> list[openmm.Force]:
        """Forces whose energies, with the offset, add up to the variable."""
        del n_particles
        torsions = {"cosine": self.cosine_weights, "sine": self.sine_weights}
        return [
            *_pair_forces("weight * r", self.pairs, {"weight": self.pair_weights}),
            *_torsion_forces("cosine * cos(theta) + sine * sin(theta)", self.quadruples, torsions),
        ]


Variable = Torsion | Contacts | Rmsd | Slow


def grid(variable: Variable, n_points: int) -> NDArray[np.float64]:
    """Even points over its range, (n_points,); of a period without its end."""
    return np.linspace(*variable.limits, n_points, endpoint=not variable.periodic)


def separation(
    variable: Variable, values: NDArray[np.floating], centre: NDArray[np.floating] | float
) -> NDArray[np.float64]:
    """Signed distance of values from a centre as the bias sees it.

    The shorter way round a period; beyond the limits of a range, of the limit.
    """
    if variable.periodic:
        return np.angle(np.exp(1j * (np.asarray(values, dtype=np.float64) - centre)))
    inside = [np.clip(np.asarray(part, dtype=np.float64), *variable.limits) for part in (values, centre)]
    return np.asarray(inside[0] - inside[1])


def _pair_forces(expression: str, pairs: Pairs, columns: dict[str, tuple[float, ...]]) -> list[openmm.Force]:
    force = openmm.CustomBondForce(expression)
    for name in columns:
        force.addPerBondParameter(name)
    for pair, *row in zip(pairs, *columns.values(), strict=True):
        force.addBond(*pair, row)
    return [force]


def _torsion_forces(
    expression: str, quadruples: Quadruples, columns: dict[str, tuple[float, ...]]
) -> list[openmm.Force]:
    force = openmm.CustomTorsionForce(expression)
    for name in columns:
        force.addPerTorsionParameter(name)
    for quadruple, *row in zip(quadruples, *columns.values(), strict=True):
        force.addTorsion(*quadruple, row)
    return [force]
