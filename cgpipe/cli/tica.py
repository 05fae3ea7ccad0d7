"""Fit slow coordinates (TICA) to the trajectories of one system, along which another of the same protein is biased.

example: cgpipe tica --lag 20 --n-tics 1 --beads b0.h5md b1.h5md --output analysis/tica.h5
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.chain import alpha_carbons
from cgpipe.analysis.states import fit_slow
from cgpipe.cli.arguments import add_inputs, add_output
from cgpipe.cli.beads import load_beads
from cgpipe.cli.hardware import set_threads
from cgpipe.data.damage import named_damage
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record, save_record
from cgpipe.errors import DataError
from cgpipe.provenance import provenance

Array = NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe tica`."""
    parser.add_argument("--lag", type=float, required=True, metavar="PS", help="`analysis.markov.lag_ps`")
    parser.add_argument("--n-tics", type=int, required=True, metavar="N", help="`analysis.markov.n_tics`")
    add_inputs(parser, "beads", what="bead trajectories")
    add_output(parser, what="HDF5 record of the slow coordinates")


def run(args: argparse.Namespace) -> None:
    """Write the slow coordinates."""
    set_threads(1)
    trajectories = load_beads(args.beads)
    topology = trajectories[0].topology
    carbons = alpha_carbons(topology)
    if not len(carbons):
        raise DataError("slow coordinates need the C-alpha beads of five residues or more")
    with H5mdFile(args.beads[0]) as file:
        interval = file.frame_interval
    positions = [trajectory.positions for trajectory in trajectories]
    projection, limits = fit_slow(positions, carbons, lag=args.lag, n_tics=args.n_tics, frame_interval=interval)
    settings = {"lag_ps": args.lag, "n_tics": args.n_tics}
    header = {
        "residues": [topology.residue_names[bead] for bead in carbons],
        "provenance": provenance("tica", settings, seed=0, inputs=args.beads),
    }
    save_record(args.output, {"mean": projection.mean, "matrix": projection.matrix, "limits": limits}, header)


@dataclass(frozen=True)
class SlowCoordinates:
    """What `cgpipe tica` found."""

    mean: Array
    """(n_features,), of `slow_features`."""
    matrix: Array
    """(n_features, n_tics)."""
    limits: Array
    """(n_tics, 2)."""
    residues: list[str]
    """Of the C-alpha atoms."""


def load_slow(path: Path) -> SlowCoordinates:
    """Slow coordinates from their file. Raises DataError if it is damaged."""
    arrays, header = load_record(path)
    with named_damage(path, expected="slow coordinates", remedy="delete it and run again"):
        return SlowCoordinates(**arrays, residues=header["residues"])
