"""The one file that is enough to simulate.

A safetensors file holds the network's weights; its JSON header holds topology, prior, network settings and provenance.
"""

from pathlib import Path

import torch

from cgpipe.config.project import complete, plain
from cgpipe.config.sections import NetworkSection
from cgpipe.data.tensors import load_tensors, save_tensors
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.model.force_field import ForceField
from cgpipe.prior.prior import PriorParameters


def save_force_field(path: Path, force_field: ForceField) -> None:
    """Write the one file."""
    header = {
        "topology": force_field.topology.to_plain(),
        "prior": force_field.prior.to_plain(),
        "network": plain(force_field.network),
        "temperature_K": force_field.temperature,
        "energy_scale_kJ_per_mol": force_field.energy_scale,
        "provenance": force_field.provenance,
        "types": list(force_field.types),
    }
    save_tensors(path, {key: value.detach().cpu().numpy() for key, value in force_field.weights.items()}, header)


def load_force_field(path: Path) -> ForceField:
    """Read the one file. Raises DataError if it is missing, damaged or not a force field of cgpipe."""
    arrays, header = load_tensors(path)
    try:
        return ForceField(
            Topology.from_plain(header["topology"], source=str(path)),
            PriorParameters.from_plain(header["prior"], source=str(path)),
            complete(NetworkSection, header["network"], source=str(path)),
            {key: torch.from_numpy(array) for key, array in arrays.items()},
            header["temperature_K"],
            header["energy_scale_kJ_per_mol"],
            header["provenance"],
            tuple(header["types"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is not a force field of cgpipe: it lacks {error}; train it again") from error
