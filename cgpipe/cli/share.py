"""Take some frames of another system's beads: the first of each trajectory, or, of mean forces, an even selection.

example: cgpipe share --beads ../ala2/beads/trajectory0.h5md --frames 5000 --output beads/trajectory0.h5md
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_output
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.errors import DataError
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe share`."""
    parser.add_argument("--beads", type=Path, required=True, metavar="FILE", help="beads of the other system")
    parser.add_argument("--frames", type=int, required=True, help="how many")
    parser.add_argument("--spread", action="store_true", help="an even selection instead of the first")
    add_output(parser, what="H5MD file of these beads")


def run(args: argparse.Namespace) -> None:
    """Write the chosen frames."""
    with H5mdFile(args.beads) as file:
        frames, interval, source = file.frames(), file.frame_interval, file.observable("source")
        if len(file.lengths) > 1:
            raise DataError(
                f"{args.beads} joins {len(file.lengths)} trajectories; only files of one each can be shared"
            )
        kept = {name: file.array(name) for name in ("source_lengths", "window")}
    if not 1 <= args.frames <= frames.n_frames:
        raise DataError(f"{args.beads} has {frames.n_frames} frames, {args.frames} were asked for; ask for fewer")
    chosen = np.arange(args.frames)
    if args.spread:
        chosen = chosen * frames.n_frames // args.frames
    record = provenance("share", {"frames": args.frames, "spread": args.spread}, seed=0, inputs=[args.beads])
    part = frames.part(chosen)
    arrays = {name: values for name, values in kept.items() if values is not None}
    known = {} if source is None else {"source": source[chosen]}
    with create_h5md(args.output, part.topology, frame_interval=interval, provenance=record, arrays=arrays) as writer:
        writer.append(part.positions, part.forces, part.log_weights, **known)
