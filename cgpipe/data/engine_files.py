"""The user's own trajectories with forces, in the files of the common engines.

TRR holds nm and kJ/mol/nm, AMBER NetCDF angstrom and kcal/mol/angstrom, H5MD says it; the rest is declared.
"""

import importlib
import math
import os
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cgpipe.config.reference import FilesReferenceSection
from cgpipe.data.damage import named_damage, require_survivable
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.source import (
    FrameSource,
    RawTrajectory,
    frame_source,
    log_weights_of,
    open_array,
    open_pair,
    paired_shape,
    read_topology,
)
from cgpipe.data.topology import from_mdtraj
from cgpipe.errors import ConfigError, DataError
from cgpipe.units import ANGSTROM, KCAL

_KNOWN_UNITS = {
    "length_unit": {"nm": 1.0, "angstrom": ANGSTROM},
    "force_unit": {"kJ/mol/nm": 1.0, "kJ/mol/angstrom": 1.0 / ANGSTROM, "kcal/mol/angstrom": KCAL / ANGSTROM},
}
_LENGTHS = {"nanometer": "nm", "a": "angstrom", "å": "angstrom"}
_SPELLINGS = {**_LENGTHS, "kj": "kJ", "kilojoule": "kJ", "kilocalorie": "kcal", "mole": "mol"}
_FRAMES_AT_ONCE = 20_000
_REMEDY = "if it is damaged or incomplete, write it again"
_Pair = tuple[NDArray[Any], NDArray[Any]]
_Read = Callable[[int, int], _Pair]


def open_files(section: FilesReferenceSection) -> FrameSource:
    """Frames of the user's trajectories; the topology holds exactly their atoms.

    Raises ConfigError if a unit or a format is not known, DataError if a file is damaged, lacks forces or does not fit.
    """
    paths = [Path(name) for name in section.trajectories]
    trajectories = [_open(path, section, number) for number, path in enumerate(paths)]
    return frame_source(
        from_mdtraj(read_topology(Path(section.topology))),
        trajectories,
        log_weights=_log_weights(section, trajectories),
        length_advice="correct reference.length_unit, or the order of the atoms in reference.topology",
        force_advice="correct reference.force_unit, or find out what the engine wrote as forces",
    )


def _open(path: Path, section: FilesReferenceSection, number: int) -> RawTrajectory:
    if path.suffix == ".npy" and section.forces:
        return open_pair(path, Path(section.forces[number]), **_units(path, section))
    if path.suffix == ".npy":
        raise _without_forces(f"{path} (with nothing in reference.forces)")
    if section.forces:
        raise ConfigError(f"reference.forces belongs to npy trajectories; forces of {path} must be in that file")
    if path.suffix not in _READERS:
        raise ConfigError(f"reference.trajectories: {path} has no known format; known: .npy, {', '.join(_READERS)}")
    with named_damage(path, remedy=_REMEDY):
        return _READERS[path.suffix](path, section)


def _raw(
    path: Path, section: FilesReferenceSection, shape: tuple[int, int], read: _Read, **told: str | None
) -> RawTrajectory:
    """Trajectory whose file or format tells its units, `length_unit` and `force_unit`, or neither."""
    return RawTrajectory(str(path), shape, named_damage(path, remedy=_REMEDY)(read), **_units(path, section, **told))


def _units(path: Path, section: FilesReferenceSection, **told: str | None) -> dict[str, float]:
    """Units of positions and forces in nm and kJ/mol/nm, from what the file tells or the configuration declares."""
    return {key: _unit(path, key, getattr(section, key), told.get(key)) for key in _KNOWN_UNITS}


def _unit(path: Path, key: str, declared: str | None, told: str | None) -> float:
    units = _KNOWN_UNITS[key]
    if told is not None and told not in units:
        raise DataError(f"{path} has values in {told}; known units: {', '.join(units)}; convert the file")
    if declared and told and declared != told:
        raise DataError(f"{path} has values in {told} but reference.{key} is {declared}; correct it or leave it out")
    if (unit := told or declared) is None:
        raise ConfigError(f"{path} does not tell its units; set reference.{key}, for instance to {next(iter(units))}")
    return units[unit]


