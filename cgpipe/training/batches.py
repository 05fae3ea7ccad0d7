"""Frames of one molecule on the training device, and their order in each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.potential import Potential

_PAIRS_AT_ONCE = 1 << 18


def frames_at_once(n_beads: int) -> int:
    """Frames of a molecule whose pairs fit in memory together, whatever its size."""
    return max(1, _PAIRS_AT_ONCE // max(1, n_beads * (n_beads - 1) // 2))


@dataclass(frozen=True)
class Frames:
    """Positions with the forces that the network should give there."""

    positions: Tensor
    """(n_frames, n_beads, 3), nm."""
    forces: Tensor
    """(n_frames, n_beads, 3), kJ/mol/nm."""

    def __len__(self) -> int:
        return len(self.positions)

    def select(self, frames: NDArray[np.intp]) -> "Frames":
        """Some of the frames, by index."""
        index = torch.from_numpy(frames).to(self.positions.device)
        return Frames(self.positions[index], self.forces[index])

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator["Frames"]:
        """All frames in batches of at most `size`, shuffled if a generator is given."""
        order = torch.from_numpy(np.arange(len(self)) if rng is None else rng.permutation(len(self)))
        for piece in order.to(self.positions.device).split(size):
            yield Frames(self.positions[piece], self.forces[piece])


@dataclass(frozen=True)
class Molecule:
    """A molecule that a network learns from, with the network bound to it."""

    potential: Potential
    training: Frames
    validation: Frames

    @cached_property
    def scale(self) -> float:
        """Variance of the labels, (kJ/mol/nm)^2: the unit of the loss, so that molecules count alike."""
        return float((self.training.forces**2).mean())


def mixed_batches(molecules: Sequence[Molecule], size: int, rng: np.random.Generator) -> list[tuple[Molecule, Frames]]:
    """Batches of one molecule each, of several molecules in random order."""
    batches = [(molecule, batch) for molecule in molecules for batch in molecule.training.batches(size, rng)]
    return batches if len(molecules) == 1 else [batches[k] for k in rng.permutation(len(batches))]


def frames_on(positions: NDArray[np.float32], forces: Tensor, *, dtype: torch.dtype, device: torch.device) -> Frames:
    """Frames in the precision and on the device of the training."""
    return Frames(torch.from_numpy(positions).to(device, dtype), forces.to(device, dtype))
