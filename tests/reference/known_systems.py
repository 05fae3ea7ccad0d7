"""Systems whose answers are known exactly: pairs, a polymer chain, a correlated series.

The two pairs depend only on the difference of two positions, so that moving a replica to the origin changes nothing.
In the chain, bond lengths, angles and torsions are independent, and frames can be drawn without any simulation.
"""

from dataclasses import dataclass

import numpy as np
import torch

from cgpipe.data.topology import Topology
from cgpipe.potential import Potential
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, Prior, PriorParameters

_GRID = 20_001


class HarmonicPair(Potential):
    """Two beads on a spring of zero length; stiffness in kJ/mol/nm^2. Each difference has the variance kT/k."""

    def __init__(self, stiffness):
        super().__init__()
        self.stiffness = stiffness

    def energy(self, positions):
        return 0.5 * self.stiffness * ((positions[:, 1] - positions[:, 0]) ** 2).sum(-1)

    def energy_and_forces(self, positions):
        pull = self.stiffness * (positions[:, 1] - positions[:, 0])
        return self.energy(positions), torch.stack([pull, -pull], dim=1)

    def frequency(self, mass):
        """Angular frequency of the difference for two beads of one mass, 1/ps."""
        return np.sqrt(2 * self.stiffness / mass)


class DoubleWellPair(Potential):
    """Two beads whose difference (x, y, z) feels b ((x/w)^2 - 1)^2 + k (y^2 + z^2)/2."""

    def __init__(self, *, barrier, half_width, stiffness):
        super().__init__()
        self.barrier, self.half_width, self.stiffness = barrier, half_width, stiffness

    def energy(self, positions):
        x, y, z = (positions[:, 1] - positions[:, 0]).unbind(-1)
        return self._along(x) + 0.5 * self.stiffness * (y**2 + z**2)

    def energy_and_forces(self, positions):
        x, y, z = (positions[:, 1] - positions[:, 0]).unbind(-1)
        slope = 4 * self.barrier * ((x / self.half_width) ** 2 - 1) * x / self.half_width**2
        pull = torch.stack([slope, self.stiffness * y, self.stiffness * z], dim=-1)
        return self.energy(positions), torch.stack([pull, -pull], dim=1)

    def _along(self, x):
        return self.barrier * ((x / self.half_width) ** 2 - 1) ** 2

    def mean_energy(self, thermal_energy):
        """Exact mean of the energy, kJ/mol: a quadrature along x and equipartition across."""
        x = np.linspace(-4 * self.half_width, 4 * self.half_width, _GRID)
        density = np.exp(-self._along(x) / thermal_energy)
        return float((density * self._along(x)).sum() / density.sum()) + thermal_energy


@dataclass(frozen=True)
class KnownChain:
    """A chain of beads with harmonic bonds and angles and Fourier torsions, and nothing else."""

    parameters: PriorParameters
    thermal_energy: float
    """kJ/mol."""

    @property
    def n_beads(self):
        return len(self.parameters.bonds) + 1

    @property
    def potential(self):
        return Prior(self.parameters)

    @property
    def topology(self):
        """Beads of one type and of different residues, 12 amu each."""
        n = self.n_beads
        return Topology(
            names=("CA",) * n,
            elements=("C",) * n,
            residue_names=tuple(f"R{k:02d}" for k in range(n)),
            residue_numbers=tuple(range(1, n + 1)),
            masses=(12.0,) * n,
            bonds=tuple((k, k + 1) for k in range(n - 1)),
        )

    def sample(self, n_frames, rng):
        """Independent frames of the Boltzmann distribution, (n_frames, n_beads, 3), nm."""
        lengths = [draw(*self.length_density(term), n_frames, rng) for term in self.parameters.bonds]
        bends = [draw(*self.angle_density(term), n_frames, rng) for term in self.parameters.angles]
        torsions = [draw(*self.torsion_density(term), n_frames, rng) for term in self.parameters.dihedrals]
        return build_chain(*(np.array(rows).reshape(-1, n_frames).T for rows in (lengths, bends, torsions)))

    def length_density(self, term):
        """Grid of lengths and their density, up to a factor: volume element r^2."""
        width = np.sqrt(self.thermal_energy / term.stiffness)
        r = np.linspace(max(1e-6, term.centre - 8 * width), term.centre + 8 * width, _GRID)
        return r, r**2 * np.exp(-0.5 * term.stiffness * (r - term.centre) ** 2 / self.thermal_energy)

    def angle_density(self, term):
        """Grid of angles and their density, up to a factor: volume element sin(theta)."""
        theta = np.linspace(0, np.pi, _GRID)
        return theta, np.sin(theta) * np.exp(-0.5 * term.stiffness * (theta - term.centre) ** 2 / self.thermal_energy)

    def torsion_density(self, term):
        """Grid of torsions and their density, up to a factor."""
        phi = np.linspace(-np.pi, np.pi, _GRID)
        energy = sum(
            a * np.cos(m * phi) + b * np.sin(m * phi)
            for m, (a, b) in enumerate(zip(term.cosine, term.sine, strict=True), start=1)
        )
        return phi, np.exp(-energy / self.thermal_energy)


