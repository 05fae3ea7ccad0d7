"""Fit the state space of a protein to its reference: slow coordinates (TICA), clusters, macrostates.

It is fitted once; `cgpipe analyse` applies it to the reference and to the model alike.

example: cgpipe states --section analysis.yaml --seed 2020 --beads b0.h5md b1.h5md --output analysis/states.h5
"""

import argparse
from pathlib import Path

from cgpipe.analysis.chain import alpha_carbons
from cgpipe.analysis.states import StateSpace, fit_states
from cgpipe.analysis.stationary import Bundles
from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import load_beads
from cgpipe.cli.hardware import set_threads
from cgpipe.cli.units import layout
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record, save_record
from cgpipe.errors import ConfigError, DataError
from cgpipe.provenance import provenance
from cgpipe.seeding import integer_seed, stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe states`."""
    add_section(parser, what="`analysis`")
    add_seed(parser)
    add_inputs(parser, "beads", what="bead trajectories of the reference")
    add_output(parser, what="HDF5 record of the state space")


def run(args: argparse.Namespace) -> None:
    """Write the state space."""
    set_threads(1)  # as many as the rule counts; more only wait for each other on arrays this small
    section = parse_section(AnalysisSection, args.section)
    if section.markov is None:
        raise ConfigError("analysis.markov is not set, so there is no state space to fit")
    trajectories = load_beads(args.beads)
    carbons = alpha_carbons(trajectories[0].topology)
    if not len(carbons):
        raise DataError("analysis.markov needs the C-alpha beads of five residues or more; leave it out for peptides")
    with H5mdFile(args.beads[0]) as file:
        interval = file.frame_interval
    plan = layout(args.beads, n_blocks=section.n_blocks_per_trajectory, simulated=False)
    bundles = Bundles(plan.bundles(), section.n_bootstrap)
    space, model = fit_states(
        [trajectory.positions for trajectory in trajectories],
        carbons,
        section.markov,
        frame_interval=interval,
        seed=integer_seed(args.seed, "clusters"),
        reweight=bundles if section.markov.reweight and trajectories[0].log_weights is None else None,
        rng=stream(args.seed, "resampled weights"),
    )
    record = provenance("states", {"analysis": plain(section)}, seed=args.seed, inputs=args.beads)
    save_record(args.output, space.to_arrays(), {"provenance": record})
    print(
        f"{len(model.states)} of {len(space.centres)} clusters connected, {model.connected_fraction:.1%} of frames; "
        f"slowest timescales {', '.join(f'{t:.3g}' for t in model.timescales(3))} ps"
    )
    if space.is_reweighted:
        print(f"{len(space.draws)} of {section.n_bootstrap} resamples are connected; errors come from these alone")


def load_states(path: Path) -> StateSpace:
    """State space that `cgpipe states` wrote."""
    arrays, _ = load_record(path)
    return StateSpace(**arrays)
