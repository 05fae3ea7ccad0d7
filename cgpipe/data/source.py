"""Frames of positions and forces from any origin, converted to internal units while they are read."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
from numpy.typing import NDArray

from cgpipe.data.damage import named_damage
from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Array, Trajectory, require_finite
from cgpipe.errors import DataError

_ATOM_FORCES = (260.0, 1850.0)
"""RMS force component on atoms, kJ/mol/nm; classical force fields at 300-350 K give 470 (all bonds rigid) to 1050."""
_BEAD_FORCES = (150.0, 2500.0)
"""The same for C-alpha beads: 740 to 1250 for the force on the atom itself, less where a force map averages."""
_BOND_LENGTHS = {"of C-alpha beads": (0.33, 0.43), "to hydrogen": (0.08, 0.13), "of heavy atoms": (0.10, 0.22)}
"""Lengths of the middle bond of each kind, nm."""
_LENGTH_MISTAKES = {10.0: ("angstrom", "nm")}
"""Factor by which values come out too large: of which unit, if they are taken for which other."""
_FORCE_MISTAKES = {
    41.84: ("kJ/mol/nm", "kcal/mol/angstrom"),
    10.0: ("kJ/mol/nm", "kJ/mol/angstrom"),
    4.184: ("kJ/mol/angstrom", "kcal/mol/angstrom"),
}


@dataclass(frozen=True)
class RawTrajectory:
    """One independent trajectory as its file has it."""

    name: str
    """File that messages name."""
    shape: tuple[int, int]
    """Numbers of frames and atoms."""
    read: Callable[[int, int], tuple[Array, Array]]
    """Positions and forces of the frames start..stop, (n_frames, n_atoms, 3) each."""
    length_unit: float
    """Unit of the positions, nm."""
    force_unit: float
    """Unit of the forces, kJ/mol/nm."""


@dataclass(frozen=True)
class FrameSource:
    """Independent trajectories of one molecule, read a few frames at a time."""

    topology: Topology
    lengths: tuple[int, ...]
    """Frames of each trajectory, in order."""
    read: Callable[[int, int, int], Trajectory]
    """(trajectory number, start, stop) -> frames, float32; raises DataError on damage or values that are not finite."""
    length_advice: str
    """What to do if the positions prove to have another unit."""
    force_advice: str
    """What to do if the forces prove to have another unit."""

    def chunks(self, size: int = 20_000) -> Iterator[Trajectory]:
        """All frames in order, at most `size` at a time and never of two trajectories."""
        for number, length in enumerate(self.lengths):
            for start in range(0, length, size):
                yield self.read(number, start, min(start + size, length))


def frame_source(
    topology: Topology,
    trajectories: Sequence[RawTrajectory],
    *,
    log_weights: Sequence[NDArray[np.float64]] | None,
    length_advice: str,
    force_advice: str,
) -> FrameSource:
    """Source of the frames of raw trajectories.

    log_weights : (n_frames,) of each trajectory, or None where all frames count the same
    Raises DataError if a trajectory and the topology differ in their number of atoms.
    """
    for trajectory in trajectories:
        if trajectory.shape[1] != topology.n_sites:
            raise DataError(
                f"{trajectory.name} has {trajectory.shape[1]} atoms a frame but the topology has {topology.n_sites}; "
                "give the topology of exactly the atoms that were written"
            )

    def read(number: int, start: int, stop: int) -> Trajectory:
        weights = None if log_weights is None else log_weights[number][start:stop]
        return _convert(topology, trajectories[number], start, stop, weights)

    lengths = tuple(trajectory.shape[0] for trajectory in trajectories)
    return FrameSource(topology, lengths, read, length_advice, force_advice)


def _convert(
    topology: Topology, raw: RawTrajectory, start: int, stop: int, weights: NDArray[np.float64] | None
) -> Trajectory:
    raw_positions, raw_forces = raw.read(start, stop)
    positions, forces = _scaled(raw_positions, raw.length_unit), _scaled(raw_forces, raw.force_unit)
    for what, array in (("positions", positions), ("forces", forces)):
        require_finite(array, what=what, source=raw.name, first=start)
    return Trajectory(topology, positions, forces, weights)


def _scaled(values: Array, unit: float) -> NDArray[np.float32]:
    """Product in float64, rounded once: float32 values that were exported in another unit as float64 come back."""
    return (np.asarray(values, dtype=np.float64) * unit).astype(np.float32)


def read_topology(path: Path) -> mdtraj.Topology:
    """Topology of a PDB file. Raises DataError if it is missing or is none."""
    with named_damage(path, expected="a PDB file with ATOM records", remedy="give a file as the RCSB writes them"):
        return mdtraj.load_topology(str(path))


def open_array(path: Path) -> NDArray[Any]:
    """Array of an npy file, mapped, not read. Raises DataError if it is missing, damaged or holds Python objects."""
    with named_damage(path, remedy="delete it and fetch or write it again"):
        return np.lib.format.open_memmap(path, mode="r")


def open_pair(positions: Path, forces: Path, *, length_unit: float, force_unit: float) -> RawTrajectory:
    """One trajectory in two npy files, mapped anew for each read, so that thousands of them keep no file open.

    length_unit, force_unit : nm and kJ/mol/nm
    Raises DataError if a file is damaged or the two do not fit.
    """
    shape = paired_shape(
        open_array(positions).shape, open_array(forces).shape, positions=str(positions), forces=str(forces)
    )

    def read(start: int, stop: int) -> tuple[Array, Array]:
        return open_array(positions)[start:stop], open_array(forces)[start:stop]

    return RawTrajectory(str(positions), shape, read, length_unit, force_unit)


def paired_shape(
    positions_shape: tuple[int, ...], forces_shape: tuple[int, ...], *, positions: str, forces: str
) -> tuple[int, int]:
    """Numbers of frames and atoms of two arrays, given with their names. Raises DataError if they do not fit."""
    if len(positions_shape) != 3 or positions_shape[2] != 3 or positions_shape[0] == 0:
        raise DataError(f"{positions} has shape {positions_shape}, expected (n_frames, n_atoms, 3)")
    if positions_shape != forces_shape:
        raise DataError(
            f"{positions} has shape {positions_shape} but {forces} has shape {forces_shape}; "
            "positions and forces must be of the same frames and atoms"
        )
    return positions_shape[0], positions_shape[1]


def log_weights_of(weights: NDArray[Any], lengths: Sequence[int], *, name: str) -> list[NDArray[np.float64]]:
    """Logarithms of the statistical weights of joined trajectories, (n_frames,) for each trajectory.

    A weight of zero becomes the largest one times 2e-308, which adds nothing to any average but stays finite.
    Raises DataError if weights are too many or too few, negative, not finite, or all zero.
    """
    if weights.shape != (sum(lengths),):
        raise DataError(f"{name} has weights of shape {weights.shape} for {sum(lengths)} frames, expected one for each")
    values = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise DataError(f"{name}: weights lie between {values.min()} and {values.max()}, expected finite ones above 0")
    logarithms = np.log(np.maximum(values / values.max(), np.finfo(np.float64).tiny))
    return np.split(logarithms, np.cumsum(lengths)[:-1])


def require_plausible(source: FrameSource, *, n_frames: int = 200) -> None:
    """Judge units by bond lengths and forces of frames that are spread over all trajectories.

    A factor of 10, 4.184 or 41.84 in a typical data set is refused; so is a molecule that a periodic box cuts.
    Raises DataError that names the value, the expected range and the likely mistake.
    """
    sample = list(_sample(source, n_frames))
    _require_lengths(source, np.concatenate([frames.positions for frames in sample]))
    _require_forces(source, np.concatenate([frames.forces for frames in sample if frames.forces is not None]))


def _sample(source: FrameSource, n_frames: int) -> Iterator[Trajectory]:
    """Single frames at equal distances in the joined trajectories."""
    ends = np.cumsum(source.lengths)
    for frame in np.unique(np.linspace(0, ends[-1] - 1, n_frames).astype(int)).tolist():
        number = int(np.searchsorted(ends, frame, side="right"))
        start = frame - int(ends[number]) + source.lengths[number]
        yield source.read(number, start, start + 1)


def _is_calpha(topology: Topology) -> bool:
    return set(topology.names) == {"CA"}


def _bond_kind(topology: Topology, bond: tuple[int, int]) -> str:
    if _is_calpha(topology):
        return "of C-alpha beads"
    return "to hydrogen" if "H" in {topology.elements[site] for site in bond} else "of heavy atoms"


def _require_lengths(source: FrameSource, positions: Array) -> None:
    topology = source.topology
    if not topology.bonds:
        raise DataError("the topology names no bonds, so units cannot be checked; add CONECT records to the PDB file")
    for kind in sorted({_bond_kind(topology, bond) for bond in topology.bonds}):
        pairs = np.array([bond for bond in topology.bonds if _bond_kind(topology, bond) == kind])
        lengths = np.linalg.norm(positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]], axis=-1)
        middle, (low, high) = float(np.median(lengths.mean(axis=0))), _BOND_LENGTHS[kind]
        if not low <= middle <= high:
            mistake = _likely_mistake(middle / math.sqrt(low * high), _LENGTH_MISTAKES)
            raise DataError(
                f"bonds {kind} are {middle:.3g} nm long on average, expected {low} to {high}{mistake}; "
                f"{source.length_advice}"
            )
        _require_whole(topology, pairs, lengths, limit=2 * high)


def _require_whole(topology: Topology, pairs: NDArray[np.intp], lengths: Array, *, limit: float) -> None:
    frame, bond = np.unravel_index(int(lengths.argmax()), lengths.shape)
    if lengths[frame, bond] > limit:
        ends = " and ".join(topology.labels[site] for site in pairs[bond])
        raise DataError(
            f"{ends} are bonded but {lengths[frame, bond]:.2f} nm apart in a frame, as if a periodic box cut the "
            "molecule; make it whole in the trajectory, for instance by `gmx trjconv -pbc whole` or cpptraj `autoimage`"
        )


def _require_forces(source: FrameSource, forces: Array) -> None:
    low, high = _BEAD_FORCES if _is_calpha(source.topology) else _ATOM_FORCES
    middle = float(np.median(np.sqrt((forces**2).mean(axis=(1, 2)))))
    if not low <= middle <= high:
        mistake = _likely_mistake(middle / math.sqrt(low * high), _FORCE_MISTAKES)
        raise DataError(
            f"the RMS force component is {middle:.1f} kJ/mol/nm, expected {low:g} to {high:g}{mistake}; "
            f"{source.force_advice}"
        )


def _likely_mistake(ratio: float, mistakes: dict[float, tuple[str, str]]) -> str:
    """Confusion of units that explains best by which factor values are off, or nothing within a factor of two."""
    errors = {
        abs(math.log(max(ratio, 1e-30) * factor)): f" (perhaps {true} was taken for {taken})"
        for size, (large, small) in mistakes.items()
        for factor, true, taken in ((1 / size, large, small), (size, small, large))
    }
    return errors[min(errors)] if min(errors) < math.log(2) else ""