def known_chain(
    n_beads,
    *,
    cosine,
    sine=None,
    length=0.2,
    length_stiffness=50_000.0,
    angle=1.9,
    angle_stiffness=300.0,
    thermal_energy=2.5,
):
    """Chain with the same terms everywhere; coefficients of the torsions in kJ/mol."""
    sine = (0.0,) * len(cosine) if sine is None else sine
    chain = tuple(range(n_beads))
    parameters = PriorParameters(
        bonds=tuple(HarmonicTerm(chain[k : k + 2], length, length_stiffness) for k in range(n_beads - 1)),
        angles=tuple(HarmonicTerm(chain[k : k + 3], angle, angle_stiffness) for k in range(n_beads - 2)),
        dihedrals=tuple(DihedralTerm(chain[k : k + 4], cosine, sine) for k in range(n_beads - 3)),
        impropers=(),
        repulsions=(),
        repulsion_exponent=6,
        repulsion_strength=thermal_energy,
    )
    return KnownChain(parameters, thermal_energy)


def draw(grid, density, n_samples, rng):
    """Samples of a density given on a regular grid, by the inverse of its cumulative distribution."""
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return np.interp(rng.random(n_samples) * cumulative[-1], cumulative, grid)


def build_chain(lengths, angles, torsions):
    """Positions of a chain from its internal coordinates, (n_frames, n_beads, 3).

    lengths, angles, torsions : (n_frames, n_beads - 1), (n_frames, n_beads - 2), (n_frames, n_beads - 3)
    """
    first = np.zeros((len(lengths), 3))
    second = first + lengths[:, :1] * [1.0, 0.0, 0.0]
    before = second - np.eye(3)[1]  # any point off the axis fixes the plane of the first three beads
    beads = [first, second]
    turns = np.concatenate([np.zeros((len(lengths), 1)), torsions], axis=1)
    for k in range(angles.shape[1]):
        ends = (before, beads[-2], beads[-1]) if k == 0 else tuple(beads[-3:])
        beads.append(place(*ends, lengths[:, k + 1], angles[:, k], turns[:, k]))
    return np.stack(beads, axis=1)


def place(a, b, c, length, angle, torsion):
    """The point d with |cd|, the angle bcd and the dihedral abcd given; points are (n_frames, 3)."""
    axis = _unit(c - b)
    normal = _unit(np.cross(b - a, axis))
    across = np.cross(normal, axis)
    along, aside, up = -np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)
    return c + length[:, None] * (along[:, None] * axis + aside[:, None] * across + up[:, None] * normal)


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def autoregressive(correlation, n_times, rng):
    """Stationary series x_t = c x_(t-1) + noise of variance 1; its inefficiency is (1 + c)/(1 - c)."""
    noise = rng.standard_normal(n_times) * np.sqrt(1 - correlation**2)
    series = np.empty(n_times)
    series[0] = rng.standard_normal()
    for t in range(1, n_times):
        series[t] = correlation * series[t - 1] + noise[t]
    return series


def inefficiency(correlation):
    """Steps per independent sample of `autoregressive`."""
    return (1 + correlation) / (1 - correlation)
