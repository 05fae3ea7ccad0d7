"""Is every replica still in the physical range, and if not, which one left it and where."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.data.topology import Topology
from cgpipe.geometry import distances


@dataclass(frozen=True)
class BondLimits:
    """Mean length of each bond, and how far it may stretch."""

    topology: Topology
    pairs: Tensor
    """(n_bonds, 2)."""
    lengths: Tensor
    """(n_bonds,), nm."""
    max_stretch: float
    """Largest sane ratio of a length to its mean."""


@dataclass(frozen=True)
class Failure:
    """The first replica that left the physical range."""

    replica: int
    """Position in the batch."""
    reason: str


def bond_limits(topology: Topology, positions: NDArray[np.floating], max_stretch: float) -> BondLimits:
    """Limits from the mean bond lengths of sane frames (n_frames, n_beads, 3), nm."""
    pairs = torch.tensor(topology.bonds, dtype=torch.long).reshape(-1, 2)
    lengths = distances(torch.from_numpy(positions.astype(np.float64)), pairs).mean(0)
    return BondLimits(topology, pairs, lengths, max_stretch)


def bond_stretch(positions: Tensor, bonds: BondLimits) -> Tensor:
    """Length of each bond over its mean, (n_replicas, n_bonds); positions (n_replicas, n_beads, 3), nm."""
    return distances(positions, bonds.pairs.to(positions.device)) / bonds.lengths.to(positions)


def find_failure(stretch: Tensor, bonds: BondLimits) -> Failure | None:
    """First replica with a bond that is too long or not finite; stretch from `bond_stretch`."""
    sane = stretch < bonds.max_stretch  # false for NaN
    if bool(sane.all()):
        return None
    replica = int((~sane).any(dim=1).nonzero()[0, 0])
    bond = int(stretch[replica].nan_to_num(nan=float("inf")).argmax())  # after an explosion many are too long
    i, j = (bonds.topology.labels[int(bead)] for bead in bonds.pairs[bond])
    length, mean = float(stretch[replica, bond] * bonds.lengths[bond]), float(bonds.lengths[bond])
    return Failure(
        replica, f"beads {i} and {j} are {length:.3g} nm apart, more than {bonds.max_stretch:g} times {mean:.3g} nm"
    )
