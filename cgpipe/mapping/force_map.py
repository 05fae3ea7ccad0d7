"""How atomic forces become bead forces: F = W f with W M^T = 1 and no work along rigid constraints.

Both conditions make the mean of F the exact mean force (Ciccotti et al. 2005, DOI 10.1002/cphc.200400669). For a
constraint between two atoms the second one says that both have the same weight in every bead.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError
from cgpipe.mapping.constraints import rigid_groups
from cgpipe.mapping.linear_map import LinearMap

_TOLERANCE = 1e-8
RIDGES = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""Penalties that cross-validation chooses from."""


def force_covariance(forces: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Sum over frames and directions of the products of atomic forces, (n_atoms, n_atoms), (kJ/mol/nm)^2.

    forces : (n_frames, n_atoms, 3), kJ/mol/nm
    Sums of chunks add up, so that frames can be streamed.
    """
    columns = forces.astype(np.float64).transpose(0, 2, 1).reshape(-1, forces.shape[1])
    return np.asarray(columns.T @ columns)


def slice_map(position_map: LinearMap, constraints: NDArray[np.intp], topology: Topology) -> LinearMap:
    """The force on the kept atom itself. Raises ConfigError if a constraint holds that atom."""
    held = set(constraints.ravel().tolist())
    kept = position_map.matrix.argmax(axis=1)
    if wrong := [topology.labels[atom] for atom in kept if int(atom) in held]:
        raise ConfigError(
            f"mapping.force_map `slice` is wrong for {', '.join(wrong)}: a rigid constraint holds the atom, and its "
            "force does not contain what the constraint passes on; use `optimised` or `aggregate`"
        )
    return LinearMap(position_map.matrix.copy())


def aggregate_map(position_map: LinearMap, constraints: NDArray[np.intp]) -> LinearMap:
    """The forces on the kept atom and on all atoms that are rigidly joined to it, added."""
    groups = rigid_groups(constraints, position_map.matrix.shape[1])
    same = groups[:, None] == groups[None, :]
    return LinearMap((position_map.matrix @ same > 0).astype(np.float64))


def optimised_map(
    position_map: LinearMap,
    constraints: NDArray[np.intp],
    covariance: NDArray[np.float64],
    *,
    ridge: float = 0.0,
    seen: NDArray[np.bool_] | None = None,
) -> LinearMap:
    """The weights of least variance under both conditions (Kraemer et al. 2023, DOI 10.1021/acs.jpclett.3c00444).

    covariance : (n_atoms, n_atoms), from `force_covariance`
    ridge      : penalty on squared weights in units of an atom's mean variance, against fitting the noise of few frames
    seen       : (n_beads, n_atoms), atoms that may weigh in a bead; all without it
    Rigid groups that carry no bead are free, each with one weight: w_free = -(C_free,free + ridge)^-1 C_free,bead. The
    forces of an isolated molecule sum to zero, so C may be singular, and the solution of least norm is taken.
    """
    n_beads, n_atoms = position_map.matrix.shape
    groups = rigid_groups(constraints, n_atoms)
    member = (groups[:, None] == np.arange(groups.max() + 1)).astype(np.float64)
    scaled = member.T @ (covariance / np.trace(covariance) * n_atoms) @ member
    own = groups[position_map.matrix.argmax(axis=1)]
    free = np.setdiff1d(np.arange(member.shape[1]), own)
    weights = np.zeros((n_beads, member.shape[1]))
    weights[np.arange(n_beads), own] = 1.0
    for bead in range(n_beads):
        near = free if seen is None else free[seen[bead] @ member[:, free] > 0]
        block = scaled[np.ix_(near, near)] + ridge * np.diag(member.sum(axis=0)[near])
        weights[bead, near] = -np.linalg.lstsq(block, scaled[near, own[bead]], rcond=None)[0]
    return LinearMap(weights @ member.T)


def chosen_ridge(
    position_map: LinearMap,
    constraints: NDArray[np.intp],
    parts: list[NDArray[np.float64]],
    *,
    seen: NDArray[np.bool_] | None = None,
) -> dict[float, float]:
    """Variance of the labels on parts that the map was not fitted to, by ridge, summed over beads; the least is best.

    parts : covariances of disjoint blocks of the trajectories
    """
    total = np.sum(parts, axis=0)

    def held_out(ridge: float) -> float:
        maps = [optimised_map(position_map, constraints, total - part, ridge=ridge, seen=seen) for part in parts]
        return float(sum(label_variance(map_, part, 1).sum() for map_, part in zip(maps, parts, strict=True)))

    return {ridge: held_out(ridge) for ridge in RIDGES}


def atoms_near(topology: Topology, atoms: NDArray[np.intp], n_residues: int) -> NDArray[np.bool_]:
    """Atoms at most `n_residues` residues from a bead's, (n_beads, n_atoms); atoms is (n_beads,)."""
    numbers = np.array(topology.residue_numbers)
    return np.asarray(np.abs(numbers[atoms][:, None] - numbers[None, :]) <= n_residues)


def check_force_map(force_map: LinearMap, position_map: LinearMap, constraints: NDArray[np.intp]) -> None:
    """Raises DataError unless W M^T = 1 and constrained atoms weigh the same in every bead."""
    identity = force_map.matrix @ position_map.matrix.T
    if not np.allclose(identity, np.eye(len(identity)), atol=_TOLERANCE):
        worst = np.abs(identity - np.eye(len(identity))).max()
        raise DataError(
            f"the force map does not belong to the position map: W M^T differs from 1 by {worst:.2g}; "
            "two beads may be rigidly joined, then merge them or drop the constraint"
        )
    pairs = constraints.reshape(-1, 2)
    work = np.abs(force_map.matrix[:, pairs[:, 0]] - force_map.matrix[:, pairs[:, 1]])
    if work.size and work.max() > _TOLERANCE:
        raise DataError(f"the force map does work along a rigid constraint (weights differ by {work.max():.2g})")


def label_variance(force_map: LinearMap, covariance: NDArray[np.float64], n_frames: int) -> NDArray[np.float64]:
    """Mean square of a Cartesian component of each bead's force, (n_beads,), (kJ/mol/nm)^2."""
    sums = np.einsum("ba,ac,bc->b", force_map.matrix, covariance, force_map.matrix)
    return np.asarray(sums / (3 * n_frames))
