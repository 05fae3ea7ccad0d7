"""The training of one fold: Adam with a cosine schedule, clipping, early stopping, a checkpoint every epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cgpipe.config.sections import TrainingSection
from cgpipe.errors import FitError
from cgpipe.potential import Potential
from cgpipe.progress import Progress
from cgpipe.seeding import stream
from cgpipe.training.batches import Molecule, mixed_batches
from cgpipe.training.checkpoint import (
    Epoch,
    TrainingState,
    adam_tensors,
    load_state,
    restore_adam,
    save_state,
)
from cgpipe.training.loss import force_loss, total_loss
from cgpipe.training.workers import ALONE, Workers


@dataclass(frozen=True)
class Resume:
    """Where the checkpoint lies, and the fingerprint of the work that it belongs to."""

    path: Path
    fingerprint: str


def train(
    network: Potential,
    molecules: Sequence[Molecule],
    section: TrainingSection,
    *,
    root_seed: int,
    name: str,
    resume: Resume,
    workers: Workers = ALONE,
) -> TrainingState:
    """Weights of the epoch with the lowest validation loss, and the history.

    molecules : what is learned from; their potentials share the parameters of the network
    name      : names the random stream and the progress line
    workers   : this process among those that train together; every one gets the same state
    Raises FitError if the loss stops being finite.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=section.learning_rate, fused=True)
    device = next(network.parameters()).device
    state = load_state(resume.path, fingerprint=resume.fingerprint, device=device)
    if state is None:
        state = TrainingState(_weights(network), _weights(network), {}, [])
    else:
        network.load_state_dict(state.weights)
        restore_adam(optimiser, state.adam)
    workers.require_equal(len(state.history), what="epochs in the checkpoint")
    with Progress(f"train {name}", total=section.n_epochs, unit="epochs", done=len(state.history)) as progress:
        while not _finished(state, section):
            epoch = len(state.history)
            rng = stream(root_seed, name, "batches", epoch)
            loss = _train_epoch(network, optimiser, molecules, section, epoch=epoch, rng=rng, workers=workers)
            metrics = Epoch(epoch, optimiser.param_groups[0]["lr"], loss, _validation_loss(molecules, workers))
            _require_finite(metrics, name)
            state = _next_state(state, network, optimiser, metrics)
            if workers.writes:
                save_state(resume.path, state, fingerprint=resume.fingerprint)
            progress.update(1, f"validation loss {metrics.validation_loss:.1f} (kJ/mol/nm)^2")
    return state


def _weights(network: Potential) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in network.state_dict().items()}


def _finished(state: TrainingState, section: TrainingSection) -> bool:
    n_done = len(state.history)
    return n_done >= section.n_epochs or (n_done > 0 and n_done - 1 - state.best_epoch >= section.patience)


def _train_epoch(
    network: Potential,
    optimiser: torch.optim.Adam,
    molecules: Sequence[Molecule],
    section: TrainingSection,
    *,
    epoch: int,
    rng: np.random.Generator,
    workers: Workers,
) -> float:
    """Mean loss of the batches of one epoch, each before its update, (kJ/mol/nm)^2."""
    batches = mixed_batches(molecules, section.batch_size, rng)
    total = torch.zeros((), dtype=torch.float64, device=next(network.parameters()).device)
    for index, (molecule, batch) in enumerate(batches):
        optimiser.param_groups[0]["lr"] = learning_rate(section, (epoch + index / len(batches)) / section.n_epochs)
        optimiser.zero_grad()
        if len(share := workers.share(batch)):
            loss = force_loss(molecule.potential, share) * (len(share) / len(batch))
            (loss / molecule.scale).backward()
            total += loss.detach() * len(batch)
        workers.sum_gradients(network.parameters())
        torch.nn.utils.clip_grad_norm_(network.parameters(), section.gradient_clip)
        optimiser.step()
    return workers.sum(total / sum(len(molecule.training) for molecule in molecules))


def _validation_loss(molecules: Sequence[Molecule], workers: Workers) -> float:
    """Mean loss of all validation frames, (kJ/mol/nm)^2, each molecule weighted as in training."""
    counts = [len(molecule.validation) for molecule in molecules]
    typical = sum(n * molecule.scale for n, molecule in zip(counts, molecules, strict=True)) / sum(counts)
    losses = [total_loss(molecule.potential, workers.share(molecule.validation)) for molecule in molecules]
    total = sum(loss * (typical / molecule.scale) for loss, molecule in zip(losses, molecules, strict=True))
    return workers.sum(total) / sum(counts)


def learning_rate(section: TrainingSection, progress: float) -> float:
    """Cosine from the first to the final learning rate; progress in [0, 1]."""
    span = section.learning_rate - section.final_learning_rate
    return section.final_learning_rate + 0.5 * span * (1 + math.cos(math.pi * progress))


def _require_finite(metrics: Epoch, name: str) -> None:
    if not math.isfinite(metrics.training_loss + metrics.validation_loss):
        raise FitError(
            f"the loss of {name} stopped being finite in epoch {metrics.epoch}; lower training.learning_rate"
        )


def _next_state(state: TrainingState, network: Potential, optimiser: torch.optim.Adam, metrics: Epoch) -> TrainingState:
    weights = _weights(network)
    history = [*state.history, metrics]
    improved = metrics.validation_loss <= min(epoch.validation_loss for epoch in history)
    best = weights if improved else state.best_weights
    return TrainingState(weights, best, adam_tensors(optimiser), history)
