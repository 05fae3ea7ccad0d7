"""The loop: replicas in one batch, recorded in segments, stopped when one leaves the physical range.

A segment starts from the positions and velocities of the last one and draws the noise of each replica from a stream of
its own, named by replica and segment. So interruptions do not change the bits, nor does sharing replicas among jobs
change the noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.config.sections import SimulationSection
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import UnstableError
from cgpipe.potential import Potential
from cgpipe.progress import Progress
from cgpipe.seeding import stream
from cgpipe.simulation.ladder import Ladder
from cgpipe.simulation.replay import Advance, stepper
from cgpipe.simulation.stability import BondLimits, bond_stretch, find_failure
from cgpipe.simulation.state import State, begin, kinetic_temperature, thermal_velocities, to_arrays
from cgpipe.units import BOLTZMANN, FEMTOSECOND, PICOSECONDS_PER_NANOSECOND, thermal_energy

_NOISE_BYTES = 1 << 26


@dataclass(frozen=True)
class Setting:
    """What stays the same during a run."""

    potential: Potential
    section: SimulationSection
    masses: NDArray[np.float64]
    """(n_beads,), amu."""
    bonds: BondLimits
    thermal_energy: float
    replicas: range
    root_seed: int
    dtype: torch.dtype
    device: torch.device

    @cached_property
    def ladder(self) -> Ladder:
        """Temperatures of each replica's copies."""
        section = self.section.tempering
        hotter = () if section is None else map(thermal_energy, section.temperatures_K)
        return Ladder((self.thermal_energy, *hotter))

    @property
    def rows(self) -> list[tuple[int, ...]]:
        """Names of the rows of the batch: a replica, and above it the level of the copy."""
        levels = range(self.ladder.n_levels)
        return [(replica, *([level] if level else [])) for replica in self.replicas for level in levels]

    @property
    def timestep(self) -> float:
        """ps."""
        return self.section.timestep_fs * FEMTOSECOND

    @property
    def steps_per_frame(self) -> int:
        """Steps between recorded frames."""
        return max(1, round(self.section.frame_interval_ps / self.timestep))

    @property
    def frames_per_segment(self) -> int:
        """Frames in each segment but the last."""
        return max(1, round(self.section.segment_ps / self.section.frame_interval_ps))


class ReplicaError(Exception):
    """A replica failed within a segment: what to say, its place in the batch, its earlier frames of the segment."""

    def __init__(self, text: str, replica: int, frames: list[NDArray[np.float32]] | None) -> None:
        """frames : None of a copy whose frames are not recorded."""
        super().__init__(text)
        self.replica, self.frames = replica, frames

    def told(self, store: SegmentStore) -> UnstableError:
        """The error for the user, with frames of the segment before where this one has none."""
        error = UnstableError(str(self))
        error.frames = np.array(self.frames or [])
        if self.frames == [] and store.n_segments:
            error.frames = store.last_frames()["positions"][:, self.replica]
        return error


def simulate(setting: Setting, start: NDArray[np.floating], store: SegmentStore) -> None:
    """All segments into `store`, from where an earlier run stopped.

    start : (n_replicas, n_beads, 3), nm
    A segment holds positions (n_frames, n_replicas, n_beads, 3), and what was measured on them (n_frames, n_replicas).
    Raises UnstableError that names replica, step and beads; its `frames` are the last sane ones.
    """
    n_frames = round(setting.section.length_ps / setting.section.frame_interval_ps)
    per_segment = setting.frames_per_segment
    starts = list(range(0, n_frames, per_segment))
    scale = len(setting.replicas) * setting.section.frame_interval_ps / PICOSECONDS_PER_NANOSECOND
    first = store.n_segments
    label = f"simulate replicas {setting.replicas.start}-{setting.replicas.stop - 1}"
    done = min(first * per_segment, n_frames) * scale
    advance: Advance | None = None
    with Progress(label, total=n_frames * scale, unit="ns", done=done, per_day=True) as progress, torch.no_grad():
        for index in range(first, len(starts)):
            arrays = store.state() or _first_state(setting, start)
            state = begin(arrays, setting.masses, setting.potential, dtype=setting.dtype, device=setting.device)
            count = min(per_segment, n_frames - starts[index])
            advance = advance or stepper(
                state,
                setting.potential,
                timestep=setting.timestep,
                friction=setting.section.friction_per_ps,
                thermal_energy=setting.thermal_energy,
            )
            try:
                state, frames = _segment(setting, state, advance, index, count, progress, scale)
            except ReplicaError as error:
                raise error.told(store) from error
            store.append(frames, to_arrays(state))


