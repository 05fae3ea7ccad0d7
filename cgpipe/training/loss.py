"""The force-matching loss, whose minimum over all functions is the potential of mean force.

Noid et al. 2008, DOI 10.1063/1.2938860. Most of its value is the noise of the labels, so losses compare only on the
same frames.
"""

import torch
from torch import Tensor

from cgpipe.potential import ForceMatching, Potential
from cgpipe.training.batches import Frames, frames_at_once


def force_loss(potential: Potential, frames: Frames) -> Tensor:
    """Mean square deviation of a force component, (kJ/mol/nm)^2, differentiable in the parameters."""
    if isinstance(potential, ForceMatching):
        return potential.force_loss(frames.positions, frames.forces)
    forces = potential.energy_and_forces(frames.positions)[1]
    return ((forces - frames.forces) ** 2).mean()


@torch.no_grad()
def total_loss(potential: Potential, frames: Frames) -> float:
    """Force loss summed over all frames, (kJ/mol/nm)^2."""
    size = frames_at_once(frames.positions.shape[1])
    return float(sum(force_loss(potential, batch).double() * len(batch) for batch in frames.batches(size)))


def mean_loss(potential: Potential, frames: Frames) -> float:
    """Force loss over all frames, (kJ/mol/nm)^2."""
    return total_loss(potential, frames) / len(frames)
