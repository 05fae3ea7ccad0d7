"""Several processes that train one network: each takes a share of every batch, and all make the same step.

They are started by torchrun, whose environment variables say who is who. The gradient is that of one process with the
whole batch, up to the order of a sum, so work may go on with another number of processes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from cgpipe.errors import DataError
from cgpipe.training.batches import Frames


@dataclass(frozen=True)
class Workers:
    """One process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def writes(self) -> bool:
        """Whether this process writes what all have made."""
        return self.rank == 0

    def share(self, frames: Frames) -> Frames:
        """Part of a batch that is this process's; shares differ by one frame at most, and may be empty."""
        if self.count == 1:
            return frames
        ends = [len(frames) * rank // self.count for rank in (self.rank, self.rank + 1)]
        return Frames(frames.positions[slice(*ends)], frames.forces[slice(*ends)])

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace the gradients of this process by the sum over all."""
        if self.count == 1:
            return
        trained = list(parameters)
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.ravel() for parameter in trained if parameter.grad is not None])
        distributed.all_reduce(flat)
        pieces = flat.split([parameter.numel() for parameter in trained])
        for parameter, piece in zip(trained, pieces, strict=True):
            parameter.grad = piece.view_as(parameter)

    def sum(self, value: float | Tensor) -> float:
        """Sum of a number over all processes, the same in each."""
        if self.count == 1:
            return float(value)
        total = torch.as_tensor(value, dtype=torch.float64).to(self.device).clone()
        distributed.all_reduce(total)
        return float(total)

    def require_equal(self, value: int, *, what: str) -> None:
        """Raises DataError unless all processes have the same number."""
        mean = self.sum(value) / self.count
        different = self.sum(float(mean != value))
        if different:
            raise DataError(
                f"{what}: process {self.rank} has {value}, the mean of all {self.count} is {mean:g}; "
                "a file system showed some of them an old file, so start them again"
            )


ALONE = Workers(0, 1, torch.device("cpu"))
"""A process that trains by itself."""


@contextmanager
def workers_of_this_run(device: torch.device) -> Iterator[Workers]:
    """The processes that torchrun started with this one, joined while the block runs; on GPUs one a device."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Workers(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Workers(distributed.get_rank(), count, device)
    finally:
        distributed.destroy_process_group()
