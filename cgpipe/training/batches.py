"""Frames of one molecule on the training device, and their order in each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    chances: Tensor | None = None
    """(n_frames,), how often each is drawn into an epoch, relative to the others; None where each is once."""

    def __len__(self) -> int:
        return len(self.positions)

    def select(self, frames: NDArray[np.intp]) -> "Frames":
        """Some of the frames, by index."""
        index = torch.from_numpy(frames).to(self.positions.device)
        chances = None if self.chances is None else self.chances[index]
        return Frames(self.positions[index], self.forces[index], chances)

    def flattened(self) -> "Frames":
        """One draw of all frames by their chances, which are then used up."""
        return self if self.chances is None else replace(self.select(_drawn(self.chances, 0.5)), chances=None)

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator["Frames"]:
        """All frames in batches of at most `size`; shuffled, and drawn by their chances, if a generator is given."""
        if rng is None:
            order = np.arange(len(self))
        else:
            order = rng.permutation(len(self) if self.chances is None else _drawn(self.chances, rng.random()))
        for piece in torch.from_numpy(order).to(self.positions.device).split(size):
            yield Frames(self.positions[piece], self.forces[piece])


def _drawn(chances: Tensor, start: float) -> NDArray[np.intp]:
    """As many frames as there are, each as often as its chance says, to less than one; start, in [0, 1), rounds.

    Systematic sampling: of all ways to draw by chance, the one of least noise.
    """
    ends = np.cumsum(chances.cpu().numpy())
    return np.searchsorted(ends, (start + np.arange(len(ends))) / len(ends) * ends[-1], side="right")


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