def _first_state(setting: Setting, start: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    velocities = thermal_velocities(
        setting.masses, setting.thermal_energy, rows=setting.rows, root_seed=setting.root_seed
    )
    if (n_levels := setting.ladder.n_levels) > 1:
        velocities *= setting.ladder.relative_widths(len(start)).numpy()[:, None, None]
    return {"positions": np.repeat(start, n_levels, axis=0), "velocities": velocities}


def _segment(
    setting: Setting, state: State, advance: Advance, index: int, count: int, progress: Progress, scale: float
) -> tuple[State, dict[str, NDArray[np.floating]]]:
    """State and frames after one segment of `count` frames."""
    frames: list[dict[str, NDArray[np.float32]]] = []
    generators = [stream(setting.root_seed, "noise", replica, index, *level) for replica, *level in setting.rows]
    chances = [stream(setting.root_seed, "exchange", replica, index) for replica in setting.replicas]
    for frame in range(count):
        for noise in _noise(setting, generators):
            state = advance(state, noise)
        stretch = bond_stretch(state.positions, setting.bonds)
        _require_sane(setting, stretch, (index, frame), frames)
        frames.append(_measured(setting.ladder, state, stretch))
        if setting.ladder.n_levels > 1:
            uniform = np.stack([chance.random(setting.ladder.n_levels - 1) for chance in chances])
            turn = index * setting.frames_per_segment + frame
            state, share = setting.ladder.exchange(state, torch.from_numpy(uniform), turn=turn)
            frames[-1]["exchanged"] = share.numpy().astype(np.float32)
        progress.update(scale)
    return state, {name: np.stack([row[name] for row in frames]) for name in frames[0]}


def _measured(ladder: Ladder, state: State, stretch: Tensor) -> dict[str, NDArray[np.float32]]:
    """What is recorded of a frame, (n_replicas, ...) each."""
    values = {
        "positions": state.positions,
        "potential_energy": state.energy,
        "kinetic_temperature": kinetic_temperature(state),
        "bond_stretch": stretch.max(dim=1).values,
    }
    return {name: ladder.lowest(value).cpu().numpy().astype(np.float32) for name, value in values.items()}


def _noise(setting: Setting, generators: list[np.random.Generator]) -> Iterator[Tensor]:
    """Normal numbers of the steps to the next frame, (n_steps, n_rows, n_beads, 3) in a few pieces."""
    shape = (len(setting.masses), 3)
    widths = None
    if setting.ladder.n_levels > 1:  # the noise alone knows the temperature
        widths = setting.ladder.relative_widths(len(setting.replicas))[:, None, None].to(setting.device, setting.dtype)
    at_once = max(1, _NOISE_BYTES // (4 * 3 * len(setting.masses) * len(generators)))
    for first in range(0, setting.steps_per_frame, at_once):
        size = (min(at_once, setting.steps_per_frame - first), *shape)
        block = np.stack([rng.standard_normal(size, dtype=np.float32) for rng in generators], axis=1)
        noise = torch.from_numpy(block).to(setting.device, setting.dtype)
        if widths is not None:
            noise *= widths
        yield noise


def _require_sane(
    setting: Setting, stretch: Tensor, place: tuple[int, int], earlier: list[dict[str, NDArray[np.float32]]]
) -> None:
    """Raises UnstableError with the earlier frames of the segment; place is (segment, frame)."""
    failure = find_failure(stretch, setting.bonds)
    if failure is None:
        return
    step = (place[0] * setting.frames_per_segment + place[1] + 1) * setting.steps_per_frame
    replica, level = divmod(failure.replica, setting.ladder.n_levels)
    copy = f" (its copy at {setting.ladder.thermal_energies[level] / BOLTZMANN:.0f} K)" if level else ""
    text = (
        f"replica {setting.replicas[replica]}{copy} left the physical range before step {step}: {failure.reason}; "
        "lower simulation.timestep_fs, or train on more data if the model is to blame"
    )
    raise ReplicaError(text, replica, None if level else [frame["positions"][replica] for frame in earlier])
