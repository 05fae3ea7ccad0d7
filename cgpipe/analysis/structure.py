"""How near a chain is to its native structure: RMSD, its mirror image's RMSD, native contacts, size."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.analysis.chain import Array, pair_distances
from cgpipe.errors import DataError

_MIN_IDENTITY = 0.7
CONTACT_STEEPNESS = 50.0
"""1/nm."""
CONTACT_TOLERANCE = 1.2
"""A native contact counts up to this many times its native length; the value for C-alpha models."""


def match_native(
    native_names: tuple[str, ...], native: NDArray[np.floating[Any]], names: tuple[str, ...], *, source: str
) -> Array:
    """The stretch of a native chain that has the residues of a model, (n_residues, 3), nm.

    native_names, native : residues of the structure, in order, and their C-alpha positions (n_native, 3), nm
    names                : residues of the model
    Raises DataError that shows both sequences if no stretch has enough of them.
    """
    n = len(names)
    starts = range(len(native_names) - n + 1)
    shares = [np.mean(np.array(native_names[k : k + n]) == np.array(names)) for k in starts]
    if not shares or max(shares) < _MIN_IDENTITY:
        raise DataError(
            f"{source} does not hold the native structure of this system: its residues are {' '.join(native_names)}, "
            f"the model's are {' '.join(names)}; set analysis.native to a structure of this protein"
        )
    best = int(np.argmax(shares))
    return np.asarray(native[best : best + n], dtype=np.float64)


def superposed_rmsd(chain: Tensor, native: Tensor) -> tuple[Array, Array]:
    """RMSD after superposition on a structure, and on its mirror image, (n_frames,) each, nm.

    Kabsch 1976, DOI 10.1107/S0567739476001873: with singular values s of the covariance of both structures and the sign
    of its determinant on the smallest, the squared deviation is |x|^2 + |y|^2 - 2 (s1 + s2 +- s3).
    chain  : (n_frames, n_residues, 3), nm
    native : (n_residues, 3), nm
    """
    x, y = chain - chain.mean(-2, keepdim=True), native - native.mean(-2, keepdim=True)
    covariance = x.transpose(-1, -2) @ y
    values = torch.linalg.svdvals(covariance)
    smallest = torch.sign(torch.linalg.det(covariance)) * values[:, 2]
    total = (x**2).sum((-1, -2)) + (y**2).sum()
    squares = (total - 2 * (values[:, 0] + values[:, 1] + sign * smallest) for sign in (1, -1))
    near, mirrored = ((square.clamp(min=0) / len(native)).sqrt().numpy() for square in squares)
    return near, mirrored


def superposed(chain: Tensor, target: Tensor) -> Tensor:
    """Frames rotated and moved onto a structure, (n_frames, n_residues, 3), nm, without reflection."""
    x, centre = chain - chain.mean(-2, keepdim=True), target.mean(-2, keepdim=True)
    u, _, vh = torch.linalg.svd(x.transpose(-1, -2) @ (target - centre))
    flip = torch.ones_like(u[:, 0])
    flip[:, 2] = torch.sign(torch.linalg.det(u @ vh))
    return x @ ((u * flip[:, None]) @ vh) + centre


def principal_axes(structure: Array) -> Array:
    """The same structure, (n_residues, 3), nm, centred, its longest axis along x and its second along y."""
    centred = structure - structure.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    axes[2] = np.cross(axes[0], axes[1])  # a rotation, no reflection
    return np.asarray(centred @ axes.T)


def native_contacts(distances: Array, native_distances: Array, *, contact: float) -> Array:
    """Fraction of native contacts, (n_frames,): Best, Hummer and Eaton 2013, DOI 10.1073/pnas.1311599110.

    Mean of 1 / (1 + exp(50/nm (d - 1.2 d0))) over the far pairs with d0 below `contact`.
    distances, native_distances : (n_frames, n_pairs) and (n_pairs,), nm
    Raises DataError if the native structure has no contact.
    """
    touching = native_distances < contact
    if not touching.any():
        raise DataError(f"the native structure has no contact below {contact:g} nm; raise analysis.contact_nm")
    excess = distances[:, touching] - CONTACT_TOLERANCE * native_distances[touching]
    return np.asarray((0.5 * (1 - np.tanh(0.5 * CONTACT_STEEPNESS * excess))).mean(-1))


def native_distances(native: Array) -> Array:
    """Distances of the far pairs of a structure (n_residues, 3), (n_pairs,), nm."""
    return np.asarray(pair_distances(torch.from_numpy(native[None]))[0])


def radius_of_gyration(chain: Tensor) -> Array:
    """Root mean square distance from the centre, (n_frames,), nm."""
    centred = chain - chain.mean(-2, keepdim=True)
    result: Array = (centred**2).sum(-1).mean(-1).sqrt().numpy()
    return result
