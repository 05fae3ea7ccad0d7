"""How thinly frames lie in configuration space: on barriers between basins, and at the rims of what was sampled."""

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.geometry import distances

Array = NDArray[np.float64]
_N_COMPONENTS, _N_NEIGHBOURS = 3, 20
_FRAMES_AT_ONCE = 20_000
"""Also how many the principal components are of."""
_HIGHEST = 1000.0
"""Over the median: a frame that lies alone is no region."""


def thinness(frames: NDArray[np.floating], recorded: NDArray[np.floating]) -> Array:
    """One over the density of recorded frames at each frame, in units of its median, (n_frames,).

    frames, recorded : (n_frames, n_beads, 3) and (n_recorded, n_beads, 3), nm
    The density is that of the nearest neighbours (Loftsgaarden and Quesenberry 1965, DOI 10.1214/aoms/1177700079) along
    three principal components of all distances between beads; in all coordinates together, every frame is about as far
    from the next.
    """
    from scipy.spatial import KDTree  # noqa: PLC0415 (a fifth of a second to load, for the trainings that flatten)

    pairs = torch.combinations(torch.arange(frames.shape[1]), 2)
    some = _distances(recorded[:: max(1, len(recorded) // _FRAMES_AT_ONCE)], pairs)
    axes = np.linalg.eigh(np.atleast_2d(np.cov(some, rowvar=False)))[1][:, -_N_COMPONENTS:]
    points, known = (_projected(part, pairs, axes) for part in (frames, recorded))
    radii = KDTree(known).query(points, k=[min(_N_NEIGHBOURS, len(known))])[0][:, 0]
    sparse = radii ** axes.shape[1]
    return np.minimum(sparse / np.median(sparse), _HIGHEST)


def _projected(frames: NDArray[np.floating], pairs: torch.Tensor, axes: Array) -> Array:
    firsts = range(0, len(frames), _FRAMES_AT_ONCE)
    return np.concatenate([_distances(frames[k : k + _FRAMES_AT_ONCE], pairs) @ axes for k in firsts])


def _distances(frames: NDArray[np.floating], pairs: torch.Tensor) -> Array:
    return np.asarray(distances(torch.from_numpy(frames.astype(np.float64)), pairs).numpy())
