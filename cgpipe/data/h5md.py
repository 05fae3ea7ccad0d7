"""Trajectories as HDF5 in the H5MD layout (DOI 10.1016/j.cpc.2014.01.018), readable by MDAnalysis and VMD.

Units in the file are the internal ones. Beside the H5MD groups, `/cgpipe` holds the topology and the provenance as
JSON, and small arrays that belong to the whole trajectory.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from cgpipe import __version__
from cgpipe.data.damage import named_damage
from cgpipe.data.files import whole_file
from cgpipe.data.hdf5 import new_hdf5, require_present
from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Trajectory, require_finite
from cgpipe.errors import DataError

_PARTICLES = "particles/trajectory"
_UNITS = {"position": "nm", "force": "kJ mol-1 nm-1"}
_CHUNK_FRAMES = 1024


class H5mdWriter:
    """Streams frames into an open H5MD file; memory does not grow with their number."""

    def __init__(self, file: h5py.File, topology: Topology, frame_interval: float, n_replicas: int) -> None:
        """frame_interval in ps."""
        self._file, self._interval, self._n_replicas = file, frame_interval, n_replicas
        self.n_frames = 0
        _write_head(file, topology)

    def append(
        self,
        positions: NDArray[Any],
        forces: NDArray[Any] | None = None,
        log_weights: NDArray[Any] | None = None,
        **observables: NDArray[Any],
    ) -> None:
        """Add frames; each array's first axis is n_frames, observables are (n_frames, ...)."""
        self._element("position", positions)
        if forces is not None:
            self._element("force", forces)
        if log_weights is not None:
            observables = {"log_weight": log_weights, **observables}
        for name, values in observables.items():
            _extend(self._file, f"observables/{name}/value", values)
        self.n_frames += len(positions)

    def _element(self, name: str, values: NDArray[Any]) -> None:
        group = f"{_PARTICLES}/{name}"
        _extend(self._file, f"{group}/value", np.asarray(values, dtype=np.float32))
        self._file[f"{group}/value"].attrs["unit"] = _UNITS[name]
        steps = np.arange(self.n_frames, self.n_frames + len(values)) // self._n_replicas
        _extend(self._file, f"{group}/step", steps)
        _extend(self._file, f"{group}/time", steps * self._interval)
        self._file[f"{group}/time"].attrs["unit"] = "ps"


def _write_head(file: h5py.File, topology: Topology) -> None:
    file.create_group("h5md").attrs["version"] = np.array([1, 1])
    file["h5md"].create_group("author").attrs["name"] = "cgpipe"
    creator = file["h5md"].create_group("creator")
    creator.attrs["name"], creator.attrs["version"] = "cgpipe", __version__
    box = file.create_group(f"{_PARTICLES}/box")
    box.attrs["dimension"], box.attrs["boundary"] = 3, ["none"] * 3
    file[_PARTICLES].create_dataset("mass", data=np.array(topology.masses), track_times=False)
    file.create_group("cgpipe").attrs["topology"] = json.dumps(topology.to_plain())


def _extend(file: h5py.File, name: str, values: NDArray[Any]) -> None:
    if name not in file:
        chunks = (min(_CHUNK_FRAMES, max(1, len(values))), *values.shape[1:])
        file.create_dataset(
            name, data=values, maxshape=(None, *values.shape[1:]), chunks=chunks, track_times=False, fletcher32=True
        )
        return
    dataset = file[name]
    dataset.resize(len(dataset) + len(values), axis=0)
    dataset[-len(values) :] = values


@contextmanager
def create_h5md(
    path: Path,
    topology: Topology,
    *,
    frame_interval: float,
    provenance: dict[str, Any],
    arrays: dict[str, NDArray[Any]] | None = None,
    n_replicas: int = 1,
) -> Iterator[H5mdWriter]:
    """Writer of a new file that appears under its name only when the block succeeds.

    frame_interval : ps
    arrays         : small arrays kept under `/cgpipe`
    n_replicas     : replicas that the frames hold, all of one time together
    Raises DataError if nothing was written or the disk is full.
    """
    with whole_file(path) as temporary:
        with new_hdf5(temporary) as file:
            writer = H5mdWriter(file, topology, frame_interval, n_replicas)
            file["cgpipe"].attrs["provenance"] = json.dumps(provenance, sort_keys=True)
            for name, values in {"n_replicas": np.array(n_replicas), **(arrays or {})}.items():
                file.create_dataset(f"cgpipe/{name}", data=values, track_times=False)
            yield writer
        if writer.n_frames == 0:
            raise DataError(f"{path} would hold no frame; the run is shorter than one frame interval")


