"""Prior of a molecule from the priors of others, by residue type, for a force field that is transferred to it.

The file holds the table of terms, from which `cgpipe train` binds the same prior to every molecule that the network
learns from, and the terms of the target. The target's frames only show how well these describe it.

example: cgpipe transfer --section prior.yaml --temperature 350 --priors a.json b.json --sources a.h5md b.h5md \\
             --beads target.h5md --output prior.json
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.cli.beads import joined, load_beads, thinned
from cgpipe.cli.hardware import set_threads
from cgpipe.cli.prior_file import load_prior
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import PriorSection
from cgpipe.data.files import save_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError
from cgpipe.prior.prior import PriorParameters
from cgpipe.prior.quality import fit_to_plain, judge_prior
from cgpipe.prior.table import bind_table, fit_table
from cgpipe.provenance import provenance
from cgpipe.units import thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe transfer`."""
    add_section(parser, what="`prior`")
    parser.add_argument("--temperature", type=float, required=True, metavar="K", help="temperature of all molecules")
    add_inputs(parser, "priors", what="what `cgpipe prior` wrote for each molecule to learn from")
    add_inputs(parser, "sources", what="a bead trajectory of each, for its topology")
    add_inputs(parser, "beads", what="bead trajectories of the target")
    add_output(parser, what="JSON file of the table and of the target's prior")


def run(args: argparse.Namespace) -> None:
    """Write table and prior."""
    set_threads(1)  # as many as the rule counts; more only wait for each other on arrays this small
    section, energy = parse_section(PriorSection, args.section), thermal_energy(args.temperature)
    priors = [_prior(path, energy) for path in args.priors]
    topologies = [_topology(path) for path in args.sources]
    for path, prior in zip(args.priors, priors, strict=True):
        if _shape(prior) != _shape(priors[0]):
            raise ConfigError(
                f"{path} and {args.priors[0]} differ in prior.n_fourier or prior.repulsion_exponent, so they have no "
                "mean; give all systems of train_on the same"
            )
    table = fit_table(list(zip(topologies, priors, strict=True)))
    settings = {"prior": plain(section), "temperature_K": args.temperature}
    record = provenance("transfer", settings, seed=0, inputs=[*args.priors, *args.sources, *args.beads])
    beads = joined(load_beads(args.beads))
    beads = thinned(beads, np.arange(beads.n_frames))
    parameters = bind_table(table, beads.topology, like=priors[0], min_separation=section.min_separation)
    fits = judge_prior(beads, parameters, thermal_energy=energy)
    content = {
        "units": "nm, rad, kJ/mol",
        "parameters": parameters.to_plain(),
        "table": asdict(table),
        "min_separation": section.min_separation,
        "fits": [fit_to_plain(fit) for fit in fits],
        "provenance": record,
    }
    save_json(args.output, content)
    for fit in fits:
        print(f"{fit.label:<60} divergence {fit.divergence:8.4f} nats")


def _prior(path: Path, energy: float) -> PriorParameters:
    prior = load_prior(path).parameters
    if not np.isclose(prior.repulsion_strength, energy):
        raise ConfigError(
            f"{path} was fitted at kT = {prior.repulsion_strength:.4g} kJ/mol, the target is at {energy:.4g} kJ/mol; "
            "train on systems of the same temperature"
        )
    return prior


def _shape(prior: PriorParameters) -> tuple[int, set[int]]:
    """What priors must have in common to be averaged."""
    return prior.repulsion_exponent, {len(term.cosine) for term in (*prior.dihedrals, *prior.impropers)}


def _topology(path: Path) -> Topology:
    with H5mdFile(path) as file:
        return file.topology
