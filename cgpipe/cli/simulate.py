"""Simulate replicas of the CG model under the mean force of the fold models.

Replicas start from reference frames drawn by their weight. Jobs share them (`--job` of `simulation.n_jobs`); noise and
starts are the same however they are shared. Killed at any time, the same command continues.

example: cgpipe simulate --section simulation.yaml --models fold0/model.safetensors fold1/model.safetensors \\
             --beads b0.h5md b1.h5md --job 0 --output simulation/job0.h5md
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import joined, load_beads
from cgpipe.cli.hardware import add_device, add_threads, set_threads, torch_dtype
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import SimulationSection
from cgpipe.data.h5md import create_h5md
from cgpipe.data.segments import SegmentStore
from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.errors import UnstableError
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.force_field_file import load_force_field
from cgpipe.model.native import is_built
from cgpipe.provenance import fingerprint, provenance
from cgpipe.seeding import stream
from cgpipe.simulation.run import Setting, simulate
from cgpipe.simulation.stability import bond_limits
from cgpipe.units import thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe simulate`."""
    add_section(parser, what="`simulation`")
    add_seed(parser)
    add_device(parser)
    add_threads(parser)
    add_inputs(parser, "models", what="force fields of the folds")
    add_inputs(parser, "beads", what="reference beads, for the start frames")
    parser.add_argument("--job", type=int, default=0, help="which share of the replicas, from 0 (default: 0)")
    add_output(parser, what="H5MD file, all replicas of a time together")


def run(args: argparse.Namespace) -> None:
    """Write the trajectory of one job."""
    set_threads(args.threads)
    section = parse_section(SimulationSection, args.section)
    models = [load_force_field(path) for path in args.models]
    beads = joined(load_beads(args.beads))
    shares = np.array_split(np.arange(section.n_replicas), section.n_jobs)
    replicas = range(int(shares[args.job][0]), int(shares[args.job][-1]) + 1)
    device, dtype = torch.device(args.device), torch_dtype(section.precision)
    settings = {"simulation": plain(section), "job": args.job}
    record = provenance("simulate", settings, seed=args.seed, inputs=[*args.models, *args.beads])
    start = _start_frames(beads, section.n_replicas, seed=args.seed)
    setting = Setting(
        potential=bind_force_fields(models, dtype=dtype, device=device, n_table_knots=section.n_table_knots),
        section=section,
        masses=np.array(beads.topology.masses),
        bonds=bond_limits(beads.topology, start, section.max_bond_stretch),
        thermal_energy=thermal_energy(models[0].temperature),
        replicas=replicas,
        root_seed=args.seed,
        dtype=dtype,
        device=device,
    )
    if device.type == "cpu" and not is_built():
        print(
            "the compiled engine was not built, so this takes about ten times as long; install a C++ compiler "
            "(g++ or clang), then cgpipe again"
        )
    store = SegmentStore(args.output, fingerprint(record))
    try:
        simulate(setting, start[replicas.start : replicas.stop], store)
    except UnstableError as error:
        raise _with_sane_frames(error, args.output, beads, section, record) from error
    _write(args.output, beads, section, replicas, store, record)
    store.remove()
    _unstable(args.output).unlink(missing_ok=True)


def _unstable(output: Path) -> Path:
    """Where the last sane frames of a replica that failed are kept."""
    return output.with_name(f"{output.stem}.unstable{output.suffix}")


def _start_frames(beads: Trajectory, n_replicas: int, *, seed: int) -> NDArray[np.floating]:
    """Frames of the reference drawn by their statistical weight, (n_replicas, n_beads, 3), nm."""
    weights = normalised_weights(beads.log_weights, beads.n_frames)
    return beads.positions[stream(seed, "start frames").choice(beads.n_frames, size=n_replicas, p=weights)]


def _write(
    output: Path,
    beads: Trajectory,
    section: SimulationSection,
    replicas: range,
    store: SegmentStore,
    record: dict[str, object],
) -> None:
    with create_h5md(
        output,
        beads.topology,
        frame_interval=section.frame_interval_ps,
        provenance=record,
        n_replicas=len(replicas),
    ) as writer:
        for frames in store.frames():
            flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in frames.items()}
            writer.append(**flat)


def _with_sane_frames(
    error: UnstableError, output: Path, beads: Trajectory, section: SimulationSection, record: dict[str, object]
) -> UnstableError:
    """The error with its replica's last sane frames saved, and where."""
    if error.frames is None or not len(error.frames):
        return error
    path = _unstable(output)
    with create_h5md(path, beads.topology, frame_interval=section.frame_interval_ps, provenance=record) as writer:
        writer.append(error.frames)
    return UnstableError(f"{error}. Its last sane frames are in {path}")