class H5mdFile:
    """An H5MD file open for reading; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises DataError if the file is missing, damaged or not written by cgpipe."""
        self.path = path
        with self._whole():
            self._file = h5py.File(path, "r")
            self.topology = Topology.from_plain(json.loads(self._file["cgpipe"].attrs["topology"]), source=str(path))
            self.provenance: dict[str, Any] = dict(json.loads(self._file["cgpipe"].attrs["provenance"]))
            self._positions = require_present(self._file[f"{_PARTICLES}/position/value"])
            self.n_frames = len(self._positions)

    def _whole(self) -> AbstractContextManager[None]:
        """A block within which damage of the file is an error that names it."""
        return named_damage(self.path, expected="a whole trajectory of cgpipe", remedy="delete it and run again")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def frame_interval(self) -> float:
        """Time between frames, ps."""
        with self._whole():
            times = self._file[f"{_PARTICLES}/position/time"][:: self.n_replicas][:2]
        return float(times[1] - times[0]) if len(times) > 1 else 0.0

    @property
    def n_replicas(self) -> int:
        """Replicas that the frames hold, all of one time together."""
        with self._whole():
            count = int(self._file["cgpipe/n_replicas"][()])
            if not 1 <= count <= max(1, self.n_frames):
                raise ValueError(f"{count} replicas in {self.n_frames} frames")
        return count

    @property
    def lengths(self) -> list[int]:
        """Frames of each independent trajectory of a file that joins several, in order; replicas are not told apart."""
        values = self.array("lengths")
        with self._whole():
            lengths = [self.n_frames] if values is None else [int(length) for length in values]
            if min(lengths, default=0) < 0 or sum(lengths) != self.n_frames:
                raise ValueError(f"trajectories of {lengths} frames for {self.n_frames} in all")
        return lengths

    def array(self, name: str) -> NDArray[Any] | None:
        """Small array kept with the whole trajectory, or None."""
        return self._array(f"cgpipe/{name}")

    def observable(self, name: str) -> NDArray[Any] | None:
        """Observable of all frames, (n_frames, ...), or None."""
        return self._array(f"observables/{name}/value")

    def _array(self, name: str) -> NDArray[Any] | None:
        with self._whole():
            return np.asarray(require_present(self._file[name])) if name in self._file else None

    def frames(self, start: int = 0, stop: int | None = None) -> Trajectory:
        """Frames start..stop as a record. Raises DataError on a damaged chunk or values that are not finite."""
        piece = slice(start, stop)
        with self._whole():
            forces = self._file.get(f"{_PARTICLES}/force/value")
            weights = self._file.get("observables/log_weight/value")
            trajectory = Trajectory(
                self.topology,
                self._positions[piece],
                None if forces is None else forces[piece],
                None if weights is None else weights[piece],
            )
        require_finite(trajectory.positions, what="positions", source=str(self.path), first=start)
        if trajectory.forces is not None:
            require_finite(trajectory.forces, what="forces", source=str(self.path), first=start)
        return trajectory

    def selected(self, frames: NDArray[np.intp], size: int = 20_000) -> Iterator[Trajectory]:
        """The frames of rising numbers, (n_selected,), of which some are read at a time with those between them."""
        if not len(frames):
            return
        for start in range(int(frames[0]), int(frames[-1]) + 1, size):
            inside = frames[(frames >= start) & (frames < start + size)]
            if len(inside):
                yield self.frames(start, int(inside[-1]) + 1).part(inside - start)

    def chunks(self, size: int = 20_000) -> Iterator[Trajectory]:
        """All frames in order, at most `size` at a time, never of two independent trajectories together."""
        first = 0
        for length in self.lengths:
            for start in range(first, first + length, size):
                yield self.frames(start, min(start + size, first + length))
            first += length


def load_trajectories(path: Path) -> list[Trajectory]:
    """Each independent trajectory of a file, all frames at once, for beads, which are few."""
    with H5mdFile(path) as file:
        frames, lengths = file.frames(), file.lengths
    ends = np.cumsum(lengths)
    return [frames.part(slice(end - length, end)) for end, length in zip(ends, lengths, strict=True)]
