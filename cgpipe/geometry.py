"""Distances, angles and dihedrals of positions: the only sign conventions of cgpipe.

positions : (..., n_points, 3), nm, a torch tensor; gradients flow through every function.
Dihedrals follow IUPAC: looking along b-c, clockwise from a to d is positive, in (-pi, pi].
"""

import torch
from torch import Tensor


def displacements(positions: Tensor, pairs: Tensor) -> Tensor:
    """Vectors from the first to the second point of each pair, (..., n_pairs, 3), nm."""
    return positions[..., pairs[:, 1], :] - positions[..., pairs[:, 0], :]


def distances(positions: Tensor, pairs: Tensor) -> Tensor:
    """Length of each pair, (..., n_pairs), nm; pairs is (n_pairs, 2)."""
    return torch.linalg.vector_norm(displacements(positions, pairs), dim=-1)


def angles(positions: Tensor, triples: Tensor) -> Tensor:
    """Angle at the middle point of each triple, (..., n_triples), rad; triples is (n_triples, 3).

    By atan2, so that the gradient stays finite near 0 and pi.
    """
    u = positions[..., triples[:, 0], :] - positions[..., triples[:, 1], :]
    v = positions[..., triples[:, 2], :] - positions[..., triples[:, 1], :]
    return torch.atan2(torch.linalg.vector_norm(torch.linalg.cross(u, v), dim=-1), (u * v).sum(-1))


def dihedrals(positions: Tensor, quadruples: Tensor) -> Tensor:
    """Dihedral angle a-b-c-d of each quadruple, (..., n_quadruples), rad; quadruples is (n_quadruples, 4)."""
    a, b, c, d = (positions[..., quadruples[:, k], :] for k in range(4))
    first, axis, last = b - a, c - b, d - c
    normal_1 = torch.linalg.cross(first, axis)
    normal_2 = torch.linalg.cross(axis, last)
    length = torch.linalg.vector_norm(axis, dim=-1)
    return torch.atan2(length * (first * normal_2).sum(-1), (normal_1 * normal_2).sum(-1))


def signed_volumes(positions: Tensor, quadruples: Tensor) -> Tensor:
    """Triple product of the three arms from the first point of each quadruple, (..., n), nm^3.

    It changes sign under reflection and tells the handedness of a centre.
    """
    centre = positions[..., quadruples[:, 0], :]
    u, v, w = (positions[..., quadruples[:, k], :] - centre for k in (1, 2, 3))
    return (torch.linalg.cross(u, v) * w).sum(-1)
