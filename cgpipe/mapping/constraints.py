"""Atoms held at fixed distance, and the rigid groups that they form."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cgpipe.data.topology import Topology

_RIGID_SPREAD = 1e-3
"""Largest standard deviation over mean of a constrained bond, met by float32 frames and solver tolerances;
a thermal bond at 300 K shows 2e-2."""


def find_constraints(positions: NDArray[np.floating[Any]], topology: Topology) -> NDArray[np.intp]:
    """Bonds whose length does not vary over the frames, (n_constraints, 2).

    positions : (n_frames, n_atoms, 3), nm, at least two frames
    """
    pairs = np.array(topology.bonds, dtype=np.intp).reshape(-1, 2)
    lengths = np.linalg.norm(positions[:, pairs[:, 1]] - positions[:, pairs[:, 0]], axis=-1)
    return pairs[lengths.std(axis=0) < _RIGID_SPREAD * lengths.mean(axis=0)]


def rigid_groups(constraints: NDArray[np.intp], n_atoms: int) -> NDArray[np.intp]:
    """Group number of each atom, (n_atoms,); atoms joined by constraints share one."""
    i, j = constraints.reshape(-1, 2).T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(n_atoms, n_atoms))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)
