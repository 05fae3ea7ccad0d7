"""Frames of an atomistic trajectory with unbiased, unconstrained forces, and with weights where a bias acts."""

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.segments import SegmentStore
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.schedule import Schedule, Stretch


def record_trajectory(dynamics: Dynamics, *, thermal_energy: float, schedule: Schedule, store: SegmentStore) -> None:
    """Frames into `store`, from where an earlier run stopped.

    Each segment holds positions, forces, potential_energy and, under a bias, log_weights = V/kT and bias_variables,
    (n_frames, n_variables).
    """
    for stretch in schedule.remaining(store.n_segments):
        dynamics.begin(store.state(), stretch.seed)
        frames = _record(dynamics, stretch)
        bias_energies, variables = frames.pop("bias_energy"), frames.pop("bias_variables")
        if dynamics.biased:
            frames |= {"log_weights": bias_energies / thermal_energy, "bias_variables": variables}
        store.append(frames, dynamics.state())


def _record(dynamics: Dynamics, stretch: Stretch) -> dict[str, NDArray[np.float64] | NDArray[np.float32]]:
    """What is recorded of each frame of a stretch."""
    rows = []
    for _ in stretch.intervals():
        dynamics.step(stretch.interval)
        rows.append((*dynamics.frame(), dynamics.bias_energy(), dynamics.bias_variables()))
    columns = (np.array(column) for column in zip(*rows, strict=True))
    names = ("positions", "forces", "potential_energy", "bias_energy", "bias_variables")
    return dict(zip(names, columns, strict=True))
