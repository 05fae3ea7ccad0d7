"""Let one walker build a well-tempered metadynamics bias on the torsions of `reference.bias`.

Walkers are independent; recorded trajectories run under the mean of their biases.

example: cgpipe bias --section reference.yaml --system results/ala2/reference/system.json --index 0 --output bias0.json
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.damage import named_damage
from cgpipe.data.files import load_json, save_json
from cgpipe.data.plain import from_plain
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError
from cgpipe.provenance import fingerprint, provenance
from cgpipe.reference.bias import TorsionBias, flat_bias
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
    parser.add_argument("--index", type=int, required=True, help="number of the walker, from 0")
    add_output(parser, what="JSON file of the bias")


def run(args: argparse.Namespace) -> None:
    """Write the bias of one walker."""
    section = parse_section(OpenMMReferenceSection, args.section)
    if section.bias is None:
        raise ConfigError("reference.bias is not set, so there is no bias to build")
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    settings = {"reference": plain(section), "walker": args.index}
    record = provenance("bias", settings, seed=args.seed, inputs=[args.system])
    store = SegmentStore(args.output, fingerprint(record))
    schedule = Schedule(
        f"bias {args.index}",
        args.seed,
        length=section.bias.build_length_ns * PICOSECONDS_PER_NANOSECOND,
        interval=section.bias.hill_interval_ps,
        segment=section.segment_ps,
    )
    flat = flat_bias(section.bias, atomistic.topology)
    dynamics = Dynamics(atomistic, section, flat, start=section.start_of(args.index))
    thermal = thermal_energy(section.temperature_K)
    bias = build_bias(dynamics, section.bias, flat, thermal_energy=thermal, schedule=schedule, store=store)
    content = {"quadruples": bias.quadruples, "table_kJ_per_mol": bias.table.tolist(), "provenance": record}
    save_json(args.output, content)
    store.remove()


def load_bias(path: Path) -> TorsionBias:
    """Bias from the file that `cgpipe bias` wrote."""
    content = from_plain(_Plain, load_json(path), source=str(path))
    with named_damage(path, expected="a bias", remedy="delete it and run again"):
        table = np.array(content.table_kJ_per_mol, dtype=np.float64)
        if table.shape != (len(table),) * len(content.quadruples):
            raise ValueError(f"a table of {table.shape} points for {len(content.quadruples)} torsions")
    return TorsionBias(content.quadruples, table)


@dataclass(frozen=True)
class _Plain:
    """What `cgpipe bias` writes, as types."""

    quadruples: tuple[tuple[int, int, int, int], ...]
    table_kJ_per_mol: list[float] | list[list[float]]
