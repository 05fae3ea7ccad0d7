"""Time-lagged independent component analysis: the linear coordinates that decorrelate most slowly.

Perez-Hernandez et al. 2013, DOI 10.1063/1.4811489; Schwantes and Pande 2013, DOI 10.1021/ct300878a. The components are
scaled by their eigenvalue (kinetic map, Noe and Clementi 2015, DOI 10.1021/acs.jctc.5b00553).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from deeptime.decomposition import TICA
from numpy.typing import NDArray

from cgpipe.errors import FitError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """A linear projection of features onto slow coordinates."""

    mean: Array
    """(n_features,)."""
    matrix: Array
    """(n_features, n_tics)."""

    def __call__(self, features: Array) -> Array:
        """Slow coordinates, (n_frames, n_tics), dimensionless, from features (n_frames, n_features)."""
        return np.asarray((features - self.mean) @ self.matrix)


def fit_tica(pairs: Iterable[tuple[Array, Array]], *, n_tics: int) -> Projection:
    """Projection onto the slowest coordinates.

    pairs : features at a time and one lag later, (n_frames, n_features) each, piece by piece
    Raises FitError if there is no pair, or fewer slow coordinates than asked for.
    """
    estimator = TICA(dim=n_tics, scaling="kinetic_map")
    n_frames = 0
    for now, later in pairs:
        estimator.partial_fit((now, later))
        n_frames += len(now)
    if not n_frames:
        raise FitError("no trajectory is longer than the lag; lower analysis.markov.lag_ps or give longer trajectories")
    model = estimator.fetch_model()
    origin = model.transform(np.zeros((1, now.shape[1])))[0]
    matrix = model.transform(np.eye(now.shape[1])) - origin
    if matrix.shape[1] < n_tics:
        raise FitError(f"the features have {matrix.shape[1]} independent components, fewer than n_tics {n_tics}")
    matrix = matrix * np.sign(matrix[np.abs(matrix).argmax(axis=0), np.arange(n_tics)])
    return Projection(np.asarray(model.mean_0), np.asarray(matrix))
