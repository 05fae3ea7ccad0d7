"""Frames that stand for a macrostate, drawn by weight from a stream of frames that is read once."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Representatives:
    """A weighted sample without replacement of each macrostate: Efraimidis and Spirakis 2006, DOI
    10.1016/j.ipl.2005.11.003. A frame of weight w gets the key ln(u) / w, u uniform; the largest keys stay.
    """

    def __init__(self, n_macrostates: int, n_each: int, n_residues: int, rng: np.random.Generator) -> None:
        self._keys = np.full((n_macrostates, n_each), -np.inf)
        self.frames = np.full((n_macrostates, n_each, n_residues, 3), np.nan)
        """(n_macrostates, n_each, n_residues, 3), nm; NaN where a macrostate has fewer frames."""
        self._rng = rng

    def offer(self, positions: NDArray[np.floating], macrostates: NDArray[np.intp], weights: Array) -> None:
        """Consider frames (n_frames, n_residues, 3) with their macrostates and weights (n_frames,)."""
        uniform = self._rng.random(len(weights))
        with np.errstate(divide="ignore"):
            keys = np.log(uniform) / weights
        for state in range(len(self._keys)):
            mine = np.flatnonzero((macrostates == state) & np.isfinite(keys))
            best = mine[np.argsort(-keys[mine], kind="stable")[: self._keys.shape[1]]]
            joined = np.concatenate([self._keys[state], keys[best]])
            frames = np.concatenate([self.frames[state], positions[best]])
            chosen = np.argsort(-joined, kind="stable")[: self._keys.shape[1]]
            self._keys[state], self.frames[state] = joined[chosen], frames[chosen]
