"""Energies of the classical terms as functions of distances, angles and dihedrals, and their slopes.

Energies are in kJ/mol, slopes per unit of the coordinate, both in its shape; parameters broadcast over the last axis,
(n_terms,).
"""

import torch
from torch import Tensor


def harmonic(coordinate: Tensor, *, centre: Tensor, stiffness: Tensor) -> Tensor:
    """k/2 (q - q0)^2 of bonds (nm, kJ/mol/nm^2) and angles (rad, kJ/mol/rad^2)."""
    return 0.5 * stiffness * (coordinate - centre) ** 2


def harmonic_slope(coordinate: Tensor, *, centre: Tensor, stiffness: Tensor) -> Tensor:
    """Derivative of `harmonic`."""
    return stiffness * (coordinate - centre)


def fourier(angle: Tensor, *, cosine: Tensor, sine: Tensor) -> Tensor:
    """sum_m a_m cos(m phi) + b_m sin(m phi) for m = 1, 2, ...

    angle        : (..., n_terms), rad
    cosine, sine : (n_terms, n_multiplicities), kJ/mol
    """
    multiples = angle[..., None] * _multiplicities(cosine)
    return (cosine * multiples.cos() + sine * multiples.sin()).sum(-1)


def fourier_slope(angle: Tensor, *, cosine: Tensor, sine: Tensor) -> Tensor:
    """Derivative of `fourier`, kJ/mol/rad."""
    order = _multiplicities(cosine)
    multiples = angle[..., None] * order
    return (order * (sine * multiples.cos() - cosine * multiples.sin())).sum(-1)


def _multiplicities(cosine: Tensor) -> Tensor:
    return torch.arange(1, cosine.shape[-1] + 1, dtype=cosine.dtype, device=cosine.device)


def repulsion(distance: Tensor, *, diameter: Tensor, exponent: int, strength: float) -> Tensor:
    """epsilon (sigma/r)^n; diameter sigma in nm, strength epsilon in kJ/mol."""
    return strength * (diameter / distance) ** exponent


def repulsion_slope(distance: Tensor, *, diameter: Tensor, exponent: int, strength: float) -> Tensor:
    """Derivative of `repulsion`, kJ/mol/nm."""
    return -exponent / distance * repulsion(distance, diameter=diameter, exponent=exponent, strength=strength)
