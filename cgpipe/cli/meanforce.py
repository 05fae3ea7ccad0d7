"""Average the forces on the beads with the beads held, from configurations spread over the recorded trajectories.

The maps say which atoms are held and how forces become bead forces. Killed at any time, the same command continues.

example: cgpipe meanforce --section reference.yaml --system system.json --maps mapping.json \\
             --trajectories t0.h5md t1.h5md --index 0 --output beads/meanforce0.h5md
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.averages import read_starts, write_averages
from cgpipe.cli.map import load_maps
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import MeanForceSection, OpenMMReferenceSection
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.errors import ConfigError, DataError
from cgpipe.provenance import provenance
from cgpipe.reference.system import system_from_plain


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
    settings = {"reference": plain(section), "share": args.index}
    inputs = [args.system, args.maps, *args.trajectories]
    write_averages(
        args.output,
        read_starts(args.trajectories, _chosen(args.trajectories, section.mean_force, args.index), atomistic),
        atomistic=atomistic,
        maps=load_maps(args.maps),
        section=section,
        mean_force=section.mean_force,
        name=f"mean force {args.index}",
        seed=args.seed,
        record=provenance("meanforce", settings, seed=args.seed, inputs=inputs),
    )


def _chosen(paths: list[Path], section: MeanForceSection, share: int) -> NDArray[np.intp]:
    """Trajectory and frame of each configuration of one share. Raises DataError if the trajectories have too few."""
    lengths = np.array([_n_frames(path) for path in paths])
    ends = np.cumsum(lengths)
    if section.n_configurations > ends[-1]:
        raise DataError(
            f"reference.mean_force.n_configurations is {section.n_configurations}, but {len(paths)} trajectories have "
            f"{ends[-1]} frames in all; lower it or record more frames"
        )
    chosen = np.arange(section.n_configurations) * ends[-1] // section.n_configurations
    mine = np.array_split(chosen, section.n_jobs)[share]
    numbers = np.searchsorted(ends, mine, side="right")
    return np.stack([numbers, mine - ends[numbers] + lengths[numbers]], axis=1)


def _n_frames(path: Path) -> int:
    with H5mdFile(path) as file:
        return file.n_frames
