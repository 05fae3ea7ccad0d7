"""Energies of the classical terms as functions of distances, angles and dihedrals.

All return kJ/mol in the shape of the coordinate; parameters broadcast over the last axis, (n_terms,).
"""

import torch
from torch import Tensor


def harmonic(coordinate: Tensor, *, centre: Tensor, stiffness: Tensor) -> Tensor:
    """k/2 (q - q0)^2 of bonds (nm, kJ/mol/nm^2) and angles (rad, kJ/mol/rad^2)."""
    return 0.5 * stiffness * (coordinate - centre) ** 2


def fourier(angle: Tensor, *, cosine: Tensor, sine: Tensor) -> Tensor:
    """sum_m a_m cos(m phi) + b_m sin(m phi) for m = 1, 2, ...

    angle        : (..., n_terms), rad
    cosine, sine : (n_terms, n_multiplicities), kJ/mol
    """
    multiples = angle[..., None] * torch.arange(1, cosine.shape[-1] + 1, dtype=angle.dtype, device=angle.device)
    return (cosine * multiples.cos() + sine * multiples.sin()).sum(-1)


def repulsion(distance: Tensor, *, diameter: Tensor, exponent: int, strength: float) -> Tensor:
    """epsilon (sigma/r)^n; diameter sigma in nm, strength epsilon in kJ/mol."""
    return strength * (diameter / distance) ** exponent
