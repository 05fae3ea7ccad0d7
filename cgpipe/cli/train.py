"""Train the network of one fold by force matching on what the prior leaves unexplained.

A checkpoint is written every epoch; the same command resumes from it and ends with the same bits. Given several
molecules, one network learns from all, one molecule a batch; `--target` names the molecule that the force field is for,
which need not be among them.

Started by torchrun, several processes share every batch; they may be more or fewer when training is resumed:
torchrun --standalone --nproc-per-node 2 -m cgpipe.cli.main train ...

example: cgpipe train --section training.yaml --network network.yaml --split split.yaml --temperature 300 --fold 0 \\
             --beads b0.h5md b1.h5md --prior prior.json --output model.safetensors --history history.csv
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from cgpipe.analysis.thinness import thinness
from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.cli.beads import joined, load_beads, split_of_files
from cgpipe.cli.hardware import add_device, add_threads, set_threads, torch_dtype
from cgpipe.cli.prior_file import PriorFile, load_prior
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import NetworkSection, SplitSection, TrainingSection
from cgpipe.data.files import whole_file
from cgpipe.data.h5md import load_trajectories
from cgpipe.data.split import Split
from cgpipe.data.topology import Topology
from cgpipe.model.force_field import ForceField, bind_network, known_types
from cgpipe.model.force_field_file import save_force_field
from cgpipe.model.matching import bind_training
from cgpipe.potential import Potential
from cgpipe.prior.prior import Prior
from cgpipe.provenance import fingerprint, hashes, provenance
from cgpipe.seeding import integer_seed, stream
from cgpipe.training.batches import Frames, Molecule, frames_on
from cgpipe.training.checkpoint import TrainingState
from cgpipe.training.loop import Resume, train
from cgpipe.training.loss import mean_loss
from cgpipe.training.noise import Noise
from cgpipe.training.targets import residual_forces
from cgpipe.training.workers import Workers, workers_of_this_run
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
    parser.add_argument(
        "--beads",
        type=Path,
        nargs="+",
        action="append",
        required=True,
        metavar="FILE",
        help="bead trajectories of one molecule; repeat the option for each further molecule",
    )
    parser.add_argument(
        "--prior", type=Path, required=True, metavar="FILE", help="what `cgpipe prior` or `cgpipe transfer` wrote"
    )
    parser.add_argument(
        "--target", type=Path, metavar="FILE", help="beads of the molecule to simulate (default: the first)"
    )
    parser.add_argument("--history", type=Path, required=True, metavar="FILE", help="CSV file of the losses")
    add_output(parser, what="force field: network, prior and topology in one file")


def run(args: argparse.Namespace) -> None:
    """Write the force field and the history of one fold."""
    set_threads(args.threads)
    with workers_of_this_run(torch.device(args.device)) as workers:
        _train(args, workers)


def _train(args: argparse.Namespace, workers: Workers) -> None:
    section = parse_section(TrainingSection, args.section)
    network_section = parse_section(NetworkSection, args.network)
    split_section = parse_section(SplitSection, args.split)
    prior = load_prior(args.prior)
    device, dtype = workers.device, torch_dtype(section.precision)
    energy_scale = thermal_energy(args.temperature)
    noise = Noise(section.noise_nm, energy_scale, stream(args.seed, "positions", args.fold))
    data = [
        _load(paths, prior, split_section, args.seed, noise, dtype, device, flatten=section.flatten)
        for paths in args.beads
    ]
    topology = data[0].topology if args.target is None else load_trajectories(args.target)[0].topology
    settings = {
        "training": plain(section),
        "network": plain(network_section),
        "split": plain(split_section),
        "temperature_K": args.temperature,
        "fold": args.fold,
    }
    inputs = [*(path for group in args.beads for path in group), args.prior, *([args.target] if args.target else [])]
    record = provenance("train", settings, seed=args.seed, inputs=inputs)
    torch.manual_seed(integer_seed(args.seed, "network", args.fold))
    types = known_types([part.topology for part in data])
    network = bind_network(network_section, topology, types=types, energy_scale=energy_scale).to(device, dtype)
    molecules = [part.molecule(bind_training(network, part.topology, types=types), args.fold) for part in data]
    resume = Resume(args.output.with_name(f".{args.output.name}.checkpoint"), fingerprint(record))
    state = train(
        network, molecules, section, root_seed=args.seed, name=f"fold {args.fold}", resume=resume, workers=workers
    )
    if not workers.writes:
        return
    network.load_state_dict(state.best_weights)
    _save_history(args.history, state)
    record["outputs"] = hashes([args.history])
    record["losses_kJ2_per_mol2_nm2"] = [
        _report(molecule.potential, part, args.fold) for molecule, part in zip(molecules, data, strict=True)
    ]
    force_field = ForceField(
        topology,
        prior.bound(topology),
        network_section,
        state.best_weights,
        args.temperature,
        energy_scale,
        record,
        types,
    )
    save_force_field(args.output, force_field)
    resume.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Data:
    """Labelled frames of one molecule, and their split."""

    topology: Topology
    frames: Frames
    split: Split

    def molecule(self, network: Potential, fold: int) -> Molecule:
        training, validation = (
            self.frames.select(frames(fold)) for frames in (self.split.training, self.split.validation)
        )
        return Molecule(network, training, validation.flattened())


def _load(
    paths: list[Path],
    prior: PriorFile,
    section: SplitSection,
    seed: int,
    noise: Noise,
    dtype: torch.dtype,
    device: torch.device,
    *,
    flatten: bool,
) -> _Data:
    trajectories = load_beads(paths)
    split = split_of_files(paths, trajectories, section, seed=seed)
    beads = noise.on(joined(trajectories), split.training())
    labels = residual_forces(beads, Prior(prior.bound(beads.topology)))
    frames = frames_on(beads.positions, labels, dtype=dtype, device=device)
    if flatten:
        chances = torch.from_numpy(thinness(beads.positions, beads.positions[split.training()])).to(device)
        frames = replace(frames, chances=chances)
    return _Data(beads.topology, frames, split)


def _save_history(path: Path, state: TrainingState) -> None:
    with whole_file(path) as temporary:
        pd.DataFrame(state.history).to_csv(temporary, index=False)


def _report(network: Potential, data: _Data, fold: int) -> dict[str, float]:
    """Losses of the chosen weights beside those of the prior alone, on the same frames."""
    losses = {}
    for name, chosen in (("validation", data.split.validation(fold)), ("test", data.split.test())):
        if len(chosen):
            part = data.frames.select(chosen)
            losses[name] = mean_loss(network, part)
            losses[f"{name}_prior_alone"] = float((part.forces.double() ** 2).mean())
    print("  ".join(f"{name} {value:.1f}" for name, value in losses.items()))
    return losses
