"""The weights of a tabulated network as the arrays that the compiled engine reads.

The features of a bead are linear in the hidden layers h_b of the blocks, x = x0 + sum_b (W2_b h_b + b2_b). What later
layers read of x, W0 x in each further block and the head's input, is therefore one matrix of each h_b, multiplied out
here once in double precision: of the eleven matrix products of two blocks, forward and backward, eight remain.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.model.radial import FilterTable
from cgpipe.model.schnet import SchNet


@dataclass(frozen=True)
class NetworkArrays:
    """Arrays of one network, rows padded with zeros to whole vectors; mixed = (n_blocks - 1) n_features + n_head.

    | field       | shape                                        |                                         |
    |-------------|----------------------------------------------|-----------------------------------------|
    | sent        | (n_beads, n_features)                        | what beads send in the first block      |
    | constant    | (n_beads, mixed)                             | read by later layers whatever the h_b   |
    | tables      | (n_blocks, n_knots, 2, n_features)           | W and spacing dW/dd                     |
    | update      | (n_blocks, n_features, n_features)           | message to h_b                          |
    | update_bias | (n_blocks, n_features)                       |                                         |
    | mix         | of block b (n_features, mixed - b n_features) | h_b to what later layers read          |
    | head        | (n_head,)                                    | times the energy scale                  |
    """

    sent: NDArray[np.floating]
    constant: NDArray[np.floating]
    tables: NDArray[np.floating]
    update: NDArray[np.floating]
    update_bias: NDArray[np.floating]
    mix: NDArray[np.floating]
    """All blocks one after the other, flat."""
    head: NDArray[np.floating]


@torch.no_grad()
def pack_network(network: SchNet, *, lanes: int, dtype: torch.dtype) -> NetworkArrays:
    """Arrays of a tabulated network; lanes is the number of elements in a vector of the CPU."""
    layers = network.layers
    tables = [block.filter for block in layers if isinstance(block.filter, FilterTable)]
    readers = [*(block.senders.weight for block in layers[1:]), network.head_inner.weight]
    parts = {
        "sent": _padded(layers[0].senders(network.embedding(network.bead_types)), lanes),
        "constant": torch.cat([_padded(part, lanes) for part in _constants(network, readers)], dim=-1),
        "tables": torch.stack([_padded(table.knots(), lanes) for table in tables]),
        "update": torch.stack([_padded(block.inner.weight.T, lanes, rows=True) for block in layers]),
        "update_bias": torch.stack([_padded(block.inner.bias, lanes) for block in layers]),
        "mix": torch.cat([_mix(block.outer.weight, readers[k:], lanes).flatten() for k, block in enumerate(layers)]),
        "head": _padded(network.energy_scale * network.head_outer.weight[0], lanes),
    }
    return NetworkArrays(**{name: part.to("cpu", dtype).contiguous().numpy() for name, part in parts.items()})


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
    return torch.nn.functional.pad(matrix, padding)
