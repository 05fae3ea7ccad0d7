"""What a potential is: an energy of positions, and forces that are its negative gradient.

| quantity  | shape                  | unit      |
|-----------|------------------------|-----------|
| positions | (n_frames, n_beads, 3) | nm        |
| energy    | (n_frames,)            | kJ/mol    |
| forces    | (n_frames, n_beads, 3) | kJ/mol/nm |

Frames do not feel each other. Training and simulation know nothing else of prior and network.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class Potential(nn.Module):
    """Base of all potentials; a subclass gives `energy`, and faster forces where it has them."""

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of each frame, differentiable in the positions."""
        raise NotImplementedError

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces of each frame."""
        with torch.enable_grad():
            positions = positions.detach().requires_grad_()
            energy = self.energy(positions)
            (gradient,) = torch.autograd.grad(energy.sum(), positions)
        return energy.detach(), -gradient


@runtime_checkable
class Propagator(Protocol):
    """A potential that carries replicas through many Langevin steps by itself, faster than it answers step by step."""

    def langevin_steps(
        self,
        positions: Tensor,
        velocities: Tensor,
        forces: Tensor,
        *,
        masses: Tensor,
        noise: Tensor,
        timestep: float,
        friction: float,
        thermal_energy: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Positions, velocities, forces and energy after one BAOAB step for each row of the noise.

        masses : (n_beads,), amu
        noise  : (n_steps, n_replicas, n_beads, 3), standard normal
        timestep in ps, friction in 1/ps, thermal_energy in kJ/mol
        """
        ...


@runtime_checkable
class ForceMatching(Protocol):
    """A potential that gives its own force-matching loss, faster than through its forces."""

    def force_loss(self, positions: Tensor, forces: Tensor) -> Tensor:
        """Mean square deviation of a force component, (kJ/mol/nm)^2, differentiable in the parameters.

        positions, forces : (n_frames, n_beads, 3), nm and kJ/mol/nm
        """
        ...


class MeanPotential(Potential):
    """Mean of several potentials, such as the models of all folds."""

    def __init__(self, parts: Sequence[Potential]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def energy(self, positions: Tensor) -> Tensor:
        """Mean energy."""
        return _energies(self.parts, positions).mean(0)

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Mean energy and mean forces."""
        energies, forces = _energies_and_forces(self.parts, positions)
        return energies.mean(0), forces.mean(0)


class SumPotential(Potential):
    """Sum of several potentials, such as prior and network."""

    def __init__(self, parts: Sequence[Potential]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def energy(self, positions: Tensor) -> Tensor:
        """Summed energy."""
        return _energies(self.parts, positions).sum(0)

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Summed energy and summed forces."""
        energies, forces = _energies_and_forces(self.parts, positions)
        return energies.sum(0), forces.sum(0)


def _potentials(parts: nn.ModuleList) -> list[Potential]:
    return [part for part in parts if isinstance(part, Potential)]


def _energies(parts: nn.ModuleList, positions: Tensor) -> Tensor:
    """Energy by each part, (n_parts, n_frames)."""
    return torch.stack([part.energy(positions) for part in _potentials(parts)])


def _energies_and_forces(parts: nn.ModuleList, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Energies (n_parts, n_frames) and forces (n_parts, n_frames, n_beads, 3) by each part."""
    energies, forces = zip(*(part.energy_and_forces(positions) for part in _potentials(parts)), strict=True)
    return torch.stack(energies), torch.stack(forces)
