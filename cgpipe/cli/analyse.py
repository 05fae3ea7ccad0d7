"""Histograms of one ensemble, reference or model, in the coordinates of the comparison, and its Markov models.

Frames carry their weights; of simulated replicas the time before equilibrium is left out, by the rule of Chodera (2016)
on the mean potential energy. With `--states`, slow coordinates, macrostates and kinetics are analysed as well, in the
state space that was fitted to the reference; with `--native`, RMSD and native contacts.

example: cgpipe analyse --section analysis.yaml --ensemble reference --beads b0.h5md b1.h5md --output reference.h5
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.ensemble import Ensemble
from cgpipe.analysis.features import backbone_torsions, chains
from cgpipe.analysis.uncertainty import equilibration_start
from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.ensembles import Scale, analyse_frames, bind_scale
from cgpipe.cli.hardware import set_threads
from cgpipe.cli.units import layout
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import save_record
from cgpipe.data.topology import Topology
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe analyse`."""
    add_section(parser, what="`analysis`")
    add_seed(parser)
    parser.add_argument(
        "--ensemble",
        required=True,
        choices=["reference", "model", "check", "data"],
        help="what the frames are; the lag of the Markov model and the weights of the state space depend on it",
    )
    parser.add_argument("--states", type=Path, metavar="FILE", help="what `cgpipe states` wrote")
    parser.add_argument("--native", type=Path, metavar="FILE", help="PDB file of the native structure")
    parser.add_argument(
        "--no-kinetics",
        action="store_true",
        help="the frames follow no dynamics of the system: a bias acted, or replicas were exchanged",
    )
    add_inputs(parser, "beads", what="bead trajectories of one ensemble, mapped or simulated")
    add_output(parser, what="HDF5 record of the histograms")


def run(args: argparse.Namespace) -> None:
    """Write the histograms."""
    set_threads(1)  # as many as the rule counts; more only wait for each other on arrays this small
    section = parse_section(AnalysisSection, args.section)
    series = _series(args.beads)
    start = equilibration_start(series["potential_energy"][:, 0]) if series else 0
    with H5mdFile(args.beads[0]) as file:
        topology, interval, n_replicas = file.topology, file.frame_interval, file.n_replicas
    plan = layout(args.beads, n_blocks=section.n_blocks_per_trajectory, simulated=bool(series))
    scale = bind_scale(section, topology, args.states, args.native)
    ensemble, chain = analyse_frames(
        plan,
        scale,
        section,
        name=args.ensemble,
        root_seed=args.seed,
        interval=None if args.no_kinetics else interval,
        start=start,
    )
    n_times = max(max(lengths) // n_replicas for lengths in plan.lengths)
    inputs = [path for path in (*args.beads, args.states, args.native) if path]
    settings = {"analysis": plain(section), "ensemble": args.ensemble, "kinetics": not args.no_kinetics}
    header = {
        **_labels(topology, scale),
        "frame_interval_ps": interval,
        "duration_ps": (n_times - start) * interval,
        "equilibration_ps": start * interval,
        "windowed": plan.ranks is not None,
        "provenance": provenance("analyse", settings, seed=args.seed, inputs=inputs),
    }
    arrays = {name: getattr(ensemble, name) for name in Ensemble.__dataclass_fields__} | chain
    arrays |= {f"series_{name}": values for name, values in series.items()}
    save_record(args.output, arrays, header)
    print(
        f"{ensemble.n_frames.sum()} frames, {ensemble.n_effective:.0f} effective by weight, "
        f"{start * interval:g} ps discarded"
    )


def _labels(topology: Topology, scale: Scale) -> dict[str, Any]:
    """What the rows of the arrays are called."""
    chain = scale.chain
    return {
        "residues": [torsion.residue for torsion in backbone_torsions(topology)],
        "bonds": [" - ".join(topology.labels[k] for k in bond) for bond in topology.bonds],
        "angles": [" - ".join(topology.labels[k] for k in angle) for angle in chains(topology)],
        "chain": [topology.residue_names[bead] for bead in chain.carbons] if chain else [],
        "coordinates": [vars(coordinate) for coordinate in chain.coordinates] if chain else [],
        "pair_limits_nm": chain.pair_limits if chain else None,
        "tic_limits": chain.states.limits.tolist() if chain and chain.states else None,
        "state_centres": chain.states.macrostate_centres().tolist() if chain and chain.states else [],
    }


def _series(paths: list[Path]) -> dict[str, NDArray[np.float64]]:
    """Mean and standard deviation over replicas of what a simulation logged, (n_times, 2) each; empty for others."""
    collected: dict[str, list[NDArray[Any]]] = {}
    for path in paths:
        with H5mdFile(path) as file:
            for name in ("potential_energy", "kinetic_temperature", "bond_stretch"):
                if (values := file.observable(name)) is not None:
                    collected.setdefault(name, []).append(values.reshape(-1, file.n_replicas))
    joined = {name: np.concatenate(parts, axis=1).astype(np.float64) for name, parts in collected.items()}
    return {name: np.column_stack([v.mean(1), v.std(1)]) for name, v in joined.items()}
