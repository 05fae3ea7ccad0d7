"""Mean forces at configurations that the CG model proposed: beads led there from recorded frames, then held.

All other atoms follow the beads, then equilibrate, then the forces are averaged. Killed at any time, the same command
continues.

example: cgpipe explore --section reference.yaml --improve improve.yaml --system system.json --maps mapping.json \\
             --proposals proposals.h5md --trajectories t0.h5md t1.h5md --index 0 --output beads/explored0.h5md
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.averages import read_starts, write_averages
from cgpipe.cli.map import load_maps
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.config.sections import ImproveSection
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.errors import DataError
from cgpipe.provenance import provenance
from cgpipe.reference.system import system_from_plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe explore`."""
    add_section(parser, what="`reference`")
    add_section(parser, "improve", what="`improve`")
    add_seed(parser)
    parser.add_argument("--round", type=int, default=1, help="each draws its own random numbers (default: %(default)s)")
    parser.add_argument("--system", type=Path, required=True, metavar="FILE", help="what `cgpipe system` wrote")
    parser.add_argument("--maps", type=Path, required=True, metavar="FILE", help="what `cgpipe forcemap` wrote")
    parser.add_argument("--proposals", type=Path, required=True, metavar="FILE", help="what `cgpipe propose` wrote")
    add_inputs(parser, "trajectories", what="atomistic H5MD files, in the order of the beads of `cgpipe propose`")
    parser.add_argument("--index", type=int, required=True, help="which share of the configurations, from 0")
    add_output(parser, what="H5MD file of the beads with their mean forces")


def run(args: argparse.Namespace) -> None:
    """Write the mean forces of one share of the configurations."""
    section, improve = parse_section(OpenMMReferenceSection, args.section), parse_section(ImproveSection, args.improve)
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    maps = load_maps(args.maps)
    with H5mdFile(args.proposals) as file:
        targets, source = file.frames().positions, file.observable("source")
        if source is None or file.topology != maps.beads:
            raise DataError(f"{args.proposals} has no proposals for these beads; make it by `cgpipe propose`")
    mine = np.array_split(np.arange(len(targets)), improve.n_jobs)[args.index]
    settings = {"reference": plain(section), "improve": plain(improve), "share": args.index}
    inputs = [args.system, args.maps, args.proposals, *args.trajectories]
    write_averages(
        args.output,
        read_starts(args.trajectories, source[mine], atomistic),
        atomistic=atomistic,
        maps=maps,
        section=section,
        mean_force=improve.mean_force,
        name=f"explore {args.round} {args.index}",
        seed=args.seed,
        record=provenance("explore", settings, seed=args.seed, inputs=inputs),
        targets=targets[mine].astype(np.float64),
        lead_ps=improve.lead_ps,
    )
