"""Unfinished long work on disk: frames in segments, each with the state from which the next continues.

A segment is written under a temporary name and renamed, frames and state together, so they can never disagree.
Work killed at any time resumes from the last whole segment and ends with the same bits. One that was damaged later is
dropped with those after it, and made again.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.data.damage import DAMAGE
from cgpipe.data.files import whole_file
from cgpipe.errors import DataError

Arrays = Mapping[str, NDArray[Any]]
_STATE = "state_"


class DamagedSegmentError(DataError):
    """A segment was damaged; it and those after it were removed."""


class SegmentStore:
    """Segments of one piece of work in one folder, valid under one fingerprint of its settings."""

    def __init__(self, output: Path, fingerprint: str) -> None:
        """Open the folder beside `output`; segments of other settings and damaged ones at the end are removed."""
        self._folder = output.with_name(f".{output.name}.segments")
        mark = self._folder / "fingerprint"
        if not mark.is_file() or mark.read_text() != fingerprint:
            self.remove()
            with whole_file(mark) as temporary:
                temporary.write_text(fingerprint)
        while self.n_segments:  # a crash of the machine can damage what was written last
            with suppress(DamagedSegmentError):
                self._load(self.n_segments - 1)
                break

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06d}.npz"

    @property
    def n_segments(self) -> int:
        """Number of whole segments, counted without a gap from the first."""
        count = 0
        while self._path(count).is_file():
            count += 1
        return count

    def append(self, frames: Arrays, state: Arrays) -> None:
        """Next segment: its frames, and the state after them."""
        named: dict[str, Any] = {**frames, **{_STATE + key: value for key, value in state.items()}}
        with whole_file(self._path(self.n_segments)) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)

    def state(self) -> Arrays | None:
        """State after the last whole segment, or None before the first."""
        if not (count := self.n_segments):
            return None
        arrays = self._load(count - 1)
        return {key.removeprefix(_STATE): value for key, value in arrays.items() if key.startswith(_STATE)}

    def last_frames(self) -> Arrays:
        """Frames of the last whole segment. Raises DataError if it is damaged."""
        return {key: value for key, value in self._load(self.n_segments - 1).items() if not key.startswith(_STATE)}

    def frames(self) -> Iterator[Arrays]:
        """Frames of each segment in order, one segment in memory at a time."""
        for index in range(self.n_segments):
            yield {key: value for key, value in self._load(index).items() if not key.startswith(_STATE)}

    def _load(self, index: int) -> Arrays:
        path = self._path(index)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return dict(archive)
        except (OSError, MemoryError) as error:  # of the system, not of the segment: nothing is dropped
            raise DataError(f"cannot read segment {path}: {error or type(error).__name__}; run it again") from error
        except DAMAGE as error:
            self._drop_from(index)
            raise DamagedSegmentError(
                f"segment {path} is damaged ({error}); it and those after it were removed, run the same command again"
            ) from error

    def _drop_from(self, index: int) -> None:
        for later in reversed(range(index, self.n_segments)):
            self._path(later).unlink()

    def remove(self) -> None:
        """Delete the segments; done once their content stands in the output."""
        shutil.rmtree(self._folder, ignore_errors=True)
