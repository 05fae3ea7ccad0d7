"""Parallel tempering: each replica becomes a ladder of copies at rising temperatures that exchange configurations.

Sugita and Okamoto 1999, DOI 10.1016/S0009-2614(99)01123-9. Copies lie side by side in the batch: row = replica *
n_levels + level. Level 0, at the temperature of the model, is what is recorded; the others help it over barriers. The
energy surface is that of the model at its own temperature on every level, so the hot ones stand for no experiment. What
is recorded jumps between copies: it is an ensemble, and its times mean nothing.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cgpipe.errors import ConfigError
from cgpipe.simulation.state import State


@dataclass(frozen=True)
class Ladder:
    """Thermal energies of the levels, kJ/mol, rising; a single one is plain dynamics."""

    thermal_energies: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(low >= high for low, high in zip(self.thermal_energies, self.thermal_energies[1:], strict=False)):
            raise ConfigError("simulation.tempering.temperatures_K must rise, and begin above the model's temperature")

    @property
    def n_levels(self) -> int:
        """Copies of each replica."""
        return len(self.thermal_energies)

    def relative_widths(self, n_replicas: int) -> Tensor:
        """Thermal velocity of each row over that of level 0, (n_replicas * n_levels,)."""
        energies = torch.tensor(self.thermal_energies, dtype=torch.float64)
        return (energies / energies[0]).sqrt().repeat(n_replicas)

    def lowest(self, values: Tensor) -> Tensor:
        """Rows of level 0, (n_replicas, ...)."""
        return values[:: self.n_levels]

    def exchange(self, state: State, uniform: Tensor, *, turn: int) -> tuple[State, Tensor]:
        """State after neighbours were offered to exchange, even pairs in even turns, and the share that did.

        uniform : (n_replicas, n_levels - 1), in [0, 1)
        returns : the share is (n_replicas,)
        Metropolis: a pair exchanges with probability min(1, exp((beta_i - beta_j) (U_i - U_j))).
        """
        pairs = torch.arange(turn % min(2, self.n_levels - 1), self.n_levels - 1, 2)
        beta = 1 / torch.tensor(self.thermal_energies, dtype=torch.float64)
        energy = state.energy.double().cpu().reshape(-1, self.n_levels)
        gain = (beta[pairs] - beta[pairs + 1]) * (energy[:, pairs] - energy[:, pairs + 1])
        accepted = uniform[:, pairs].log() < gain
        order = torch.arange(self.n_levels).repeat(len(energy), 1)
        order[:, pairs] += accepted.long()
        order[:, pairs + 1] -= accepted.long()
        return self._permuted(state, order), accepted.double().mean(dim=1)

    def _permuted(self, state: State, order: Tensor) -> State:
        """Copies in a new order, (n_replicas, n_levels), with velocities scaled to their new temperatures."""
        widths = torch.tensor(self.thermal_energies, dtype=torch.float64).sqrt()
        scale = (widths / widths[order]).reshape(-1, 1, 1).to(state.velocities)
        first = torch.arange(len(order))[:, None] * self.n_levels
        rows = (first + order).reshape(-1).to(state.positions.device)
        return replace(
            state,
            positions=state.positions[rows],
            velocities=state.velocities[rows] * scale,
            forces=state.forces[rows],
            energy=state.energy[rows],
        )
