"""Where a force field should learn next: configurations of its simulation, and the recorded frames nearest to them."""

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.structure import superposed_rmsd
from cgpipe.errors import FitError
from cgpipe.geometry import distances

Array = NDArray[np.float64]
_N_CANDIDATES = 16
"""Frames with the most similar distances, of which the nearest after superposition is taken; it tells mirror images."""
_TARGETS_AT_ONCE = 200


def draw_uncertain(spread: Array, n_wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Frames drawn without repetition, each with a chance in proportion to what is to be learned there, in order.

    spread : (n_frames,), variance of the folds' mean, which is their expected squared error, times the thinness
    Raises FitError if there are too few frames.
    """
    if n_wanted > np.count_nonzero(spread):
        raise FitError(
            f"{n_wanted} new configurations cannot be drawn from {len(spread)} frames of the CG model; lower "
            "improve.n_configurations or simulate longer"
        )
    return np.sort(rng.choice(len(spread), n_wanted, replace=False, p=spread / spread.sum()))


def nearest_frames(targets: Array, frames: Array) -> tuple[NDArray[np.intp], Array]:
    """The frame nearest to each target after superposition, (n_targets,), and its RMSD, nm.

    targets, frames : (n_targets, n_beads, 3) and (n_frames, n_beads, 3), nm
    """
    pairs = torch.combinations(torch.arange(targets.shape[1]), 2)
    wanted, recorded = (distances(torch.from_numpy(part), pairs) for part in (targets, frames))
    n_candidates = min(_N_CANDIDATES, len(frames))
    chosen, deviations = np.empty(len(targets), dtype=np.intp), np.empty(len(targets))
    for first in range(0, len(targets), _TARGETS_AT_ONCE):
        apart = torch.cdist(wanted[first : first + _TARGETS_AT_ONCE], recorded)
        for row, candidates in enumerate(apart.topk(n_candidates, largest=False).indices.numpy(), start=first):
            rmsd = superposed_rmsd(torch.from_numpy(frames[candidates]), torch.from_numpy(targets[row]))[0]
            chosen[row], deviations[row] = candidates[rmsd.argmin()], rmsd.min()
    return chosen, deviations
