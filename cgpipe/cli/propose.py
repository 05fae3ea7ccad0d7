"""Draw configurations of the CG model where its folds disagree and data are thin, with the nearest recorded frames.

The chance of a configuration is in proportion to the spread of the folds, which is what they expect of their squared
error, and to one over the density of recorded frames, so that barriers, where few are, are not passed over.

example: cgpipe propose --section improve.yaml --models fold0/model.safetensors fold1/model.safetensors \\
             --simulation job0.h5md --beads b0.h5md b1.h5md --output proposals.h5md
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.proposals import draw_uncertain, nearest_frames
from cgpipe.analysis.thinness import thinness
from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import evenly
from cgpipe.cli.folds import MAX_FRAMES, bind_folds, frame_spread, simulated_frames
from cgpipe.cli.hardware import set_threads
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import ImproveSection
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.errors import DataError
from cgpipe.provenance import provenance
from cgpipe.seeding import stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe propose`."""
    add_section(parser, what="`improve`")
    add_seed(parser)
    parser.add_argument("--round", type=int, default=1, help="each draws its own random numbers (default: %(default)s)")
    add_inputs(parser, "models", what="force fields of the folds")
    add_inputs(parser, "simulation", what="what `cgpipe simulate` wrote")
    add_inputs(parser, "beads", what="mapped trajectories, one for each atomistic file, in order")
    add_output(parser, what="H5MD file of the configurations")


def run(args: argparse.Namespace) -> None:
    """Write the configurations."""
    set_threads(1)
    section = parse_section(ImproveSection, args.section)
    simulated = simulated_frames(args.simulation, stream(args.seed, "simulated frames", args.round))
    spread = frame_spread(bind_folds(args.models), simulated)
    recorded, source = _recorded(args.beads)
    thin = thinness(simulated.positions, recorded)
    chosen = draw_uncertain(spread * thin, section.n_configurations, stream(args.seed, "proposals", args.round))
    targets = simulated.positions[chosen].astype(np.float64)
    targets -= targets.mean(axis=1, keepdims=True)
    nearest, rmsd = nearest_frames(targets, recorded)
    near = rmsd <= section.max_rmsd_nm
    if 2 * near.sum() < len(near):
        raise DataError(
            f"only {near.sum()} of {len(near)} configurations of the CG model lie within {section.max_rmsd_nm:g} nm of "
            f"a recorded frame (median {np.median(rmsd):.3f} nm); record more frames, or raise improve.max_rmsd_nm"
        )
    if near.sum() < section.n_jobs:
        raise DataError(
            f"{near.sum()} configurations cannot be shared by {section.n_jobs} jobs; raise improve.n_configurations or "
            "lower improve.n_jobs"
        )
    chosen, targets, nearest, rmsd = chosen[near], targets[near], nearest[near], rmsd[near]
    inputs = [*args.models, *args.simulation, *args.beads]
    record = provenance("propose", {"improve": plain(section)}, seed=args.seed, inputs=inputs)
    with create_h5md(args.output, simulated.topology, frame_interval=0.0, provenance=record) as writer:
        writer.append(targets, source=source[nearest], spread=spread[chosen])
    print(
        f"{len(chosen)} configurations whose spread is {spread[chosen].mean() / spread.mean():.2f} times the mean, "
        f"where recorded frames lie {np.median(thin[chosen]):.1f} times as thinly; the "
        f"nearest recorded frames are {np.median(rmsd):.4f} nm away (median; at most {rmsd.max():.4f}); "
        f"{(~near).sum()} more were too far from any"
    )


def _recorded(paths: list[Path]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Recorded frames, (n_frames, n_beads, 3), nm, and the trajectory and number of each, (n_frames, 2)."""
    source, recorded = [], []
    for number, path in enumerate(paths):
        with H5mdFile(path) as file:
            frames = evenly(np.arange(file.n_frames), at_most=MAX_FRAMES // len(paths))
            recorded += [part.positions for part in file.selected(frames)]
            source.append(np.stack([np.full(len(frames), number), frames], axis=1))
    return np.concatenate(recorded).astype(np.float64), np.concatenate(source)
