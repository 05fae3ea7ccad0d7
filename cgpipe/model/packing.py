"""The weights of a network as the arrays that the compiled engine reads, differentiable in the weights.

The features of a bead are linear in the hidden layers h_b of the blocks, x = x0 + sum_b (W2_b h_b + b2_b). What later
layers read of x, W0 x in each further block and the head's input, is therefore one matrix of each h_b, multiplied out
here: of the eleven matrix products of two blocks, forward and backward, eight remain.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cgpipe.model.schnet import SchNet


@dataclass(frozen=True)
class NetworkArrays:
    """Arrays of one network, rows padded with zeros to whole vectors; mixed = (n_blocks - 1) n_features + n_head."""

    sent: Tensor
    """(n_beads, n_features), what the beads send in the first block."""
    constant: Tensor
    """(n_beads, mixed), what later layers read whatever the hidden layers are."""
    tables: Tensor
    """(n_blocks, n_knots, 2, n_features), W and spacing * dW/dd at each knot."""
    update: Tensor
    """(n_blocks, n_features, n_features), from the message to the hidden layer."""
    update_bias: Tensor
    """(n_blocks, n_features)."""
    mix: Tensor
    """Of each block b (n_features, mixed - b n_features), from its hidden layer to what later layers read; flat."""
    head: Tensor
    """(n_head,), kJ/mol."""


def pack_network(network: SchNet, *, lanes: int) -> NetworkArrays:
    """Arrays of a network; lanes is the number of elements in a vector of the CPU."""
    layers = network.layers
    readers = [*(block.senders.weight for block in layers[1:]), network.head_inner.weight]
    return NetworkArrays(
        sent=_padded(layers[0].senders(network.embedding(network.bead_types)), lanes),
        constant=torch.cat([_padded(part, lanes) for part in _constants(network, readers)], dim=-1),
        tables=torch.stack([_padded(block.filter.knots(), lanes) for block in layers]),
        update=torch.stack([_padded(block.inner.weight.T, lanes, rows=True) for block in layers]),
        update_bias=torch.stack([_padded(block.inner.bias, lanes) for block in layers]),
        mix=torch.cat([_mix(block.outer.weight, readers[k:], lanes).flatten() for k, block in enumerate(layers)]),
        head=_padded(network.energy_scale * network.head_outer.weight[0], lanes),
    )


def _constants(network: SchNet, readers: list[Tensor]) -> list[Tensor]:
    """What each reader finds in x without any hidden layer, (n_beads, its width)."""
    features, found = network.embedding(network.bead_types), []
    for block, reader in zip(network.layers, readers, strict=True):
        features = features + block.outer.bias
        found.append(features @ reader.T)
    return [*found[:-1], found[-1] + network.head_inner.bias]


def _mix(outer: Tensor, readers: list[Tensor], lanes: int) -> Tensor:
    """Hidden layer of a block to what the readers find of it, (n_features, their widths together)."""
    return torch.cat([_padded((reader @ outer).T, lanes, rows=True) for reader in readers], dim=-1)


def _padded(matrix: Tensor, lanes: int, *, rows: bool = False) -> Tensor:
    """Zeros after the last column, and row, to whole vectors."""
    padding = [0, -matrix.shape[-1] % lanes, *([0, -matrix.shape[-2] % lanes] if rows else [])]
    return torch.nn.functional.pad(matrix, padding) if any(padding) else matrix
