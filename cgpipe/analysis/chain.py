"""The C-alpha trace of a protein: pairs of residues, their distances, and the features of its slow motions."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.data.topology import Topology
from cgpipe.geometry import dihedrals, distances

Array = NDArray[np.float64]

_MIN_RESIDUES = 5
_MIN_SEPARATION = 3
"""Residues nearer than this along the chain are held together by bonds and angles."""
_COIL_PREFACTOR, _COIL_EXPONENT = 0.1927, 0.598


def alpha_carbons(topology: Topology) -> NDArray[np.intp]:
    """C-alpha beads in the order of the chain, (n_residues,); none for chains of fewer than five residues."""
    beads = np.flatnonzero(np.array(topology.names) == "CA")
    return beads if len(beads) >= _MIN_RESIDUES else np.empty(0, dtype=np.intp)


def far_pairs(n_residues: int) -> NDArray[np.intp]:
    """Pairs of residues at least three apart along the chain, (n_pairs, 2)."""
    first, second = np.triu_indices(n_residues, k=_MIN_SEPARATION)
    return np.column_stack([first, second])


def coil_radius(n_residues: int) -> float:
    """Radius of gyration of a chain unfolded by denaturant, nm: the size that sets the scale of histograms.

    0.1927 N^0.598, Kohn et al. 2004, DOI 10.1073/pnas.0403643101.
    """
    return _COIL_PREFACTOR * n_residues**_COIL_EXPONENT


def trace(positions: NDArray[np.floating], carbons: NDArray[np.intp]) -> Tensor:
    """C-alpha positions, (n_frames, n_residues, 3), nm, float64, from all beads."""
    return torch.from_numpy(positions[:, carbons].astype(np.float64))


def pair_distances(chain: Tensor) -> Array:
    """Distances of the far pairs, (n_frames, n_pairs), nm; chain from `trace`."""
    result: Array = distances(chain, torch.from_numpy(far_pairs(chain.shape[1]))).numpy()
    return result


def slow_features(chain: Tensor) -> Array:
    """What TICA sees: distances of the far pairs and cosine and sine of the C-alpha dihedrals, (n_frames, n_features).

    The dihedrals tell a structure from its mirror image, which distances alone do not.
    """
    n_residues = chain.shape[1]
    quadruples = torch.arange(n_residues - 3)[:, None] + torch.arange(4)
    torsions = dihedrals(chain, quadruples).numpy()
    return np.hstack([pair_distances(chain), np.cos(torsions), np.sin(torsions)])
