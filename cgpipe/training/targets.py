"""What the network learns: the reference's bead forces minus those of a given potential."""

import numpy as np
import torch
from torch import Tensor

from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.potential import Potential
from cgpipe.training.batches import frames_at_once


def residual_forces(beads: Trajectory, known: Potential) -> Tensor:
    """Forces that a known potential leaves unexplained, (n_frames, n_beads, 3), kJ/mol/nm, float64.

    Raises DataError if the frames carry no forces or the potential gives values that are not finite.
    """
    if beads.forces is None:
        raise DataError("the bead trajectories carry no forces; map atomistic frames that were recorded with forces")
    pieces, at_once = [], frames_at_once(beads.positions.shape[1])
    for start in range(0, beads.n_frames, at_once):
        piece = slice(start, start + at_once)
        positions = torch.from_numpy(beads.positions[piece].astype(np.float64))
        forces = torch.from_numpy(beads.forces[piece].astype(np.float64))
        pieces.append(forces - known.energy_and_forces(positions)[1])
    residual = torch.cat(pieces)
    if not torch.isfinite(residual).all():
        raise DataError("the prior gives forces that are not finite on some frames; look at its fit figure")
    return residual
