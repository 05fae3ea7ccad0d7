"""Bead trajectories and their split, as several subcommands read them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.config.sections import SplitSection
from cgpipe.data.h5md import H5mdFile, load_trajectories
from cgpipe.data.split import Split, split_blocks, split_selection
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.seeding import stream

_MAX_PRIOR_FRAMES = 200_000


def load_beads(paths: list[Path]) -> list[Trajectory]:
    """Independent bead trajectories of one molecule. Raises DataError if their topologies differ."""
    files = [load_trajectories(path) for path in paths]
    for path, trajectories in zip(paths, files, strict=True):
        if trajectories[0].topology != files[0][0].topology:
            raise DataError(f"{path} and {paths[0]} hold different beads; map them again with one mapping section")
        if (trajectories[0].log_weights is None) != (files[0][0].log_weights is None):
            raise DataError(
                f"of {path} and {paths[0]}, one has weights and the other has none; weight all frames or none"
            )
    return [trajectory for trajectories in files for trajectory in trajectories]


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


def thinned(beads: Trajectory, frames: NDArray[np.intp]) -> Trajectory:
    """An even selection of some frames, not more than a prior can use."""
    return beads.part(evenly(frames, at_most=_MAX_PRIOR_FRAMES))


def evenly(frames: NDArray[np.intp], *, at_most: int) -> NDArray[np.intp]:
    """Every n-th frame, so that hardly more than `at_most` are left."""
    return frames[:: max(1, len(frames) // at_most)]


def split_of_files(paths: list[Path], trajectories: list[Trajectory], section: SplitSection, *, seed: int) -> Split:
    """The split of what these files hold; frames taken from trajectories have the roles that they have there.

    Raises DataError for a mixture of such frames and others.
    """
    sources, lengths = [], set()
    for path in paths:
        with H5mdFile(path) as file:
            source, known = file.observable("source"), file.array("source_lengths")
        lengths.add(None if known is None else tuple(known.tolist()))
        sources += [] if source is None else [source]
    if len(lengths) > 1:
        raise DataError(
            f"of {', '.join(map(str, paths))}, some were taken from trajectories, others were not or from other ones; "
            "give each kind as a group of its own (repeat --beads)"
        )
    (whole,) = lengths
    if whole is None:
        return split_of(trajectories, section, seed=seed)
    return split_selection(np.concatenate(sources), list(whole), **_options(section, seed))


def split_of(trajectories: list[Trajectory], section: SplitSection, *, seed: int) -> Split:
    """The split of these trajectories that every stage shares."""
    return split_blocks([trajectory.n_frames for trajectory in trajectories], **_options(section, seed))


def _options(section: SplitSection, seed: int) -> dict[str, Any]:
    """What every split of a system is drawn with."""
    return {
        "n_blocks": section.n_blocks_per_trajectory,
        "n_folds": section.n_folds,
        "test_fraction": section.test_fraction,
        "rng": stream(seed, "split"),
    }
