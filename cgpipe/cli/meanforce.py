"""Average the forces on the beads with the beads held, from configurations spread over the recorded trajectories.

The maps say which atoms are held and how forces become bead forces. Killed at any time, the same command continues.

example: cgpipe meanforce --section reference.yaml --system system.json --maps mapping.json \\
             --trajectories t0.h5md t1.h5md --index 0 --output beads/meanforce0.h5md
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.map import Maps, load_maps
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import MeanForceSection, OpenMMReferenceSection
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError, DataError
from cgpipe.provenance import fingerprint, provenance
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.mean_force import record_mean_forces, with_held
from cgpipe.reference.system import AtomisticSystem, system_from_plain

_NO_TIME = 0.0
"""Between configurations, which follow one another but not in time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe meanforce`."""
    add_section(parser, what="`reference`")
    add_seed(parser)
    parser.add_argument("--system", type=Path, required=True, metavar="FILE", help="what `cgpipe system` wrote")
    parser.add_argument("--maps", type=Path, required=True, metavar="FILE", help="what `cgpipe forcemap` wrote")
    add_inputs(parser, "trajectories", what="atomistic H5MD files, for the configurations")
    parser.add_argument("--index", type=int, required=True, help="which share of the configurations, from 0")
    add_output(parser, what="H5MD file of the beads with their mean forces")


def run(args: argparse.Namespace) -> None:
    """Write the mean forces of one share of the configurations."""
    section = parse_section(OpenMMReferenceSection, args.section)
    if section.mean_force is None:
        raise ConfigError("reference.mean_force is not set, so there are no mean forces to average")
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    maps = load_maps(args.maps)
    settings = {"reference": plain(section), "share": args.index}
    inputs = [args.system, args.maps, *args.trajectories]
    record = provenance("meanforce", settings, seed=args.seed, inputs=inputs)
    store = SegmentStore(args.output, fingerprint(record))
    held = with_held(atomistic, maps.positions.matrix.argmax(axis=1))
    starts = _starts(args.trajectories, atomistic, section.mean_force, args.index)
    record_mean_forces(
        Dynamics(held, section),
        section.mean_force,
        starts.positions,
        name=f"mean force {args.index}",
        root_seed=args.seed,
        per_segment=_per_segment(section, section.mean_force),
        store=store,
    )
    _write(args.output, maps, starts, store, record)
    store.remove()


def _per_segment(section: OpenMMReferenceSection, mean_force: MeanForceSection) -> int:
    return max(1, round(section.segment_ps / (mean_force.equilibration_ps + mean_force.length_ps)))


@dataclass(frozen=True)
class _Starts:
    """Configurations of one share."""

    positions: NDArray[np.floating]
    """(n_configurations, n_atoms, 3), nm."""
    source: NDArray[np.intp]
    """(n_configurations, 2), trajectory and frame of each."""
    lengths: NDArray[np.intp]
    """(n_trajectories,), frames of each trajectory."""


def _starts(paths: list[Path], atomistic: AtomisticSystem, section: MeanForceSection, share: int) -> _Starts:
    """Configurations of one share. Raises DataError if the trajectories have too few."""
    files = [H5mdFile(path) for path in paths]
    lengths = np.array([file.n_frames for file in files])
    ends = np.cumsum(lengths)
    if section.n_configurations > ends[-1]:
        raise DataError(
            f"reference.mean_force.n_configurations is {section.n_configurations}, but {len(files)} trajectories have "
            f"{ends[-1]} frames in all; lower it or record more frames"
        )
    chosen = np.arange(section.n_configurations) * ends[-1] // section.n_configurations
    mine = np.array_split(chosen, section.n_jobs)[share]
    numbers = np.searchsorted(ends, mine, side="right")
    source = np.stack([numbers, mine - ends[numbers] + lengths[numbers]], axis=1)
    parts = [part for k, file in enumerate(files) for part in file.selected(source[numbers == k, 1])]
    for file in files:
        if file.topology != atomistic.topology:
            raise DataError(f"{file.path} is not of the molecule of the system file; make both again")
        file.__exit__()
    return _Starts(np.concatenate([part.positions for part in parts]), source, lengths)


def _write(output: Path, maps: Maps, starts: _Starts, store: SegmentStore, record: dict[str, Any]) -> None:
    """Beads, their mean forces, where they come from; the noise of the mean forces is printed."""
    noise, n_frames, arrays = np.zeros(maps.beads.n_sites), 0, {"source_lengths": starts.lengths}
    with create_h5md(output, maps.beads, frame_interval=_NO_TIME, provenance=record, arrays=arrays) as writer:
        for frames in store.frames():
            deviations = maps.forces(frames["deviations"])
            stretch = slice(n_frames, n_frames + len(deviations))
            forces = maps.forces(frames["forces"])
            writer.append(maps.positions(frames["positions"]), forces, source=starts.source[stretch])
            noise, n_frames = noise + (deviations**2).mean(axis=2).sum(axis=0), stretch.stop
    for label, variance in zip(maps.beads.labels, noise / n_frames, strict=True):
        print(f"{label:<12} noise of the mean force, at least {variance:10.1f} (kJ/mol/nm)^2")
