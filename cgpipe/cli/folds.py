"""The folds of a force field, one by one, and the frames that their mean simulated."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.disagreement import fold_spread
from cgpipe.cli.beads import joined
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.trajectory import Trajectory
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.force_field_file import load_force_field
from cgpipe.potential import Potential
from cgpipe.training.batches import frames_at_once

MAX_FRAMES = 20_000
"""Of the training, and of the simulation, that are looked at."""
_N_TABLE_KNOTS = 2048

Array = NDArray[np.float64]


def bind_folds(paths: list[Path]) -> list[Potential]:
    """The force field of each fold as a potential of its own."""
    fields = [load_force_field(path) for path in paths]
    options: dict[str, Any] = {"dtype": torch.float64, "device": torch.device("cpu"), "n_table_knots": _N_TABLE_KNOTS}
    return [bind_force_fields([field], **options) for field in fields]


def frame_spread(folds: list[Potential], frames: Trajectory) -> Array:
    """Spread of the folds on each frame, (n_frames,), (kJ/mol/nm)^2."""
    return np.asarray(fold_spread(fold_forces(folds, frames.positions)).mean(axis=1))


@torch.no_grad()
def fold_forces(folds: list[Potential], positions: NDArray[np.floating]) -> Array:
    """Forces of each fold, (n_folds, n_frames, n_beads, 3), kJ/mol/nm."""
    pieces = torch.from_numpy(positions.astype(np.float64)).split(frames_at_once(positions.shape[1]))
    return np.stack([torch.cat([fold.energy_and_forces(piece)[1] for piece in pieces]).numpy() for fold in folds])


def simulated_frames(paths: list[Path], rng: np.random.Generator) -> Trajectory:
    """Frames of all jobs, drawn at random: replica lies beside replica, so every n-th frame would be of few of them."""
    parts: list[Trajectory] = []
    for path in paths:
        with H5mdFile(path) as file:
            n_drawn = min(file.n_frames, MAX_FRAMES // len(paths))
            parts += file.selected(np.sort(rng.choice(file.n_frames, n_drawn, replace=False)))
    return joined(parts)
