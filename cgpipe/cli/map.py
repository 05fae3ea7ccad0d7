"""Map one atomistic trajectory to beads, positions and forces by the maps that `cgpipe forcemap` wrote.

example: cgpipe map --maps mapping.json --trajectory t0.h5md --output beads0.h5md
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_output
from cgpipe.cli.weights import weights_of
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.plain import from_plain
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError
from cgpipe.mapping.linear_map import LinearMap, pick_atoms
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe map`."""
    parser.add_argument("--maps", type=Path, required=True, metavar="FILE", help="what `cgpipe forcemap` wrote")
    parser.add_argument("--trajectory", type=Path, required=True, metavar="FILE", help="atomistic H5MD file")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="what `cgpipe weights` wrote, for umbrella windows"
    )
    add_output(parser, what="H5MD file of the beads")


def run(args: argparse.Namespace) -> None:
    """Write one bead trajectory."""
    maps = load_maps(args.maps)
    more = [args.weights] if args.weights else []
    record = provenance("map", maps.settings, seed=0, inputs=[args.maps, args.trajectory, *more])
    with H5mdFile(args.trajectory) as file:
        _require_bias_on_beads(file, maps.positions)
        weights = _weights(file, args.weights)
        with create_h5md(
            args.output,
            maps.beads,
            frame_interval=file.frame_interval,
            provenance=record,
            arrays=_kept(file),
        ) as writer:
            for chunk in file.chunks():
                forces = None if chunk.forces is None else maps.forces(chunk.forces)
                own = chunk.log_weights if weights is None else weights[writer.n_frames :][: chunk.n_frames]
                writer.append(maps.positions(chunk.positions), forces, own)


def _kept(file: H5mdFile) -> dict[str, NDArray[Any]]:
    """What beads inherit of their atoms' file: where trajectories end, and the umbrella window."""
    window = file.array("window")
    return {"lengths": np.array(file.lengths)} | ({} if window is None else {"window": window})


@dataclass(frozen=True)
class Maps:
    """What `cgpipe forcemap` found."""

    beads: Topology
    positions: LinearMap
    forces: LinearMap
    settings: dict[str, Any]


@dataclass(frozen=True)
class _Plain:
    """What `cgpipe forcemap` writes, as types."""

    beads: Topology
    atoms: list[int]
    force_weights: list[list[float]]
    provenance: dict[str, Any]


def load_maps(path: Path) -> Maps:
    """Maps from the file that `cgpipe forcemap` wrote. Raises DataError if they do not belong together."""
    plain = from_plain(_Plain, load_json(path), source=str(path))
    n_beads, n_atoms = plain.beads.n_sites, len(plain.force_weights[0]) if plain.force_weights else 0
    as_many = len(plain.atoms) == len(plain.force_weights) == n_beads
    square = {len(row) for row in plain.force_weights} == {n_atoms}
    if not (as_many and square and all(0 <= atom < n_atoms for atom in plain.atoms)):
        raise DataError(f"{path} has maps that do not fit its {n_beads} beads; delete the file and run again")
    positions, forces = pick_atoms(np.array(plain.atoms), n_atoms), LinearMap(np.array(plain.force_weights))
    return Maps(plain.beads, positions, forces, plain.provenance.get("settings", {}))


def _weights(file: H5mdFile, path: Path | None) -> NDArray[np.float64] | None:
    """Weights of the file's frames from elsewhere, (n_frames,), or None where it has its own or needs none."""
    if path is None:
        if file.array("window") is not None:
            raise ConfigError(
                f"{file.path} was recorded in an umbrella window; give the weights of its frames (--weights)"
            )
        return None
    return weights_of(path, file.path)


def _require_bias_on_beads(file: H5mdFile, position_map: LinearMap) -> None:
    """A bias leaves the mean force unchanged only if it is a function of the beads."""
    atoms = file.array("biased_atoms")
    if atoms is None:
        return
    beads = set(np.flatnonzero(position_map.matrix.any(axis=0)).tolist())
    if outside := sorted(set(atoms.tolist()) - beads):
        names = ", ".join(file.topology.labels[atom] for atom in outside)
        raise ConfigError(
            f"{file.path} was biased on {names}, which mapping.beads leaves out; add these beads or change the bias"
        )
