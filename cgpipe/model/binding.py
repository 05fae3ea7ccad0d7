"""Force fields bound for simulation: by the compiled engine where it can be, otherwise by torch."""

import torch

from cgpipe.errors import DataError
from cgpipe.model.compiled import CompiledPotential
from cgpipe.model.force_field import ForceField, bind_network
from cgpipe.model.native import is_built
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential
from cgpipe.prior.prior import Prior


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


def _kind(fold: ForceField) -> tuple[object, ...]:
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
