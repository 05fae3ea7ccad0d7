"""A bias on one or two collective variables: its table, its hills, its OpenMM force.

Well-tempered metadynamics, Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import openmm
from numpy.typing import NDArray

from cgpipe.config.bias import BiasSection, WindowsSection
from cgpipe.errors import DataError
from cgpipe.reference.variables import Variable, grid, separation

BIAS_GROUP = 31
"""OpenMM force group of the bias; all other groups are the unbiased system."""
_TABLE = "bias"


@dataclass(frozen=True)
class Bias:
    """A potential of one or two variables on a regular grid, constant beyond the range of those that do not close."""

    variables: tuple[Variable, ...]
    table: NDArray[np.float64]
    """(n_grid,) * n_variables, kJ/mol, at the points of `variables.grid`."""

    @property
    def atoms(self) -> list[int]:
        """Atoms that the bias is a function of."""
        return sorted({atom for variable in self.variables for atom in variable.atoms})


def flat_bias(section: BiasSection, variables: tuple[Variable, ...]) -> Bias:
    """Zero bias on variables."""
    return Bias(variables, np.zeros((section.n_grid_points,) * len(variables)))


def with_hill(bias: Bias, centre: NDArray[np.floating], *, height: float, width: float) -> Bias:
    """Bias plus one Gaussian hill.

    centre : (n_variables,); height in kJ/mol, width in units of the variables
    """
    hill = np.array(height)
    for variable, value in zip(bias.variables, centre, strict=True):
        distance = separation(variable, grid(variable, len(bias.table)), value)
        hill = hill[..., None] * np.exp(-0.5 * (distance / width) ** 2)
    return replace(bias, table=bias.table + hill)


def window_energies(variable: Variable, windows: WindowsSection, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Energy of each value in the harmonic potential of each umbrella window, (n_windows, n_values), kT.

    Its stiffness kT / (width_in_spacings * spacing)^2 makes windows overlap whatever the unit of the variable.
    """
    centres = grid(variable, windows.n_windows)
    width = windows.width_in_spacings * (centres[1] - centres[0])
    return 0.5 * (separation(variable, values, centres[:, None]) / width) ** 2


def window_bias(flat: Bias, windows: WindowsSection, index: int, *, thermal_energy: float) -> Bias:
    """Potential of one umbrella window on the variable of a flat bias."""
    (variable,) = flat.variables
    points = grid(variable, len(flat.table))
    return replace(flat, table=thermal_energy * window_energies(variable, windows, points)[index])


def mean_bias(biases: Iterable[Bias]) -> Bias:
    """Mean of independently built biases, with its minimum at zero. Raises DataError if they differ in variables."""
    biases = list(biases)
    if any(bias.variables != biases[0].variables or bias.table.shape != biases[0].table.shape for bias in biases):
        raise DataError("the walkers' biases are on different variables or grids; delete them and run again")
    table = np.mean([bias.table for bias in biases], axis=0)
    return replace(biases[0], table=table - table.min())


def tempered_height(section: BiasSection, bias_energy: float, thermal_energy: float) -> float:
    """Height of the next hill where the bias is already bias_energy, all kJ/mol."""
    return section.hill_height_kJ_per_mol * float(np.exp(-bias_energy / (thermal_energy * (section.bias_factor - 1.0))))


def bias_force(bias: Bias, n_particles: int) -> openmm.CustomCVForce:
    """The bias as an OpenMM force in its own group; it costs a few percent of a step."""
    components = [variable.forces(n_particles) for variable in bias.variables]
    names = [[f"v{k}_{part}" for part in range(len(forces))] for k, forces in enumerate(components)]
    values = [
        _inside(f"({'+'.join(parts)}+({variable.offset!r}))", variable)
        for variable, parts in zip(bias.variables, names, strict=True)
    ]
    force = openmm.CustomCVForce(f"{_TABLE}({','.join(values)})")
    for parts, forces in zip(names, components, strict=True):
        for name, component in zip(parts, forces, strict=True):
            force.addCollectiveVariable(name, component)
    kind = openmm.Continuous1DFunction if len(bias.variables) == 1 else openmm.Continuous2DFunction
    force.addTabulatedFunction(_TABLE, kind(*_table_arguments(bias), bias.variables[0].periodic))
    force.setForceGroup(BIAS_GROUP)
    return force


def _inside(expression: str, variable: Variable) -> str:
    """The variable as the table takes it: outside of its limits a table of OpenMM is zero."""
    lower, upper = variable.limits
    return expression if variable.periodic else f"max({lower!r},min({upper!r},{expression}))"


def variable_values(force: openmm.CustomCVForce, bias: Bias, context: openmm.Context) -> NDArray[np.float64]:
    """Variables of the context's positions, (n_variables,)."""
    values = np.array([variable.offset for variable in bias.variables])
    for part, value in enumerate(force.getCollectiveVariableValues(context)):
        number = force.getCollectiveVariableName(part).removeprefix("v").split("_")[0]
        values[int(number)] += value
    return values


def update_force(force: openmm.CustomCVForce, bias: Bias, context: openmm.Context) -> None:
    """Hand a changed table to a running context."""
    force.getTabulatedFunction(0).setFunctionParameters(*_table_arguments(bias))
    force.updateParametersInContext(context)


def _table_arguments(bias: Bias) -> list[int | float | list[float]]:
    """Sizes, values and limits as OpenMM's tables take them: a period with both its ends, first variable fastest."""
    closes = int(bias.variables[0].periodic)
    closed = np.pad(bias.table, [(0, closes)] * bias.table.ndim, mode="wrap")
    values = closed.ravel(order="F").tolist()
    limits = [limit for variable in bias.variables for limit in variable.limits]
    sizes: list[int | float | list[float]] = list(closed.shape) if bias.table.ndim > 1 else []
    return [*sizes, values, *limits]
