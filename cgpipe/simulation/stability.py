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
    """Longest sane length of each bond."""

    topology: Topology
    pairs: Tensor
    """(n_bonds, 2)."""
    limits: Tensor
    """(n_bonds,), nm."""


@dataclass(frozen=True)
class Failure:
    """The first replica that left the physical range."""

    replica: int
    """Position in the batch."""
    reason: str


def bond_limits(topology: Topology, positions: NDArray[np.floating], max_stretch: float) -> BondLimits:
    """Limits from the mean bond lengths of sane frames (n_frames, n_beads, 3), nm."""
    pairs = torch.tensor(topology.bonds, dtype=torch.long).reshape(-1, 2)
    mean = distances(torch.from_numpy(positions.astype(np.float64)), pairs).mean(0)
    return BondLimits(topology, pairs, max_stretch * mean)


def bond_stretch(positions: Tensor, bonds: BondLimits) -> Tensor:
    """Longest bond of each replica over its limit, (n_replicas,)."""
    stretch = distances(positions, bonds.pairs.to(positions.device)) / bonds.limits.to(positions)
    return stretch.max(dim=1).values


def find_failure(positions: Tensor, bonds: BondLimits) -> Failure | None:
    """First replica with a broken bond or a position that is not finite; positions (n_replicas, n_beads, 3), nm."""
    lengths = distances(positions, bonds.pairs.to(positions.device))
    sane = (lengths < bonds.limits.to(positions)) & lengths.isfinite()
    if bool(sane.all()):
        return None
    replica, bond = (int(index) for index in (~sane).nonzero()[0])
    i, j = (bonds.topology.labels[int(bead)] for bead in bonds.pairs[bond])
    length, limit = float(lengths[replica, bond]), float(bonds.limits[bond])
    return Failure(replica, f"beads {i} and {j} are {length:.3g} nm apart, the limit is {limit:.3g} nm")
