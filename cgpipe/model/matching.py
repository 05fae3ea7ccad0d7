"""The force-matching loss of a network and its derivatives in one compiled function, for training on CPUs."""

import ctypes
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cgpipe.data.topology import Topology
from cgpipe.model.force_field import bead_types
from cgpipe.model.native import Native, is_built, network_data, readable
from cgpipe.model.packing import NetworkArrays, pack_network
from cgpipe.model.schnet import SchNet
from cgpipe.potential import Potential


class MatchingNetwork(Potential):
    """A network that gives its own force loss, with the derivatives by its weights worked out by hand.

    The filters are tables as in simulation, made anew from the filter networks for each batch. The last bits depend on
    the number of threads, which is torch's.
    """

    def __init__(self, network: SchNet) -> None:
        super().__init__()
        self.network = network

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of each frame by torch."""
        return self.network.energy(positions)

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces by torch."""
        return self.network.energy_and_forces(positions)

    def force_loss(self, positions: Tensor, forces: Tensor) -> Tensor:
        """As `cgpipe.potential.ForceMatching` says."""
        native = Native(positions.dtype)
        arrays = pack_network(self.network, lanes=native.lanes)
        parts = (getattr(arrays, field.name) for field in fields(arrays))
        loss: Tensor = _ForceLoss.apply(positions, forces, native, self.network.section.cutoff_nm, *parts)
        return loss


def bind_training(network: SchNet, topology: Topology, *, types: tuple[str, ...]) -> Potential:
    """What a molecule learns with: the network on it, sharing the weights, by the compiled engine where it can be."""
    bound = network.on_molecule(bead_types(topology, types))
    on_cpu = bound.embedding.weight.device.type == "cpu"
    return MatchingNetwork(bound) if on_cpu and is_built() else bound


class _ForceLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, positions: Tensor, forces: Tensor, native: Native, cutoff: float, *parts: Tensor) -> Tensor:
        dtype, shape = positions.dtype, (len(positions), len(parts[0]), 3)
        arrays = NetworkArrays(*(readable(part, dtype, part.shape) for part in parts))
        wanted = any(ctx.needs_input_grad)
        gradients = NetworkArrays(*(torch.zeros_like(part) for part in vars(arrays).values())) if wanted else None
        loss = ctypes.c_double()
        native.call(
            "force_loss",
            positions.shape[1],
            ctypes.byref(network_data(arrays, cutoff)),
            len(positions),
            readable(positions, dtype, shape),
            readable(forces, dtype, shape),
            ctypes.byref(loss),
            ctypes.byref(network_data(gradients, cutoff)) if gradients else None,
        )
        if gradients:
            ctx.save_for_backward(*vars(gradients).values())
        return positions.new_tensor(loss.value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, None, None, *(gradient * part for part in ctx.saved_tensors)
