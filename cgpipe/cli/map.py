"""Map one atomistic trajectory to beads, positions and forces by the maps that `cgpipe forcemap` wrote.

example: cgpipe map --maps mapping.json --trajectory t0.h5md --output beads0.h5md
"""

import argparse
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_output
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError
from cgpipe.mapping.linear_map import LinearMap, pick_atoms
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe map`."""
    parser.add_argument("--maps", type=Path, required=True, metavar="FILE", help="what `cgpipe forcemap` wrote")
    parser.add_argument("--trajectory", type=Path, required=True, metavar="FILE", help="atomistic H5MD file")
    add_output(parser, what="H5MD file of the beads")


def run(args: argparse.Namespace) -> None:
    """Write one bead trajectory."""
    maps = load_json(args.maps)
    force_map = LinearMap(np.array(maps["force_weights"]))
    position_map = pick_atoms(np.array(maps["atoms"]), force_map.matrix.shape[1])
    record = provenance("map", maps["provenance"]["settings"], seed=0, inputs=[args.maps, args.trajectory])
    with H5mdFile(args.trajectory) as file:
        _require_bias_on_beads(file, position_map)
        with create_h5md(
            args.output,
            Topology.from_plain(maps["beads"]),
            frame_interval=file.frame_interval,
            provenance=record,
            arrays={"lengths": np.array(file.lengths)},
        ) as writer:
            for chunk in file.chunks():
                forces = None if chunk.forces is None else force_map(chunk.forces)
                writer.append(position_map(chunk.positions), forces, chunk.log_weights)


def _require_bias_on_beads(file: H5mdFile, position_map: LinearMap) -> None:
    """A bias leaves the mean force unchanged only if it is a function of the beads."""
    torsions = file.array("biased_torsions")
    if torsions is None:
        return
    beads = set(np.flatnonzero(position_map.matrix.any(axis=0)).tolist())
    if outside := sorted(set(torsions.ravel().tolist()) - beads):
        names = ", ".join(file.topology.labels[atom] for atom in outside)
        raise ConfigError(
            f"{file.path} was biased on {names}, which mapping.beads leaves out; add these beads or change the bias"
        )
