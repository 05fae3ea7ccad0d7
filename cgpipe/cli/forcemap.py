"""Fit the force map of `mapping` to all trajectories of a system, and report the noise of the force labels.

Frames are streamed, so memory does not grow with their number. The variance of the labels under every admissible map is
reported, because it limits what a network can learn.

example: cgpipe forcemap --section mapping.yaml --trajectories t0.h5md t1.h5md --output mapping.json
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import MappingSection
from cgpipe.data.files import save_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError
from cgpipe.mapping.beads import bead_topology, select_beads
from cgpipe.mapping.constraints import find_constraints
from cgpipe.mapping.force_map import (
    aggregate_map,
    atoms_near,
    check_force_map,
    chosen_ridge,
    force_covariance,
    label_variance,
    optimised_map,
    slice_map,
)
from cgpipe.mapping.linear_map import LinearMap, pick_atoms
from cgpipe.provenance import provenance
from cgpipe.units import ANGSTROM, KCAL

_FRAMES_FOR_CONSTRAINTS = 1000
_N_PARTS = 4
"""Blocks of each trajectory, of which one at a time judges the map of the others."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe forcemap`."""
    add_section(parser, what="`mapping`")
    add_inputs(parser, "trajectories", what="atomistic H5MD files")
    add_output(parser, what="JSON file of the two maps and the label variances")


def run(args: argparse.Namespace) -> None:
    """Write the maps."""
    section = parse_section(MappingSection, args.section)
    topology, constraints = _read_molecule(args.trajectories)
    atoms = select_beads(section, topology)
    beads = bead_topology(topology, atoms)
    parts, n_frames = _statistics(args.trajectories)
    covariance, positions = np.sum(parts, axis=0), pick_atoms(atoms, topology.n_sites)
    seen = atoms_near(topology, atoms, section.n_neighbour_residues)
    held_out = chosen_ridge(positions, constraints, parts, seen=seen)
    ridge = min(held_out, key=lambda value: held_out[value])
    best = optimised_map(positions, constraints, covariance, ridge=ridge, seen=seen)
    maps = _force_maps(positions, constraints, best, topology, wanted=section.force_map)
    variances = {name: label_variance(map_, covariance, n_frames) for name, map_ in maps.items()}
    content = {
        "beads": beads.to_plain(),
        "atoms": atoms.tolist(),
        "force_map": section.force_map,
        "force_weights": maps[section.force_map].matrix.tolist(),
        "label_variance_kJ2_per_mol2_nm2": {name: values.tolist() for name, values in variances.items()},
        "held_out_variance_by_ridge": {
            str(value): variance / (3 * n_frames * len(atoms)) for value, variance in held_out.items()
        },
        "n_frames": n_frames,
        "provenance": provenance("forcemap", {"mapping": plain(section)}, seed=0, inputs=args.trajectories),
    }
    save_json(args.output, content)
    _print_variances(beads, variances)
    print(f"ridge {ridge:g} by cross-validation")


def _read_molecule(paths: list[Path]) -> tuple[Topology, NDArray[np.intp]]:
    """Common topology and constraints of the files. Raises DataError if they are of different molecules."""
    files = [H5mdFile(path) for path in paths]
    topology = files[0].topology
    for file in files:
        if file.topology != topology:
            raise DataError(f"{file.path} and {files[0].path} have different topologies; map one molecule at a time")
    constraints = files[0].array("constraints")
    if constraints is None:
        constraints = find_constraints(files[0].frames(0, _FRAMES_FOR_CONSTRAINTS).positions, topology)
    for file in files:
        file.__exit__()
    # One order of the pairs, wherever they come from: the same molecule gets the same map to the last bit.
    return topology, np.unique(np.sort(constraints.astype(np.intp).reshape(-1, 2), axis=1), axis=0)


def _statistics(paths: list[Path]) -> tuple[list[NDArray[np.float64]], int]:
    """Covariances of the forces in disjoint blocks of all trajectories, and the number of frames."""
    parts: list[NDArray[np.float64]] = [np.zeros(()) for _ in range(_N_PARTS)]
    n_frames = 0
    for path in paths:
        with H5mdFile(path) as file:
            for number, block in enumerate(np.array_split(np.arange(file.n_frames), _N_PARTS)):
                for frames in file.selected(block):
                    if frames.forces is None:
                        raise DataError(
                            f"{path} has no forces; record them with the frames, they cannot be added later"
                        )
                    parts[number] = parts[number] + force_covariance(frames.forces)
            n_frames += file.n_frames
    if any(part.ndim == 0 for part in parts):
        raise DataError(f"the trajectories have {n_frames} frames in all, too few to fit a force map; record more")
    return parts, n_frames


def _force_maps(
    position_map: LinearMap, constraints: NDArray[np.intp], optimised: LinearMap, topology: Topology, *, wanted: str
) -> dict[str, LinearMap]:
    """Every admissible force map by name; an inadmissible one is an error only if it is wanted."""
    maps = {"optimised": optimised, "aggregate": aggregate_map(position_map, constraints)}
    try:
        maps["slice"] = slice_map(position_map, constraints, topology)
    except ConfigError:
        if wanted == "slice":
            raise
    check_force_map(maps[wanted], position_map, constraints)
    return maps


def _print_variances(beads: Topology, variances: dict[str, NDArray[np.float64]]) -> None:
    """Variance of the labels per bead and map in (kcal/mol/A)^2."""
    factor = (ANGSTROM / KCAL) ** 2
    print(f"variance of a force component, (kcal/mol/A)^2\n{'bead':<12}" + "".join(f"{name:>12}" for name in variances))
    for bead, label in enumerate(beads.labels):
        print(f"{label:<12}" + "".join(f"{values[bead] * factor:12.1f}" for values in variances.values()))
