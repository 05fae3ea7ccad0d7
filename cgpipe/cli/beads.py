"""Bead trajectories and their split, as several subcommands read them."""

from pathlib import Path

import numpy as np

from cgpipe.config.sections import SplitSection
from cgpipe.data.h5md import load_trajectory
from cgpipe.data.split import Split, split_blocks
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.seeding import stream


def load_beads(paths: list[Path]) -> list[Trajectory]:
    """Bead trajectories of one molecule. Raises DataError if their topologies differ."""
    trajectories = [load_trajectory(path) for path in paths]
    for path, trajectory in zip(paths, trajectories, strict=True):
        if trajectory.topology != trajectories[0].topology:
            raise DataError(f"{path} and {paths[0]} hold different beads; map them again with one mapping section")
    return trajectories


def joined(trajectories: list[Trajectory]) -> Trajectory:
    """All frames, trajectory after trajectory."""
    first = trajectories[0]
    return Trajectory(
        first.topology,
        np.concatenate([t.positions for t in trajectories]),
        None if first.forces is None else np.concatenate([t.forces for t in trajectories if t.forces is not None]),
        None
        if first.log_weights is None
        else np.concatenate([t.log_weights for t in trajectories if t.log_weights is not None]),
    )


def split_of(trajectories: list[Trajectory], section: SplitSection, *, seed: int) -> Split:
    """The split of these trajectories that every stage shares."""
    return split_blocks(
        [trajectory.n_frames for trajectory in trajectories],
        n_blocks=section.n_blocks_per_trajectory,
        n_folds=section.n_folds,
        test_fraction=section.test_fraction,
        rng=stream(seed, "split"),
    )


def select_frames(beads: Trajectory, frames: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Trajectory:
    """Some frames of a trajectory."""
    return Trajectory(
        beads.topology,
        beads.positions[frames],
        None if beads.forces is None else beads.forces[frames],
        None if beads.log_weights is None else beads.log_weights[frames],
    )
