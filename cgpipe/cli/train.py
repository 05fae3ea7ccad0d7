"""Train the network of one fold by force matching on what the prior leaves unexplained.

A checkpoint is written every epoch; the same command resumes from it and ends with the same bits.

example: cgpipe train --section training.yaml --network network.yaml --split split.yaml --temperature 300 --fold 0 \\
             --beads b0.h5md b1.h5md --prior prior.json --output model.safetensors --history history.csv
"""

import argparse
from pathlib import Path

import pandas as pd
import torch

from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import joined, load_beads, split_of
from cgpipe.cli.hardware import add_device, add_threads, set_threads, torch_dtype
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import NetworkSection, SplitSection, TrainingSection
from cgpipe.data.files import load_json, whole_file
from cgpipe.data.split import Split
from cgpipe.model.force_field import ForceField, bind_network
from cgpipe.model.force_field_file import save_force_field
from cgpipe.potential import Potential
from cgpipe.prior.prior import Prior, PriorParameters
from cgpipe.provenance import fingerprint, provenance
from cgpipe.seeding import integer_seed
from cgpipe.training.batches import Frames, frames_on
from cgpipe.training.checkpoint import TrainingState
from cgpipe.training.loop import Resume, train
from cgpipe.training.loss import mean_loss
from cgpipe.training.targets import residual_forces
from cgpipe.units import thermal_energy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe train`."""
    add_section(parser, what="`training`")
    add_section(parser, "network", what="`network`")
    add_section(parser, "split", what="`split`")
    parser.add_argument("--temperature", type=float, required=True, metavar="K", help="temperature of the reference")
    parser.add_argument("--fold", type=int, required=True, help="fold that is held out for validation, from 0")
    add_seed(parser)
    add_device(parser)
    add_threads(parser)
    add_inputs(parser, "beads", what="bead trajectories")
    parser.add_argument("--prior", type=Path, required=True, metavar="FILE", help="what `cgpipe prior` wrote")
    parser.add_argument("--history", type=Path, required=True, metavar="FILE", help="CSV file of the losses")
    add_output(parser, what="force field: network, prior and topology in one file")


def run(args: argparse.Namespace) -> None:
    """Write the force field and the history of one fold."""
    set_threads(args.threads)
    section = parse_section(TrainingSection, args.section)
    network_section = parse_section(NetworkSection, args.network)
    split_section = parse_section(SplitSection, args.split)
    trajectories = load_beads(args.beads)
    beads, split = joined(trajectories), split_of(trajectories, split_section, seed=args.seed)
    prior = PriorParameters.from_plain(load_json(args.prior)["parameters"])
    device, dtype = torch.device(args.device), torch_dtype(section.precision)
    frames = frames_on(beads.positions, residual_forces(beads, Prior(prior)), dtype=dtype, device=device)
    settings = {
        "training": plain(section),
        "network": plain(network_section),
        "split": plain(split_section),
        "temperature_K": args.temperature,
        "fold": args.fold,
    }
    record = provenance("train", settings, seed=args.seed, inputs=[*args.beads, args.prior])
    torch.manual_seed(integer_seed(args.seed, "network", args.fold))
    energy_scale = thermal_energy(args.temperature)
    network = bind_network(network_section, beads.topology, energy_scale=energy_scale).to(device, dtype)
    resume = Resume(args.output.with_name(f".{args.output.name}.checkpoint"), fingerprint(record))
    state = train(
        network,
        frames.select(split.training(args.fold)),
        frames.select(split.validation(args.fold)),
        section,
        root_seed=args.seed,
        name=f"fold {args.fold}",
        resume=resume,
    )
    network.load_state_dict(state.best_weights)
    _save_history(args.history, state)
    record["losses_kJ2_per_mol2_nm2"] = _report(network, frames, split, args.fold)
    force_field = ForceField(
        beads.topology, prior, network_section, state.best_weights, args.temperature, energy_scale, record
    )
    save_force_field(args.output, force_field)
    resume.path.unlink(missing_ok=True)


def _save_history(path: Path, state: TrainingState) -> None:
    with whole_file(path) as temporary:
        pd.DataFrame(state.history).to_csv(temporary, index=False)


def _report(network: Potential, frames: Frames, split: Split, fold: int) -> dict[str, float]:
    """Losses of the chosen weights beside those of the prior alone, on the same frames."""
    losses = {}
    for name, chosen in (("validation", split.validation(fold)), ("test", split.test())):
        if len(chosen):
            part = frames.select(chosen)
            losses[name] = mean_loss(network, part)
            losses[f"{name}_prior_alone"] = float((part.forces.double() ** 2).mean())
    print("  ".join(f"{name} {value:.1f}" for name, value in losses.items()))
    return losses
