"""Coordinates in which ensembles are compared: backbone torsions, bonds, angles, handedness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Trajectory
from cgpipe.geometry import angles, dihedrals, distances, signed_volumes

_FRAMES_AT_ONCE = 50_000


@dataclass(frozen=True)
class BackboneTorsions:
    """Beads of phi and psi of one residue."""

    residue: str
    phi: tuple[int, ...]
    psi: tuple[int, ...]


def backbone_torsions(topology: Topology) -> tuple[BackboneTorsions, ...]:
    """Residues whose phi and psi have all their five beads; none for C-alpha models."""
    bead = {
        (number, name): k for k, (number, name) in enumerate(zip(topology.residue_numbers, topology.names, strict=True))
    }
    found = []
    for number in sorted(set(topology.residue_numbers)):
        keys = [(number - 1, "C"), (number, "N"), (number, "CA"), (number, "C"), (number + 1, "N")]
        if all(key in bead for key in keys):
            beads = tuple(bead[key] for key in keys)
            residue = topology.labels[beads[2]].split(":")[0]
            found.append(BackboneTorsions(residue, beads[:4], beads[1:]))
    return tuple(found)


def chains(topology: Topology) -> NDArray[np.intp]:
    """Bonded triples of beads, (n_angles, 3)."""
    bonded = {(i, j) for pair in topology.bonds for i, j in (pair, pair[::-1])}
    triples = sorted((i, j, k) for i, j in bonded for j2, k in bonded if j == j2 and i < k)
    return np.array(triples, dtype=np.intp).reshape(-1, 3)


def centres(topology: Topology) -> NDArray[np.intp]:
    """Beads with three or more bonds, each with its first three neighbours, (n_centres, 4)."""
    neighbours = {
        k: sorted({j for bond in topology.bonds if k in bond for j in bond} - {k}) for k in range(topology.n_sites)
    }
    rows = [(k, *bonded[:3]) for k, bonded in neighbours.items() if len(bonded) >= 3]
    return np.array(rows, dtype=np.intp).reshape(-1, 4)


def _measure(
    trajectory: Trajectory, sites: NDArray[np.intp], function: Callable[[Tensor, Tensor], Tensor]
) -> NDArray[np.float32]:
    """Values of a geometric function, (n_frames, n_sites_rows), float32, some frames at a time."""
    index = torch.from_numpy(sites)
    pieces = [
        function(torch.from_numpy(trajectory.positions[start : start + _FRAMES_AT_ONCE].astype(np.float64)), index)
        for start in range(0, trajectory.n_frames, _FRAMES_AT_ONCE)
    ]
    return torch.cat(pieces).numpy().astype(np.float32)


def measure_torsions(trajectory: Trajectory, torsions: tuple[BackboneTorsions, ...]) -> NDArray[np.float32]:
    """Phi and psi, (n_frames, n_residues, 2), rad."""
    sites = np.array([t for residue in torsions for t in (residue.phi, residue.psi)], dtype=np.intp).reshape(-1, 4)
    return _measure(trajectory, sites, dihedrals).reshape(trajectory.n_frames, len(torsions), 2)


def measure_bonds(trajectory: Trajectory) -> NDArray[np.float32]:
    """Bond lengths, (n_frames, n_bonds), nm."""
    return _measure(trajectory, np.array(trajectory.topology.bonds, dtype=np.intp).reshape(-1, 2), distances)


def measure_angles(trajectory: Trajectory) -> NDArray[np.float32]:
    """Bond angles, (n_frames, n_angles), rad."""
    return _measure(trajectory, chains(trajectory.topology), angles)


def measure_handedness(trajectory: Trajectory) -> NDArray[np.float32]:
    """Sign of the triple product at each centre, (n_frames, n_centres)."""
    return np.sign(_measure(trajectory, centres(trajectory.topology), signed_volumes))
