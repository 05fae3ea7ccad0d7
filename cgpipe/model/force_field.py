"""The force field: prior plus network of one molecule, as values and bound for simulation."""

from dataclasses import dataclass
from typing import Any

import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
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


def bead_types(topology: Topology) -> list[int]:
    """Embedding row of each bead: equal types share one, in alphabetical order of the types."""
    order = sorted(set(topology.types))
    return [order.index(kind) for kind in topology.types]


def bind_network(network: NetworkSection, topology: Topology, *, energy_scale: float) -> SchNet:
    """Untrained network of a molecule; weights come from torch's generator."""
    return SchNet(network, bead_types=bead_types(topology), energy_scale=energy_scale)


def bind_force_fields(
    folds: list[ForceField], *, dtype: torch.dtype, device: torch.device, n_table_knots: int
) -> Potential:
    """Mean of the folds' potentials for simulation, with tabulated filters and frozen parameters.

    Raises DataError if the folds are of different molecules, temperatures or priors.
    """
    first = folds[0]
    for fold in folds:
        if (fold.topology, fold.temperature, fold.prior) != (first.topology, first.temperature, first.prior):
            raise DataError("the force fields differ in molecule, temperature or prior; train their folds together")
    networks = [_bind_trained(fold, n_table_knots) for fold in folds]
    mean = SumPotential([Prior(first.prior), MeanPotential(networks)])
    return mean.to(device=device, dtype=dtype).requires_grad_(requires_grad=False).eval()


def _bind_trained(force_field: ForceField, n_table_knots: int) -> SchNet:
    network = bind_network(force_field.network, force_field.topology, energy_scale=force_field.energy_scale).double()
    network.load_state_dict(force_field.weights)
    return tabulate(network, n_table_knots)
