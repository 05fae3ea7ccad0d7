"""The force field: prior plus network of one molecule, as values and bound for simulation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.model.compiled import CompiledPotential, is_built
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential
from cgpipe.prior.prior import Prior, PriorParameters


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


def bind_force_fields(
    folds: list[ForceField], *, dtype: torch.dtype, device: torch.device, n_table_knots: int
) -> Potential:
    """Mean of the folds' potentials for simulation, with tabulated filters and frozen parameters.

    On a CPU it is the compiled engine where that was built, otherwise torch alone.
    Raises DataError if the folds are of different molecules, temperatures, priors or networks.
    """
    first = folds[0]
    if any(_kind(fold) != _kind(first) for fold in folds):
        raise DataError("the force fields differ in molecule, temperature, prior or network; train folds together")
    networks = [_bind_trained(fold, n_table_knots) for fold in folds]
    if device.type == "cpu" and is_built():
        return CompiledPotential(first.prior, networks)
    mean = SumPotential([Prior(first.prior), MeanPotential(networks)])
    return mean.to(device=device, dtype=dtype).requires_grad_(requires_grad=False).eval()


def _kind(fold: ForceField) -> tuple[Topology, float, PriorParameters, NetworkSection]:
    """What the folds of one force field share."""
    return fold.topology, fold.temperature, fold.prior, fold.network


def _bind_trained(force_field: ForceField, n_table_knots: int) -> SchNet:
    network = bind_network(
        force_field.network,
        force_field.topology,
        types=force_field.types,
        energy_scale=force_field.energy_scale,
    ).double()
    network.load_state_dict(force_field.weights)
    return tabulate(network, n_table_knots)
