"""Trajectories of the atomistic system: one that builds a bias, one that records frames.

Both run in segments. Each segment starts from float64 positions and velocities and a seed of its own, so work that was
killed and resumed gives the same bits as work that was not, on any platform that is deterministic at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import openmm
import torch
from numpy.typing import NDArray
from openmm import unit

from cgpipe.config.sections import BiasSection, OpenMMReferenceSection
from cgpipe.data.segments import Arrays, SegmentStore
from cgpipe.errors import UnstableError
from cgpipe.geometry import dihedrals
from cgpipe.progress import Progress
from cgpipe.reference.bias import BIAS_GROUP, TorsionBias, bias_force, tempered_height, update_force, with_hill
from cgpipe.reference.system import AtomisticSystem, create_context, langevin
from cgpipe.seeding import integer_seed
from cgpipe.units import FEMTOSECOND, PICOSECONDS_PER_NANOSECOND, thermal_energy

_UNBIASED = set(range(BIAS_GROUP))


@dataclass(frozen=True)
class Streams:
    """Named random streams of one trajectory."""

    root_seed: int
    name: str

    def segment(self, index: int) -> int:
        """Seed of a segment's thermostat and first velocities."""
        return integer_seed(self.root_seed, self.name, index)


class Dynamics:
    """A context on the unbiased system plus, where given, a bias in its own force group."""

    def __init__(
        self, atomistic: AtomisticSystem, section: OpenMMReferenceSection, bias: TorsionBias | None = None
    ) -> None:
        self._section = section
        system = openmm.XmlSerializer.clone(atomistic.system)
        self._force = None if bias is None else bias_force(bias)
        if self._force is not None:
            system.addForce(self._force)
        self._integrator = langevin(section)
        self._context = create_context(system, self._integrator, atomistic.platform)
        self._start_positions = atomistic.positions

    def begin(self, state: Arrays | None, seed: int) -> None:
        """Start a segment from a state, or at the minimum with thermal velocities and an equilibration."""
        self._integrator.setRandomNumberSeed(seed)
        self._context.reinitialize()
        positions = self._start_positions if state is None else state["positions"]
        # The molecule diffuses freely; near the origin float32 frames keep their precision.
        self._context.setPositions(positions - positions.mean(axis=0))
        if state is None:
            self._context.setVelocitiesToTemperature(self._section.temperature_K, seed)
            self.step(self._section.equilibration_ps)
        else:
            self._context.setVelocities(state["velocities"])

    def step(self, duration: float) -> None:
        """Advance by a duration in ps. Raises UnstableError if coordinates become NaN."""
        try:
            self._integrator.step(round(duration / (self._section.timestep_fs * FEMTOSECOND)))
        except openmm.OpenMMException as error:
            raise UnstableError(f"the atomistic trajectory failed: {error}; lower reference.timestep_fs") from error

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Positions in nm and velocities in nm/ps, (n_atoms, 3) each."""
        state = self._context.getState(positions=True, velocities=True)
        return {
            "positions": state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
            "velocities": state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond),
        }

    def frame(self) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """Positions (nm) and unbiased forces (kJ/mol/nm), (n_atoms, 3) each, and potential energy (kJ/mol)."""
        state = self._context.getState(positions=True, forces=True, energy=True, groups=_UNBIASED)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        return positions.astype(np.float32), forces.astype(np.float32), energy

    def bias_energy(self) -> float:
        """Energy of the bias, kJ/mol."""
        state = self._context.getState(energy=True, groups={BIAS_GROUP})
        return float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))

    def set_bias(self, bias: TorsionBias) -> None:
        """Replace the table of the bias."""
        update_force(self._force, bias, self._context)


def _segment_counts(total: float, step: float, segment: float) -> Iterator[int]:
    """Counts of steps in each segment; all lengths in ps."""
    n_steps, per_segment = round(total / step), max(1, round(segment / step))
    for first in range(0, n_steps, per_segment):
        yield min(per_segment, n_steps - first)


def build_bias(
    atomistic: AtomisticSystem,
    section: OpenMMReferenceSection,
    bias_section: BiasSection,
    flat: TorsionBias,
    *,
    streams: Streams,
    store: SegmentStore,
) -> TorsionBias:
    """Bias of one walker after its whole length of well-tempered metadynamics; resumes from `store`."""
    dynamics = Dynamics(atomistic, section, flat)
    interval, length = bias_section.hill_interval_ps, bias_section.build_length_ns * PICOSECONDS_PER_NANOSECOND
    counts = list(_segment_counts(length, interval, section.segment_ps))
    done = sum(counts[: store.n_segments]) * interval / PICOSECONDS_PER_NANOSECOND
    state = store.state()
    bias = flat if state is None else replace(flat, table=np.asarray(state["table"], dtype=np.float64))
    with Progress(f"bias {streams.name}", total=length / 1000, unit="ns", done=done, per_day=True) as progress:
        for index, count in list(enumerate(counts))[store.n_segments :]:
            dynamics.set_bias(bias)
            dynamics.begin(state, streams.segment(index))
            for _ in range(count):
                dynamics.step(interval)
                bias = _grown(bias, dynamics, section, bias_section)
                dynamics.set_bias(bias)
                progress.update(interval / PICOSECONDS_PER_NANOSECOND)
            state = {**dynamics.state(), "table": bias.table}
            store.append({}, state)
    return bias


def _grown(
    bias: TorsionBias, dynamics: Dynamics, section: OpenMMReferenceSection, bias_section: BiasSection
) -> TorsionBias:
    """Bias plus the hill that belongs to the present torsions."""
    positions = torch.from_numpy(dynamics.state()["positions"])
    centre = dihedrals(positions, torch.tensor(bias.quadruples)).numpy()
    height = tempered_height(bias_section, dynamics.bias_energy(), thermal_energy(section.temperature_K))
    return with_hill(bias, centre, height=height, width=float(np.deg2rad(bias_section.hill_width_deg)))


def record_trajectory(
    atomistic: AtomisticSystem,
    section: OpenMMReferenceSection,
    bias: TorsionBias | None,
    *,
    length: float,
    streams: Streams,
    store: SegmentStore,
) -> None:
    """Frames with unbiased forces into `store`, from where an earlier run stopped.

    length : ps, after the equilibration
    Each segment holds positions, forces, potential_energy and, under a bias, log_weights = V/kT.
    """
    dynamics = Dynamics(atomistic, section, bias)
    interval = section.frame_interval_ps
    counts = list(_segment_counts(length, interval, section.segment_ps))
    done = sum(counts[: store.n_segments]) * interval / PICOSECONDS_PER_NANOSECOND
    total = length / PICOSECONDS_PER_NANOSECOND
    with Progress(f"trajectory {streams.name}", total=total, unit="ns", done=done, per_day=True) as progress:
        for index, count in list(enumerate(counts))[store.n_segments :]:
            dynamics.begin(store.state(), streams.segment(index))
            store.append(_record(dynamics, section, count, progress, biased=bias is not None), dynamics.state())


def _record(
    dynamics: Dynamics, section: OpenMMReferenceSection, count: int, progress: Progress, *, biased: bool
) -> dict[str, NDArray[np.float64] | NDArray[np.float32]]:
    """Arrays of one segment of `count` frames."""
    rows = []
    for _ in range(count):
        dynamics.step(section.frame_interval_ps)
        rows.append((*dynamics.frame(), dynamics.bias_energy() if biased else 0.0))
        progress.update(section.frame_interval_ps / PICOSECONDS_PER_NANOSECOND)
    positions, forces, energies, bias_energies = (np.array(column) for column in zip(*rows, strict=True))
    frames = {"positions": positions, "forces": forces, "potential_energy": energies}
    if biased:
        frames["log_weights"] = bias_energies / thermal_energy(section.temperature_K)
    return frames
