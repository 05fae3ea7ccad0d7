"""One record for frames of atoms, of mapped beads and of simulated beads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.topology import Topology
from cgpipe.errors import DataError

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Trajectory:
    """Frames of one molecule, in order of time (or, for many replicas, replica after replica)."""

    topology: Topology
    positions: Array
    """(n_frames, n_sites, 3), nm."""
    forces: Array | None = None
    """(n_frames, n_sites, 3), kJ/mol/nm; without bias, without constraint forces."""
    log_weights: Array | None = None
    """(n_frames,), natural logarithm of the statistical weight up to a constant; None where all are equal."""

    def __post_init__(self) -> None:
        expected = (len(self.positions), self.topology.n_sites, 3)
        for name, array in (("positions", self.positions), ("forces", self.forces)):
            if array is not None and array.shape != expected:
                raise DataError(f"{name} have shape {array.shape}, expected {expected} as the topology and frames say")
        if self.log_weights is not None and self.log_weights.shape != expected[:1]:
            raise DataError(f"there are {len(self.log_weights)} weights for {expected[0]} frames")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    def part(self, frames: slice | NDArray[np.intp]) -> "Trajectory":
        """Some of the frames."""
        forces, weights = self.forces, self.log_weights
        return Trajectory(
            self.topology,
            self.positions[frames],
            None if forces is None else forces[frames],
            None if weights is None else weights[frames],
        )


def require_finite(array: Array, *, what: str, source: str, first: int = 0) -> None:
    """Raises DataError that names the first frame and site with NaN or infinity in (n_frames, n_sites, 3).

    first : number of the first frame in its source
    """
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        frame, site = bad[0][:2]
        raise DataError(
            f"{source}: {what} of frame {first + frame}, site {site} are not finite "
            f"({len(np.unique(bad[:, 0]))} of {len(array)} frames affected); "
            "remove these frames or find out why the engine wrote them"
        )


def normalised_weights(log_weights: Array | None, n_frames: int) -> NDArray[np.float64]:
    """Weights that sum to one, (n_frames,), from logarithms or, for None, all equal."""
    if log_weights is None:
        return np.full(n_frames, 1.0 / n_frames)
    weights = np.exp(log_weights.astype(np.float64) - log_weights.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)
