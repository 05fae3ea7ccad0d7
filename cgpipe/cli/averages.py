"""Mean forces of configurations, from atomistic starts to a file of beads: what `meanforce` and `explore` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.map import Maps
from cgpipe.config.reference import MeanForceSection, OpenMMReferenceSection
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import DataError, UnstableError
from cgpipe.provenance import fingerprint
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.mean_force import Lead, record_mean_forces, with_held
from cgpipe.reference.system import AtomisticSystem

_NO_TIME = 0.0
"""Between configurations, which follow one another but not in time."""


@dataclass(frozen=True)
class Starts:
    """Recorded frames from which configurations are averaged."""

    positions: NDArray[np.floating]
    """(n_configurations, n_atoms, 3), nm."""
    source: NDArray[np.intp]
    """(n_configurations, 2), trajectory and frame of each."""
    lengths: NDArray[np.intp]
    """(n_trajectories,), frames of each trajectory."""


def read_starts(paths: list[Path], source: NDArray[np.intp], atomistic: AtomisticSystem) -> Starts:
    """Frames of trajectories in the order of `source`, (n_configurations, 2).

    Raises DataError if a file is of another molecule.
    """
    positions: NDArray[np.floating] = np.empty((len(source), atomistic.topology.n_sites, 3), dtype=np.float32)
    lengths = []
    for number, path in enumerate(paths):
        with H5mdFile(path) as file:
            if file.topology != atomistic.topology:
                raise DataError(f"{path} is not of the molecule of the system file; make both again")
            lengths.append(file.n_frames)
            mine = np.flatnonzero(source[:, 0] == number)
            frames, place = np.unique(source[mine, 1], return_inverse=True)
            if len(frames):
                found = np.concatenate([part.positions for part in file.selected(frames)])
                positions[mine] = found[place]
    return Starts(positions, source, np.array(lengths))


def write_averages(
    output: Path,
    starts: Starts,
    *,
    atomistic: AtomisticSystem,
    maps: Maps,
    section: OpenMMReferenceSection,
    mean_force: MeanForceSection,
    name: str,
    seed: int,
    record: dict[str, Any],
    targets: NDArray[np.float64] | None = None,
    lead_ps: float = 0.0,
) -> None:
    """Average over all starts and write beads and mean forces; resumes where it was killed.

    targets : (n_configurations, n_beads, 3), nm, configurations of the beads, to which they are led in lead_ps
    Raises UnstableError if half of the configurations or more could not be led.
    """
    held = maps.positions.matrix.argmax(axis=1)
    store = SegmentStore(output, fingerprint(record))
    per_segment = max(1, round(section.segment_ps / (mean_force.equilibration_ps + mean_force.length_ps)))
    record_mean_forces(
        Dynamics(with_held(atomistic, held), section),
        mean_force,
        starts.positions,
        name=name,
        root_seed=seed,
        per_segment=per_segment,
        store=store,
        lead=None if targets is None else Lead(held, targets, lead_ps),
    )
    _write(output, maps, starts, store, record)
    store.remove()


def _write(output: Path, maps: Maps, starts: Starts, store: SegmentStore, record: dict[str, Any]) -> None:
    """Beads, their mean forces, where they come from; the noise of the mean forces is printed."""
    noise, n_read, n_written = np.zeros(maps.beads.n_sites), 0, 0
    arrays = {"source_lengths": starts.lengths}
    with create_h5md(output, maps.beads, frame_interval=_NO_TIME, provenance=record, arrays=arrays) as writer:
        for frames in store.frames():
            good = np.asarray(np.isfinite(frames["forces"]).all(axis=(1, 2)))
            stretch = slice(n_read, n_read + len(good))
            n_read, n_written = stretch.stop, n_written + int(good.sum())
            deviations, forces = (maps.forces(frames[key][good]) for key in ("deviations", "forces"))
            noise += (deviations**2).mean(axis=2).sum(axis=0)
            if good.any():
                writer.append(maps.positions(frames["positions"][good]), forces, source=starts.source[stretch][good])
        if 2 * n_written <= n_read:
            raise UnstableError(
                f"the atoms could follow the beads to only {n_written} of {n_read} configurations; the CG model that "
                "proposed them is far off: train it on more data first, or raise improve.lead_ps"
            )
    if n_written < n_read:
        print(f"{n_read - n_written} of {n_read} configurations could not be reached and are left out")
    for label, variance in zip(maps.beads.labels, noise / n_written, strict=True):
        print(f"{label:<12} noise of the mean force, by its halves {variance:10.1f} (kJ/mol/nm)^2")
