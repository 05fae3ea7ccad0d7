"""Fit bonds, angles, dihedrals, impropers and repulsion to the beads, on all frames that are not held out for the test.

Of very many frames an even selection is looked at; their statistical errors are far below what a prior needs.

example: cgpipe prior --section prior.yaml --split split.yaml --temperature 300 --beads b0.h5md b1.h5md \\
             --output prior.json
"""

import argparse

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import joined, load_beads, split_of, thinned
from cgpipe.cli.hardware import set_threads
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import PriorSection, SplitSection
from cgpipe.data.files import save_json
from cgpipe.prior.fit import fit_prior
from cgpipe.prior.prior import Prior
from cgpipe.prior.quality import fit_to_plain, judge_prior
from cgpipe.provenance import provenance
from cgpipe.seeding import stream
from cgpipe.training.noise import Noise
from cgpipe.training.targets import residual_forces
from cgpipe.units import ANGSTROM, KCAL, thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe prior`."""
    add_section(parser, what="`prior`")
    add_section(parser, "split", what="`split`")
    parser.add_argument("--temperature", type=float, required=True, metavar="K", help="temperature of the reference")
    parser.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="NM",
        help="`training.noise_nm`, which moves the frames (default: 0)",
    )
    add_seed(parser)
    add_inputs(parser, "beads", what="bead trajectories")
    add_output(parser, what="JSON file of the parameters and the quality of each fit")


def run(args: argparse.Namespace) -> None:
    """Write the prior."""
    set_threads(1)  # as many as the rule counts; more only wait for each other on arrays this small
    section, split_section = parse_section(PriorSection, args.section), parse_section(SplitSection, args.split)
    trajectories = load_beads(args.beads)
    split = split_of(trajectories, split_section, seed=args.seed)
    energy = thermal_energy(args.temperature)
    noise = Noise(args.noise, energy, stream(args.seed, "positions", "prior"))
    beads = thinned(noise.on(joined(trajectories), split.training()), split.training())
    parameters = fit_prior(beads, section, thermal_energy=energy)
    fits = judge_prior(beads, parameters, thermal_energy=energy)
    settings = {
        "prior": plain(section),
        "split": plain(split_section),
        "temperature_K": args.temperature,
        "noise_nm": args.noise,
    }
    residual = residual_forces(beads, Prior(parameters))
    left = (residual**2).mean(dim=(0, 2)).tolist()
    content = {
        "units": "nm, rad, kJ/mol",
        "parameters": parameters.to_plain(),
        "fits": [fit_to_plain(fit) for fit in fits],
        "label_variance_after_prior_kJ2_per_mol2_nm2": left,
        "n_frames": beads.n_frames,
        "provenance": provenance("prior", settings, seed=args.seed, inputs=args.beads),
    }
    save_json(args.output, content)
    for fit in fits:
        print(f"{fit.label:<60} divergence {fit.divergence:8.4f} nats")
    print("variance of a force component after the prior, (kcal/mol/A)^2")
    for label, variance in zip(beads.topology.labels, left, strict=True):
        print(f"{label:<12}{variance * (ANGSTROM / KCAL) ** 2:12.1f}")
