"""Record one atomistic trajectory of `reference`: positions and unbiased, unconstrained forces in H5MD.

With `--bias` files, it runs under the mean of these biases and each frame carries its exact weight; frames of umbrella
windows get theirs from `cgpipe weights`. Killed at any time, the same command continues and ends with the same file.

example: cgpipe trajectory --section reference.yaml --system system.json --bias bias0.json bias1.json \\
             --index 0 --output trajectory0.h5
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.cli.bias_file import load_bias
from cgpipe.cli.exchange import add_exchange, started
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.files import load_json
from cgpipe.data.h5md import create_h5md
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError
from cgpipe.provenance import fingerprint, provenance
from cgpipe.reference.bias import mean_bias
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.recording import record_trajectory
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import system_from_plain
from cgpipe.units import PICOSECONDS_PER_NANOSECOND, thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe trajectory`."""
    add_section(parser, what="`reference`")
    add_seed(parser)
    parser.add_argument("--system", type=Path, required=True, metavar="FILE", help="what `cgpipe system` wrote")
    parser.add_argument("--bias", type=Path, nargs="*", default=[], metavar="FILE", help="what `cgpipe bias` wrote")
    add_exchange(parser)
    parser.add_argument("--index", type=int, required=True, help="number of the trajectory, from 0")
    parser.add_argument("--check", action="store_true", help="a trajectory of reference.unbiased_check")
    add_output(parser, what="H5MD file")


def _length(section: OpenMMReferenceSection, *, check: bool) -> float:
    """Length of the trajectory, ps."""
    if not check:
        return section.length_ns * PICOSECONDS_PER_NANOSECOND
    if section.unbiased_check is None:
        raise ConfigError("reference.unbiased_check is not set, so there is no check to run")
    return section.unbiased_check.length_ns * PICOSECONDS_PER_NANOSECOND


def _schedule(section: OpenMMReferenceSection, args: argparse.Namespace) -> Schedule:
    return Schedule(
        f"{'check' if args.check else 'reference'} {args.index}",
        args.seed,
        length=_length(section, check=args.check),
        interval=section.frame_interval_ps,
        segment=section.segment_ps,
    )


def run(args: argparse.Namespace) -> None:
    """Write one trajectory."""
    section = parse_section(OpenMMReferenceSection, args.section)
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    bias = mean_bias(map(load_bias, args.bias)) if args.bias else None
    settings = {"reference": plain(section), "trajectory": args.index, "check": args.check}
    inputs = [args.system, *args.bias, *([args.exchange] if args.exchange else [])]
    record = provenance("trajectory", settings, seed=args.seed, inputs=inputs)
    store = SegmentStore(args.output, fingerprint(record))
    schedule = _schedule(section, args)
    atomistic = started(atomistic, section, args.index, args.exchange, seed=args.seed, name=schedule.name)
    record_trajectory(
        Dynamics(atomistic, section, bias, start=section.start_of(args.index)),
        thermal_energy=thermal_energy(section.temperature_K),
        schedule=schedule,
        store=store,
    )
    arrays = {"constraints": atomistic.constraints}
    if bias is not None:
        arrays["biased_atoms"] = np.array(bias.atoms)
    windows = None if bias is None or section.bias is None else section.bias.windows
    if windows is not None:
        arrays["window"] = np.array(args.index % windows.n_windows)
    with create_h5md(
        args.output, atomistic.topology, frame_interval=section.frame_interval_ps, provenance=record, arrays=arrays
    ) as writer:
        for frames in store.frames():
            # Under a window a frame's own weight would undo that window alone.
            left_out = set() if windows is None else {"log_weights"}
            writer.append(**{name: values for name, values in frames.items() if name not in left_out})
    store.remove()
