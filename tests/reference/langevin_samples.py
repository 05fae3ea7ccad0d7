"""Snapshots of many independent pairs of beads under the package's own Langevin step."""

import torch

from cgpipe.simulation.langevin import langevin_step
from cgpipe.simulation.state import State, with_forces

MASS = 12.0
"""amu, of each of the two beads."""


def pair_at_rest(potential, n_replicas):
    """Both beads of every pair at the origin, float64."""
    blank = torch.zeros(n_replicas, 2, 3, dtype=torch.float64)
    masses = torch.full((2, 1), MASS, dtype=torch.float64)
    return with_forces(State(blank, blank, blank, blank[:, 0, 0], masses), potential)


def snapshots(potential, state, *, n_snapshots, steps_between, seed, **parameters):
    """The state after every `steps_between` steps; parameters are those of `langevin_step`."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_snapshots):
        for _ in range(steps_between):
            noise = torch.randn(state.positions.shape, generator=generator, dtype=torch.float64)
            state = langevin_step(state, potential, noise=noise, **parameters)
        yield state


def difference(values):
    """Second bead minus first, (n_replicas, 3), of positions or velocities."""
    return values[:, 1] - values[:, 0]
