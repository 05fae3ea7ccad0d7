"""Frames of an ensemble in the units that its errors are made of, read once and some at a time.

Of few long trajectories each block of time is an independent cluster; of many short ones each trajectory is, or a
bundle of them; of replicas each group is. Of umbrella windows, which mean nothing one by one, the same block of time of
one trajectory in each window is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.h5md import H5mdFile
from cgpipe.data.trajectory import Trajectory

_MAX_GROUPS = 64
_TOO_FEW_TRAJECTORIES = 4
"""Of fewer, blocks of time are resampled instead of whole trajectories, which may vary by where they began."""
_MAX_BUNDLES = 10
_FRAMES_AT_ONCE = 20_000


@dataclass(frozen=True)
class Unit:
    """Where some frames belong."""

    group: int
    """Trajectory, bundle of trajectories or group of replicas."""
    time: int
    """Stretch of time, from 0."""
    cluster: int
    """Independent cluster."""
    series: int
    """Number of the first time series that the frames continue."""
    n_series: int
    """Time series side by side: frames run over these first, then over time."""


@dataclass(frozen=True)
class Layout:
    """How the files of one ensemble divide into units."""

    paths: list[Path]
    lengths: list[list[int]]
    """Frames of each trajectory, file by file; of a file of replicas, the frames of all."""
    n_replicas: list[int]
    n_blocks: int
    simulated: bool
    """Whether the files hold replicas of a simulation, be it one, rather than trajectories."""
    ranks: list[int] | None = None
    """Of each trajectory among those of its umbrella window; None without windows."""

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories, where the files hold no replicas."""
        return sum(len(lengths) for lengths in self.lengths)

    @property
    def cluster_groups(self) -> NDArray[np.intp]:
        """Group of each cluster, (n_clusters,)."""
        if self.simulated:
            return np.arange(sum(min(n, _MAX_GROUPS) for n in self.n_replicas))
        if self.ranks is not None:
            return np.repeat(np.arange(max(self.ranks) + 1), self.n_blocks)
        if self.n_trajectories < _TOO_FEW_TRAJECTORIES:
            return np.repeat(np.arange(self.n_trajectories), self.n_blocks)
        return np.arange(min(self.n_trajectories, _MAX_GROUPS))

    def bundle(self, trajectory: int, time: int) -> int:
        """Which block of a trajectory is resampled with which others, where a Markov model weights the frames."""
        if self.n_trajectories < _TOO_FEW_TRAJECTORIES:
            return trajectory * self.n_blocks + time
        return trajectory * min(self.n_trajectories, _MAX_BUNDLES) // self.n_trajectories

    def bundles(self) -> list[NDArray[np.intp]]:
        """Bundle of each frame, trajectory by trajectory."""
        lengths = [length for file in self.lengths for length in file]
        sizes = [[len(block) for block in np.array_split(np.arange(n), self.n_blocks)] for n in lengths]
        return [
            np.repeat([self.bundle(number, time) for time in range(self.n_blocks)], own).astype(np.intp)
            for number, own in enumerate(sizes)
        ]

    def place(self, trajectory: int, time: int) -> Unit:
        """Unit of one block of a trajectory."""
        if self.ranks is not None:
            rank = self.ranks[trajectory]
            return Unit(rank, time, rank * self.n_blocks + time, trajectory, 1)
        if self.n_trajectories < _TOO_FEW_TRAJECTORIES:
            return Unit(trajectory, time, trajectory * self.n_blocks + time, trajectory, 1)
        bundle = trajectory * min(self.n_trajectories, _MAX_GROUPS) // self.n_trajectories
        return Unit(bundle, time, bundle, trajectory, 1)


def layout(paths: list[Path], *, n_blocks: int, simulated: bool) -> Layout:
    """Layout of the files of one ensemble; simulated: they hold replicas."""
    lengths, replicas, windows = [], [], []
    for path in paths:
        with H5mdFile(path) as file:
            lengths.append(file.lengths)
            replicas.append(file.n_replicas)
            windows.append(file.array("window"))
    numbers = [int(window) for window in windows if window is not None]
    return Layout(paths, lengths, replicas, n_blocks, simulated, ranks_in_windows(numbers) or None)


def ranks_in_windows(windows: list[int]) -> list[int]:
    """Rank of each trajectory among those of its window, from the window of each."""
    return [windows[:k].count(window) for k, window in enumerate(windows)]


def read_units(plan: Layout, *, start: int = 0) -> Iterator[tuple[Trajectory, Unit]]:
    """Frames and where they belong, in the order of time of every series.

    start : time of each replica, in frames, that is left out at the beginning
    """
    n_trajectories = n_groups = n_series = 0
    for path, lengths, n_replicas in zip(plan.paths, plan.lengths, plan.n_replicas, strict=True):
        with H5mdFile(path) as file:
            if plan.simulated:
                yield from _replicas(file, plan.n_blocks, start, n_groups, n_series)
            else:
                yield from _blocks(file, plan, n_trajectories)
        n_trajectories += len(lengths)
        n_groups += min(n_replicas, _MAX_GROUPS)
        n_series += n_replicas


def _blocks(file: H5mdFile, plan: Layout, n_before: int) -> Iterator[tuple[Trajectory, Unit]]:
    first = 0
    for trajectory, length in enumerate(file.lengths, start=n_before):
        for time, block in enumerate(np.array_split(np.arange(first, first + length), plan.n_blocks)):
            for piece in np.array_split(block, max(1, -(-len(block) // _FRAMES_AT_ONCE))):
                if len(piece):
                    yield file.frames(int(piece[0]), int(piece[-1]) + 1), plan.place(trajectory, time)
        first += length


def _replicas(
    file: H5mdFile, n_blocks: int, start: int, group_offset: int, series_offset: int
) -> Iterator[tuple[Trajectory, Unit]]:
    n = file.n_replicas
    members = np.array_split(np.arange(n), min(n, _MAX_GROUPS))
    for time, stretch in enumerate(np.array_split(np.arange(start, file.n_frames // n), n_blocks)):
        for piece in np.array_split(stretch, max(1, -(-len(stretch) * n // _FRAMES_AT_ONCE))):
            if not len(piece):
                continue
            frames = file.frames(int(piece[0]) * n, (int(piece[-1]) + 1) * n)
            for group, mine in enumerate(members, start=group_offset):
                chosen = (np.arange(len(piece))[:, None] * n + mine).ravel()
                yield frames.part(chosen), Unit(group, time, group, series_offset + int(mine[0]), len(mine))
