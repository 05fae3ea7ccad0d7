"""A chain of eight residues that hops between two shapes at known rates, with noise that is forgotten at once."""

from dataclasses import dataclass

import numpy as np
from known_systems import build_chain  # the path is set in conftest
from scipy.spatial.transform import Rotation

N_RESIDUES = 8
CARBONS = np.arange(1, N_RESIDUES + 1)
"""The first of nine beads is no C-alpha atom."""


def shape(angle, torsion):
    """Eight C-alpha atoms with one angle and one torsion all along, (8, 3), nm."""
    n = N_RESIDUES
    return build_chain(np.full((1, n - 1), 0.38), np.full((1, n - 2), angle), np.full((1, n - 3), torsion))[0]


HELIX, STRAND = shape(1.59, 0.87), shape(2.2, -2.9)
SHAPES = np.stack([HELIX, STRAND])


@dataclass(frozen=True)
class HoppingChain:
    """Two shapes, helix and strand, and the chance of each to be left from one frame to the next."""

    leave: tuple[float, float]
    noise: float = 0.02
    """nm, of each coordinate."""

    @property
    def populations(self):
        """Of helix and strand in equilibrium, (2,)."""
        first, second = self.leave
        return np.array([second, first]) / (first + second)

    @property
    def timescale(self):
        """Of the exchange, in frames."""
        return -1 / np.log(1 - sum(self.leave))

    def shapes(self, n_frames, rng, *, start):
        """Shape of each frame, (n_frames,): a chain of two states."""
        stay = np.empty(n_frames, dtype=np.intp)
        stay[0] = start
        for frame, uniform in enumerate(rng.random(n_frames - 1), start=1):
            now = stay[frame - 1]
            stay[frame] = now ^ int(uniform < self.leave[now])
        return stay

    def frames(self, shapes, rng):
        """Beads of these shapes, turned and moved at will, (n_frames, 9, 3), nm, single precision."""
        n = len(shapes)
        beads = SHAPES[shapes] + self.noise * rng.standard_normal((n, N_RESIDUES, 3))
        beads = beads @ Rotation.random(n, random_state=rng).as_matrix() + rng.standard_normal((n, 1, 3))
        return np.concatenate([rng.standard_normal((n, 1, 3)), beads], axis=1).astype(np.float32)


def markov_walk(matrix, n_frames, rng, start=0):
    """State of each frame of a chain with these transition probabilities, (n_frames,)."""
    cumulative = np.cumsum(matrix, axis=1)
    states = np.empty(n_frames, dtype=np.intp)
    states[0] = start
    for frame, uniform in enumerate(rng.random(n_frames - 1), start=1):
        states[frame] = min(int(np.searchsorted(cumulative[states[frame - 1]], uniform)), len(matrix) - 1)
    return states
