"""Forces and the score of added noise, mixed: two labels of one mean force, whose errors differ.

Positions x' = x + w e with normal noise e follow a density of their own. Of its mean force at x' both the force F(x)
and -kT e / w are unbiased labels (denoising score matching; Durumeric et al. 2024, arXiv:2407.01286), so any mix of
them is, and one has the least variance. The price is a bias: the model learns the ensemble of x', which is wider by w^2
in every coordinate. Both labels need frames that follow the Boltzmann distribution.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Noise on the positions of frames."""

    width: float
    """Standard deviation, nm; 0 leaves frames as they are."""
    thermal_energy: float
    """kJ/mol."""
    rng: np.random.Generator

    def on(self, beads: Trajectory, training: NDArray[np.intp]) -> Trajectory:
        """Frames with moved positions, and labels of least variance there, mixed as the training frames ask for.

        Raises DataError if the frames carry no forces, or weights: the score is that of the frames as they are drawn.
        """
        if not self.width:
            return beads
        if beads.forces is None:
            raise DataError("the bead trajectories carry no forces to mix the score of training.noise_nm into")
        if beads.log_weights is not None:
            raise DataError(
                "these frames carry weights, so they are not distributed as the score of training.noise_nm needs; "
                "leave it at 0 for biased references"
            )
        noise = self.rng.standard_normal(beads.positions.shape)
        score, forces = -self.thermal_energy / self.width * noise, beads.forces.astype(np.float64)
        share = force_share(forces[training], score[training])[:, None]
        mixed = share * forces + (1 - share) * score
        return replace(beads, positions=beads.positions + self.width * noise, forces=mixed)


def force_share(forces: Array, score: Array) -> Array:
    """Share of the force in the mix of least variance, (n_beads,), from both labels, (n_frames, n_beads, 3).

    The difference of the labels has no part of the mean force in it; so its regression on a label sees errors alone.
    """
    difference = score - forces
    slope = (forces * difference).mean(axis=(0, 2)) / (difference**2).mean(axis=(0, 2))
    return np.asarray(np.clip(1 + slope, 0.0, 1.0))
