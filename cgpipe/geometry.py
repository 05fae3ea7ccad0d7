"""Distances, angles and dihedrals of positions: the only sign conventions of cgpipe.

positions : (..., n_points, 3), nm, a torch tensor; gradients flow through every function.
Dihedrals follow IUPAC: looking along b-c, clockwise from a to d is positive, in (-pi, pi].
"""

import torch
from torch import Tensor

_SMALLEST_AREA = 1e-12
"""nm^2; keeps gradients finite where three points lie on a line and an angle's gradient has no direction."""


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


def distance_gradients(positions: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Distances (..., n_pairs), nm, and their gradients with respect to both points, (..., n_pairs, 2, 3)."""
    vectors = displacements(positions, pairs)
    distance = torch.linalg.vector_norm(vectors, dim=-1)
    unit = vectors / distance[..., None]
    return distance, torch.stack([-unit, unit], dim=-2)


def angle_gradients(positions: Tensor, triples: Tensor) -> tuple[Tensor, Tensor]:
    """Angles (..., n_triples), rad, and their gradients with respect to the points, (..., n_triples, 3, 3), rad/nm."""
    u = positions[..., triples[:, 0], :] - positions[..., triples[:, 1], :]
    v = positions[..., triples[:, 2], :] - positions[..., triples[:, 1], :]
    normal = torch.linalg.cross(u, v)
    sine = torch.linalg.vector_norm(normal, dim=-1)  # times both lengths
    angle = torch.atan2(sine, (u * v).sum(-1))
    safe = sine.clamp(min=_SMALLEST_AREA)[..., None]
    first = torch.linalg.cross(u, normal) / ((u * u).sum(-1, keepdim=True) * safe)
    last = torch.linalg.cross(normal, v) / ((v * v).sum(-1, keepdim=True) * safe)
    return angle, torch.stack([first, -first - last, last], dim=-2)


def dihedral_gradients(positions: Tensor, quadruples: Tensor) -> tuple[Tensor, Tensor]:
    """Dihedrals (..., n), rad, and their gradients with respect to the points, (..., n, 4, 3), rad/nm.

    Blondel and Karplus 1996, DOI 10.1002/(SICI)1096-987X(19960715)17:9<1132::AID-JCC5>3.0.CO;2-T.
    """
    a, b, c, d = (positions[..., quadruples[:, k], :] for k in range(4))
    first, axis, last = b - a, c - b, d - c
    normal_1, normal_2 = torch.linalg.cross(first, axis), torch.linalg.cross(axis, last)
    length = torch.linalg.vector_norm(axis, dim=-1)
    angle = torch.atan2(length * (first * normal_2).sum(-1), (normal_1 * normal_2).sum(-1))
    at_a = normal_1 * (-length / (normal_1 * normal_1).sum(-1).clamp(min=_SMALLEST_AREA**2))[..., None]
    at_d = normal_2 * (length / (normal_2 * normal_2).sum(-1).clamp(min=_SMALLEST_AREA**2))[..., None]
    along_first = ((first * axis).sum(-1) / length**2)[..., None]
    along_last = ((last * axis).sum(-1) / length**2)[..., None]
    at_b = along_last * at_d - (1 + along_first) * at_a
    at_c = along_first * at_a - (1 + along_last) * at_d
    return angle, torch.stack([at_a, at_b, at_c, at_d], dim=-2)