def _without_forces(what: str) -> DataError:
    return DataError(
        f"{what} has no forces; run the engine again and write them with all positions: GROMACS nstfout = nstxout; "
        "AMBER ioutfm = 1, ntwf = -1; LAMMPS dump custom with fx fy fz; OpenMM a reporter that saves State.getForces()"
    )


def _open_npz(path: Path, section: FilesReferenceSection) -> RawTrajectory:
    archive = zipfile.ZipFile(path)
    members = [name.removesuffix(".npy") for name in archive.namelist()]
    key = "positions" if "positions" in members else "coordinates"
    if key not in members:
        raise DataError(f"{path} holds {', '.join(members)}; expected `positions` or `coordinates`, and `forces`")
    if "forces" not in members:
        raise _without_forces(str(path))
    positions, forces = (_ArchivedArray(archive, member) for member in (key, "forces"))
    shape = paired_shape(positions.shape, forces.shape, positions=f"{path}: {key}", forces="forces")
    return _raw(path, section, shape, lambda start, stop: (positions.read(start, stop), forces.read(start, stop)))


class _ArchivedArray:
    """Array of an npz archive, unpacked frame by frame; going back unpacks from the beginning."""

    def __init__(self, archive: zipfile.ZipFile, member: str) -> None:
        self._stream = archive.open(f"{member}.npy")
        is_first = np.lib.format.read_magic(self._stream) == (1, 0)
        header = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
        self.shape, fortran, self._dtype = header(self._stream)
        if fortran or self._dtype.hasobject:
            raise ValueError(f"{member} holds Python objects or is in Fortran order")
        self._first = self._stream.tell()

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Frames start..stop, (n_frames, ...)."""
        size = self._dtype.itemsize * math.prod(self.shape[1:])
        self._stream.seek(self._first + start * size)
        data = self._stream.read((stop - start) * size)
        return np.frombuffer(data, self._dtype).reshape(stop - start, *self.shape[1:])


def _open_h5md(path: Path, section: FilesReferenceSection) -> RawTrajectory:
    """Our own files and those of other programs, which may name their group of particles as they like."""
    with h5py.File(path) as file:
        groups = [name for name, group in file["particles"].items() if "position" in group]
        if len(groups) != 1:
            raise DataError(f"{path} has {len(groups)} groups with positions ({', '.join(groups)}), expected one")
        names = [f"particles/{groups[0]}/{element}/value" for element in ("position", "force")]
        if names[1] not in file:
            raise _without_forces(str(path))
        shape = paired_shape(*(file[name].shape for name in names), positions=f"{path}: positions", forces="forces")
        units = [_spoken(file[name].attrs.get("unit")) for name in names]

    def read(start: int, stop: int) -> _Pair:
        with h5py.File(path) as file:
            return file[names[0]][start:stop], file[names[1]][start:stop]

    return _raw(path, section, shape, read, length_unit=units[0], force_unit=units[1])


def _open_rehearsed(path: Path, section: FilesReferenceSection) -> RawTrajectory:
    """The same, once a copy of this process has read all of it and lived."""

    def read_all() -> None:
        raw = _open_h5md(path, section)
        for start in range(0, raw.shape[0], _FRAMES_AT_ONCE):
            raw.read(start, start + _FRAMES_AT_ONCE)

    require_survivable(read_all, path, remedy=_REMEDY)
    return _open_h5md(path, section)


def _spoken(unit: Any) -> str | None:
    """Our name of a unit as other programs write it.

    >>> _spoken("kcal mol-1 Angstrom-1"), _spoken(b"kilojoule/mole/nanometer"), _spoken(None)
    ('kcal/mol/angstrom', 'kJ/mol/nm', None)
    """
    if unit is None:
        return None
    text = unit.decode() if isinstance(unit, bytes) else str(unit)
    words = (word.removesuffix("s") for word in re.findall(r"[^\W\d_]+", text.lower()))
    return "/".join(_SPELLINGS.get(word, word) for word in words)


def _mdanalysis(module: str) -> Any:
    try:
        return importlib.import_module(f"MDAnalysis.{module}")
    except ImportError as error:
        raise ConfigError("TRR, NetCDF and LAMMPS files need MDAnalysis: pip install cgpipe[files]") from error


def _open_trr(path: Path, section: FilesReferenceSection) -> RawTrajectory:
    file = _mdanalysis("lib.formats.libmdaxdr").TRRFile(str(path))

    def read(start: int, stop: int) -> _Pair:
        file.seek(start)
        frames = [file.read() for _ in range(start, stop)]
        return _joined(path, start, [(frame.x, frame.f if frame.hasx and frame.hasf else None) for frame in frames])

    read(0, 1)
    shape = len(file), file.n_atoms
    return _raw(path, section, shape, read, length_unit="nm", force_unit="kJ/mol/nm")


def _open_by(path: Path, section: FilesReferenceSection, *, reader: str, **told: str) -> RawTrajectory:
    """Trajectory of an MDAnalysis reader, which must not convert units: its own are angstrom and kJ/mol/angstrom."""
    module, name = reader.split(".")
    file = getattr(_mdanalysis(f"coordinates.{module}"), name)(str(path), convert_units=False)

    def read(start: int, stop: int) -> _Pair:
        steps = file[start:stop]
        frames = [(step.positions.copy(), step.forces.copy() if step.has_forces else None) for step in steps]
        return _joined(path, start, frames)

    read(0, 1)
    return _raw(path, section, (file.n_frames, file.n_atoms), read, **told)


def _joined(path: Path, start: int, frames: list[tuple[NDArray[Any], NDArray[Any] | None]]) -> _Pair:
    """Positions and forces of single frames as (n_frames, n_atoms, 3)."""
    forces = [force for _, force in frames if force is not None]
    if len(forces) < len(frames):
        lacking = start + [force is None for _, force in frames].index(True)
        raise _without_forces(f"frame {lacking} of {path}")
    return np.stack([positions for positions, _ in frames]), np.stack(forces)


def _open_lammps(path: Path, section: FilesReferenceSection) -> RawTrajectory:
    """Text, where a number that was cut off is another number; MDAnalysis leaves out frames that lack whole lines."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            raise DataError(f"{path} ends within a line, as if its engine was killed; remove the last frame")
    return _open_by(path, section, reader="LAMMPS.DumpReader")


