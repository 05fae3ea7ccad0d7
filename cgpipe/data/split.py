"""Split of frames by contiguous blocks of trajectories, never by single frames, which are correlated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgpipe.errors import ConfigError

TEST = -1


@dataclass(frozen=True)
class Split:
    """Role of every block: `TEST`, or the fold that holds it out for validation."""

    blocks: tuple[NDArray[np.intp], ...]
    """Frame indices of each block into the joined trajectories, (n_frames_of_block,) each."""
    roles: NDArray[np.intp]
    """(n_blocks,), TEST or a fold number."""

    def _frames(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.concatenate([block for block, take in zip(self.blocks, chosen, strict=True) if take])

    def training(self, fold: int | None = None) -> NDArray[np.intp]:
        """Frames that a fold trains on; for None, all that are not held out for the test."""
        return self._frames((self.roles != TEST) & (self.roles != (TEST if fold is None else fold)))

    def validation(self, fold: int) -> NDArray[np.intp]:
        """Frames that a fold is validated on."""
        return self._frames(self.roles == fold)

    def test(self) -> NDArray[np.intp]:
        """Frames that neither prior nor network sees; empty if none were asked for."""
        return self._frames(self.roles == TEST) if (self.roles == TEST).any() else np.empty(0, dtype=np.intp)


def contiguous_blocks(lengths: list[int], n_blocks: int) -> list[NDArray[np.intp]]:
    """Frame indices of n_blocks equal contiguous blocks of each trajectory; lengths are counts of frames."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return [
        block + start
        for start, length in zip(starts, lengths, strict=False)
        for block in np.array_split(np.arange(length), n_blocks)
        if len(block)
    ]


def split_selection(
    chosen: NDArray[np.intp],
    lengths: list[int],
    *,
    n_blocks: int,
    n_folds: int,
    test_fraction: float,
    rng: np.random.Generator,
) -> Split:
    """Split of some frames of trajectories, each with the role that its block has in the split of all of them.

    chosen : (n_chosen, 2), trajectory and frame of each; the split indexes these rows
    """
    whole = split_blocks(lengths, n_blocks=n_blocks, n_folds=n_folds, test_fraction=test_fraction, rng=rng)
    block_of = np.empty(sum(lengths), dtype=np.intp)
    for number, block in enumerate(whole.blocks):
        block_of[block] = number
    starts = np.concatenate([[0], np.cumsum(lengths)])
    place = block_of[starts[chosen[:, 0]] + chosen[:, 1]]
    return Split(tuple(np.flatnonzero(place == number) for number in range(len(whole.blocks))), whole.roles)


def split_blocks(
    lengths: list[int], *, n_blocks: int, n_folds: int, test_fraction: float, rng: np.random.Generator
) -> Split:
    """Blocks dealt at random to the test part and, in turn, to the folds.

    lengths : frames of each trajectory
    Raises ConfigError if there are fewer blocks than parts.
    """
    blocks = contiguous_blocks(lengths, n_blocks)
    n_test = int(np.ceil(test_fraction * len(blocks))) if test_fraction else 0
    if len(blocks) - n_test < n_folds:
        raise ConfigError(
            f"{len(blocks)} blocks cannot make {n_folds} folds and {n_test} test blocks; "
            "raise split.n_blocks_per_trajectory or lower split.n_folds"
        )
    roles = np.empty(len(blocks), dtype=np.intp)
    order = rng.permutation(len(blocks))
    roles[order[:n_test]] = TEST
    roles[order[n_test:]] = np.arange(len(blocks) - n_test) % n_folds
    return Split(tuple(blocks), roles)
