"""A bias on one or two torsions: its table, its hills, its OpenMM force.

Well-tempered metadynamics, Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import openmm
from numpy.typing import NDArray

from cgpipe.config.reference import BiasSection
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError

BIAS_GROUP = 31
"""OpenMM force group of the bias; all other groups are the unbiased system."""


@dataclass(frozen=True)
class TorsionBias:
    """A periodic potential of one or two torsions on a regular grid."""

    quadruples: tuple[tuple[int, ...], ...]
    """Atom indices of each torsion, (n_torsions, 4)."""
    table: NDArray[np.float64]
    """(n_grid,) * n_torsions, kJ/mol, at angles -pi + 2 pi k / n_grid."""


def flat_bias(section: BiasSection, topology: Topology) -> TorsionBias:
    """Zero bias on the torsions of a section. Raises DataError if an atom is not there."""
    quadruples = tuple(tuple(topology.index(label) for label in torsion) for torsion in section.torsions)
    return TorsionBias(quadruples, np.zeros((section.n_grid_points,) * len(quadruples)))


def with_hill(bias: TorsionBias, centre: NDArray[np.floating], *, height: float, width: float) -> TorsionBias:
    """Bias plus one periodic Gaussian hill.

    centre : (n_torsions,), rad; height in kJ/mol, width in rad
    """
    hill = np.array(height)
    for angle in centre:
        n_grid = bias.table.shape[0]
        grid = -np.pi + 2 * np.pi * np.arange(n_grid) / n_grid
        distance = np.angle(np.exp(1j * (grid - angle)))
        hill = hill[..., None] * np.exp(-0.5 * (distance / width) ** 2)
    return replace(bias, table=bias.table + hill)


def mean_bias(biases: Iterable[TorsionBias]) -> TorsionBias:
    """Mean of independently built biases, with its minimum at zero. Raises DataError if they differ in torsions."""
    biases = list(biases)
    if len({(bias.quadruples, bias.table.shape) for bias in biases}) != 1:
        raise DataError("the walkers' biases are on different torsions or grids; delete them and run again")
    table = np.mean([bias.table for bias in biases], axis=0)
    return replace(biases[0], table=table - table.min())


def tempered_height(section: BiasSection, bias_energy: float, thermal_energy: float) -> float:
    """Height of the next hill where the bias is already bias_energy, all kJ/mol."""
    return section.hill_height_kJ_per_mol * float(np.exp(-bias_energy / (thermal_energy * (section.bias_factor - 1.0))))


def bias_force(bias: TorsionBias) -> openmm.CustomCompoundBondForce:
    """The bias as an OpenMM force in its own group; it costs a few percent of a step."""
    atoms = sorted({atom for quadruple in bias.quadruples for atom in quadruple})
    place = {atom: f"p{k}" for k, atom in enumerate(atoms, start=1)}
    torsions = [f"dihedral({','.join(place[atom] for atom in quadruple)})" for quadruple in bias.quadruples]
    force = openmm.CustomCompoundBondForce(len(atoms), f"bias({','.join(torsions)})")
    kind = openmm.Continuous1DFunction if len(torsions) == 1 else openmm.Continuous2DFunction
    force.addTabulatedFunction("bias", kind(*_table_arguments(bias), True))
    force.addBond(atoms)
    force.setForceGroup(BIAS_GROUP)
    return force


def update_force(force: openmm.CustomCompoundBondForce, bias: TorsionBias, context: openmm.Context) -> None:
    """Hand a changed table to a running context."""
    force.getTabulatedFunction(0).setFunctionParameters(*_table_arguments(bias))
    force.updateParametersInContext(context)


def _table_arguments(bias: TorsionBias) -> list[int | float | list[float]]:
    """Sizes, values and limits as OpenMM's tables take them: end points repeated, first torsion fastest."""
    closed = np.pad(bias.table, [(0, 1)] * bias.table.ndim, mode="wrap")
    values = closed.ravel(order="F").tolist()
    limits = [-float(np.pi), float(np.pi)] * bias.table.ndim
    sizes: list[int | float | list[float]] = list(closed.shape) if bias.table.ndim > 1 else []
    return [*sizes, values, *limits]
