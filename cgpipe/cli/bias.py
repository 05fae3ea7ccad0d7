"""Let one walker build a well-tempered metadynamics bias on the variables of `reference.bias`, or write a window.

Walkers are independent; recorded trajectories run under the mean of their biases, or under one umbrella window each.

example: cgpipe bias --section reference.yaml --system results/ala2/reference/system.json --index 0 --output bias0.json
"""

import argparse
from pathlib import Path

from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.cli.bias_file import save_bias
from cgpipe.cli.exchange import add_exchange, started
from cgpipe.cli.variables import variables_of
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.files import load_json
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError
from cgpipe.provenance import fingerprint, provenance
from cgpipe.reference.bias import flat_bias, window_bias
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.metadynamics import build_bias
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import system_from_plain
from cgpipe.units import PICOSECONDS_PER_NANOSECOND, thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe bias`."""
    add_section(parser, what="`reference`")
    add_seed(parser)
    parser.add_argument("--system", type=Path, required=True, metavar="FILE", help="what `cgpipe system` wrote")
    parser.add_argument("--index", type=int, required=True, help="number of the walker or window, from 0")
    add_exchange(parser)
    parser.add_argument("--slow", type=Path, metavar="FILE", help="what `cgpipe tica` wrote, for `tics`")
    add_output(parser, what="JSON file of the bias")


def run(args: argparse.Namespace) -> None:
    """Write the bias of one walker."""
    section = parse_section(OpenMMReferenceSection, args.section)
    if section.bias is None:
        raise ConfigError("reference.bias is not set, so there is no bias to build")
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    settings = {"reference": plain(section), "walker": args.index}
    inputs = [args.system, *(path for path in (args.slow, args.exchange) if path)]
    record = provenance("bias", settings, seed=args.seed, inputs=inputs)
    store = SegmentStore(args.output, fingerprint(record))
    schedule = Schedule(
        f"bias {args.index}",
        args.seed,
        length=section.bias.build_length_ns * PICOSECONDS_PER_NANOSECOND,
        interval=section.bias.hill_interval_ps,
        segment=section.segment_ps,
    )
    flat = flat_bias(section.bias, variables_of(section.bias, atomistic, args.slow))
    thermal = thermal_energy(section.temperature_K)
    if section.bias.windows is not None:
        bias = window_bias(flat, section.bias.windows, args.index, thermal_energy=thermal)
    else:
        atomistic = started(atomistic, section, args.index, args.exchange, seed=args.seed, name=schedule.name)
        dynamics = Dynamics(atomistic, section, flat, start=section.start_of(args.index))
        bias = build_bias(dynamics, section.bias, flat, thermal_energy=thermal, schedule=schedule, store=store)
    save_bias(args.output, bias, record)
    store.remove()
