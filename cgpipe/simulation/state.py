"""The state of many replicas, how it begins, and what is measured on it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.data.segments import Arrays
from cgpipe.potential import Potential
from cgpipe.seeding import stream
from cgpipe.units import BOLTZMANN


@dataclass(frozen=True)
class State:
    """Replicas of one molecule, none of which feels another."""

    positions: Tensor
    """(n_replicas, n_beads, 3), nm."""
    velocities: Tensor
    """(n_replicas, n_beads, 3), nm/ps."""
    forces: Tensor
    """(n_replicas, n_beads, 3), kJ/mol/nm, at the positions."""
    energy: Tensor
    """(n_replicas,), kJ/mol, at the positions."""
    masses: Tensor
    """(n_beads, 1), amu."""


def with_forces(state: State, potential: Potential) -> State:
    """The state with energy and forces of its positions."""
    energy, forces = potential.energy_and_forces(state.positions)
    return replace(state, energy=energy, forces=forces)


def thermal_velocities(
    masses: NDArray[np.float64], thermal_energy: float, *, rows: Iterable[tuple[int, ...]], root_seed: int
) -> NDArray[np.float64]:
    """Maxwell-Boltzmann velocities, (n_rows, n_beads, 3), nm/ps, from a stream for each row of this name."""
    shape = (len(masses), 3)
    noise = [stream(root_seed, "velocities", *row).standard_normal(shape) for row in rows]
    return np.stack(noise) * np.sqrt(thermal_energy / masses)[:, None]


def begin(
    arrays: Arrays, masses: NDArray[np.float64], potential: Potential, *, dtype: torch.dtype, device: torch.device
) -> State:
    """State of positions and velocities; each replica is moved to the origin, where float32 is finest."""
    positions = torch.from_numpy(arrays["positions"]).to(device, dtype)
    blank = torch.zeros_like(positions)
    state = State(
        positions - positions.mean(dim=1, keepdim=True),
        torch.from_numpy(arrays["velocities"]).to(device, dtype),
        blank,
        blank[:, 0, 0],
        torch.from_numpy(masses).to(device, dtype)[:, None],
    )
    return with_forces(state, potential)


def to_arrays(state: State) -> dict[str, NDArray[Any]]:
    """What `begin` needs to continue."""
    return {"positions": state.positions.cpu().numpy(), "velocities": state.velocities.cpu().numpy()}


def kinetic_temperature(state: State) -> Tensor:
    """Temperature of each replica by its momenta, (n_replicas,), K.

    At the end of a BAOAB step a harmonic mode reads 1 - (omega h)^2 / 4 of the true value; that is no fault.
    """
    n_degrees = state.velocities[0].numel()
    return (state.masses * state.velocities**2).sum(dim=(1, 2)) / (n_degrees * BOLTZMANN)
