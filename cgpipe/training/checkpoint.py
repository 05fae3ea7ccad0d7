"""The state of a training after an epoch, in one file, from which it continues with the same bits."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from cgpipe.data.tensors import load_tensors, save_tensors
from cgpipe.errors import DataError


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch; losses in (kJ/mol/nm)^2."""

    epoch: int
    learning_rate: float
    training_loss: float
    validation_loss: float


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on."""

    weights: dict[str, Tensor]
    best_weights: dict[str, Tensor]
    adam: dict[str, Tensor]
    """State of the optimiser, `{parameter index}.{name}`."""
    history: list[Epoch]

    @property
    def best_epoch(self) -> int:
        """Position in the history of the lowest validation loss."""
        return min(range(len(self.history)), key=lambda k: self.history[k].validation_loss)


def save_state(path: Path, state: TrainingState, *, fingerprint: str) -> None:
    """Replace the checkpoint by a newer one."""
    groups = {"weights": state.weights, "best_weights": state.best_weights, "adam": state.adam}
    arrays = {f"{group}/{key}": t.detach().cpu().numpy() for group, part in groups.items() for key, t in part.items()}
    header = {"history": [asdict(epoch) for epoch in state.history], "fingerprint": fingerprint}
    save_tensors(path, arrays, header)


def load_state(path: Path, *, fingerprint: str, device: torch.device) -> TrainingState | None:
    """Checkpoint of a training with the same fingerprint; None if there is none that fits."""
    try:
        arrays, header = load_tensors(path)
    except DataError as error:
        if isinstance(error.__cause__, OSError) and path.exists():  # of the system: a good checkpoint may lie there
            raise
        return None
    if header.get("fingerprint") != fingerprint:
        return None
    groups: dict[str, dict[str, Tensor]] = {"weights": {}, "best_weights": {}, "adam": {}}
    try:
        for key, array in arrays.items():
            group, name = key.split("/", maxsplit=1)
            groups[group][name] = torch.from_numpy(array).to(device)
        return TrainingState(**groups, history=[Epoch(**epoch) for epoch in header["history"]])
    except (KeyError, TypeError, ValueError):  # damaged where nothing sums it up
        return None


def adam_tensors(optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """State of the optimiser as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{name}": value for index, values in state.items() for name, value in values.items()}


def restore_adam(optimiser: torch.optim.Adam, tensors: dict[str, Tensor]) -> None:
    """Put a saved state back."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value.cpu() if name == "step" else value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
