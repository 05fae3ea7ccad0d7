"""Force fields bound for simulation: by the compiled engine where it can be, otherwise by torch."""

from collections.abc import Sequence

import torch

from cgpipe.errors import DataError
from cgpipe.model.compiled import CompiledPotential
from cgpipe.model.force_field import ForceField, bind_network
from cgpipe.model.native import is_built
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential
from cgpipe.prior.prior import Prior, PriorParameters


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
    networks = [_trained(fold) for fold in folds]
    return bind_simulation(first.prior, networks, dtype=dtype, device=device, n_table_knots=n_table_knots)


def bind_simulation(
    prior: PriorParameters,
    networks: Sequence[SchNet],
    *,
    dtype: torch.dtype,
    device: torch.device,
    n_table_knots: int,
    compiled: bool = True,
) -> Potential:
    """Prior plus the mean of networks in double precision, which are consumed; without the engine if asked."""
    tables = [tabulate(network, n_table_knots) for network in networks]
    if compiled and device.type == "cpu" and is_built():
        return CompiledPotential(prior, tables)
    mean = SumPotential([Prior(prior), MeanPotential(tables)])
    return mean.to(device=device, dtype=dtype).requires_grad_(requires_grad=False).eval()


def _kind(fold: ForceField) -> tuple[object, ...]:
    """What the folds of one force field share."""
    return fold.topology, fold.temperature, fold.prior, fold.network


def _trained(force_field: ForceField) -> SchNet:
    network = bind_network(
        force_field.network,
        force_field.topology,
        types=force_field.types,
        energy_scale=force_field.energy_scale,
    ).double()
    network.load_state_dict(force_field.weights)
    return network
