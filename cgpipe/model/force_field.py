"""The force field as values: prior and network of one molecule, and which bead has which row of the embedding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.model.schnet import SchNet
from cgpipe.prior.prior import PriorParameters


@dataclass(frozen=True)
class ForceField:
    """A trained CG model of one molecule."""

    topology: Topology
    prior: PriorParameters
    network: NetworkSection
    weights: dict[str, torch.Tensor]
    """State of the network."""
    temperature: float
    """K, at which the model is a free energy."""
    energy_scale: float
    """kJ/mol."""
    provenance: dict[str, Any]
    types: tuple[str, ...]
    """Bead types in the order of the embedding."""


def known_types(topologies: Sequence[Topology]) -> tuple[str, ...]:
    """Bead types of some molecules, in alphabetical order."""
    return tuple(sorted({kind for topology in topologies for kind in topology.types}))


def bead_types(topology: Topology, types: tuple[str, ...]) -> list[int]:
    """Embedding row of each bead; equal types share one. Raises DataError for types that are not known."""
    if unknown := sorted(set(topology.types) - set(types)):
        raise DataError(
            f"the model knows nothing of {', '.join(unknown)}: no molecule that it was trained on has them; add one "
            f"that does to train_on (known: {', '.join(types)})"
        )
    return [types.index(kind) for kind in topology.types]


def bind_network(network: NetworkSection, topology: Topology, *, types: tuple[str, ...], energy_scale: float) -> SchNet:
    """Untrained network of a molecule; weights come from torch's generator."""
    rows = bead_types(topology, types)
    return SchNet(network, bead_types=rows, energy_scale=energy_scale, n_types=len(types))