_NETCDF = partial(_open_by, reader="TRJ.NCDFReader", length_unit="angstrom", force_unit="kcal/mol/angstrom")
_READERS: dict[str, Callable[[Path, FilesReferenceSection], RawTrajectory]] = {
    ".npz": _open_npz,
    **dict.fromkeys((".h5md", ".h5", ".hdf5"), _open_rehearsed),
    ".trr": _open_trr,
    **dict.fromkeys((".nc", ".ncdf"), _NETCDF),
    **dict.fromkeys((".dump", ".lammpsdump"), _open_lammps),
}


def _log_weights(section: FilesReferenceSection, trajectories: list[RawTrajectory]) -> list[NDArray[np.float64]] | None:
    """Logarithmic weights of each trajectory: of the named files, or of our own H5MD files, if they have them."""
    if section.weights:
        arrays = [open_array(Path(name)) for name in section.weights]
        lengths = [trajectory.shape[0] for trajectory in trajectories]
        for name, array, length in zip(section.weights, arrays, lengths, strict=True):
            if array.shape != (length,):
                raise DataError(f"{name} has shape {array.shape}, expected a weight for each of {length} frames")
        return log_weights_of(np.concatenate(arrays), lengths, name=", ".join(section.weights))
    own = [_own_log_weights(Path(name)) for name in section.trajectories]
    found = [weights for weights in own if weights is not None]
    if found and len(found) < len(own):
        raise DataError(f"{len(found)} of {len(own)} trajectories have weights; name those of all in reference.weights")
    return found or None


def _own_log_weights(path: Path) -> NDArray[np.float64] | None:
    if _READERS.get(path.suffix) is not _open_rehearsed:
        return None
    with named_damage(path, remedy=_REMEDY), h5py.File(path) as file:
        if "cgpipe" not in file:
            return None
    with H5mdFile(path) as own:
        return own.observable("log_weight")
