"""Langevin dynamics by the BAOAB splitting (Leimkuhler and Matthews 2013, DOI 10.1063/1.4802990).

One step of length h applies B(h/2) A(h/2) O(h) A(h/2) B(h/2) to

    dx = v dt,   m dv = F dt - gamma m v dt + sqrt(2 gamma kT m) dW.

| symbol | variable       | unit   |
|--------|----------------|--------|
| h      | timestep       | ps     |
| gamma  | friction       | 1/ps   |
| kT     | thermal_energy | kJ/mol |

In a harmonic well the positions are exact at every stable step.
"""

import math
from dataclasses import replace

from torch import Tensor

from cgpipe.potential import Potential, Propagator
from cgpipe.simulation.state import State, with_forces


def langevin_steps(
    state: State, potential: Potential, *, noise: Tensor, timestep: float, friction: float, thermal_energy: float
) -> State:
    """The state after one step for each row of the noise, (n_steps, n_replicas, n_beads, 3), standard normal."""
    constants = {"timestep": timestep, "friction": friction, "thermal_energy": thermal_energy}
    if isinstance(potential, Propagator):
        positions, velocities, forces, energy = potential.langevin_steps(
            state.positions, state.velocities, state.forces, masses=state.masses[:, 0], noise=noise, **constants
        )
        return replace(state, positions=positions, velocities=velocities, forces=forces, energy=energy)
    for row in noise:
        state = langevin_step(state, potential, noise=row, **constants)
    return state


def langevin_step(
    state: State, potential: Potential, *, noise: Tensor, timestep: float, friction: float, thermal_energy: float
) -> State:
    """The state one timestep later; noise is standard normal, (n_replicas, n_beads, 3)."""
    state = kick(state, timestep / 2)  # B
    state = drift(state, timestep / 2)  # A
    state = thermostat(state, noise, timestep=timestep, friction=friction, thermal_energy=thermal_energy)  # O
    state = drift(state, timestep / 2)  # A
    return kick(with_forces(state, potential), timestep / 2)  # B


def kick(state: State, duration: float) -> State:
    """B: momenta change by the forces."""
    return replace(state, velocities=state.velocities + duration * state.forces / state.masses)


def drift(state: State, duration: float) -> State:
    """A: positions change by the velocities."""
    return replace(state, positions=state.positions + duration * state.velocities)


def thermostat(state: State, noise: Tensor, *, timestep: float, friction: float, thermal_energy: float) -> State:
    """O: the exact Ornstein-Uhlenbeck process of the momenta over one timestep."""
    kept = math.exp(-friction * timestep)
    width = (thermal_energy * (1 - kept**2) / state.masses).sqrt()
    return replace(state, velocities=kept * state.velocities + width * noise)
