"""Prior and tabulated networks of one molecule, fused into one compiled function for simulation on CPUs."""

import ctypes
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from cgpipe.errors import CgpipeError, DataError
from cgpipe.model.native import Native, NetworkData, network_data, readable, structure
from cgpipe.model.packing import NetworkArrays, pack_network
from cgpipe.model.schnet import SchNet
from cgpipe.potential import Potential
from cgpipe.prior.prior import PriorParameters

_SITES = ("bonds", "angles", "torsions", "repulsions")
_COUNTS = (*(f"n_{name}" for name in _SITES), "n_multiplicities", "exponent")
_NUMBERS = ("bond_centre", "bond_stiffness", "angle_centre", "angle_stiffness", "cosine", "sine", "diameter")
_PriorData = structure(
    "PriorData",
    **dict.fromkeys(_COUNTS, ctypes.c_int),
    strength=ctypes.c_double,
    **dict.fromkeys((*_SITES, *_NUMBERS), ctypes.c_void_p),
)
_LangevinData = structure(
    "LangevinData",
    **dict.fromkeys(("timestep", "friction", "thermal_energy"), ctypes.c_double),
    masses=ctypes.c_void_p,
)


class CompiledPotential(Potential):
    """Prior plus the mean of tabulated networks, with the Langevin steps, as one function of C++.

    It works in the precision of the positions that it is given. What happens to a replica depends neither on the others
    nor on the number of threads, which is torch's.
    """

    def __init__(self, prior: PriorParameters, networks: Sequence[SchNet]) -> None:
        """Raises DataError if the networks differ in their settings."""
        super().__init__()
        if any(network.section != networks[0].section for network in networks):
            raise DataError("the networks of one force field differ in their settings; train folds together")
        self._prior, self._networks = prior, tuple(networks)
        self._engines: dict[torch.dtype, _Engine] = {}

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of each frame, differentiable once."""
        energy: Tensor = _Energy.apply(positions, self)
        return energy

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces of each frame. Raises CgpipeError if the engine was not built."""
        engine, positions = self._engine(positions), self._readable(positions, positions)
        energy, forces = positions.new_empty(len(positions)), torch.empty_like(positions)
        engine.call("evaluate", len(positions), positions, energy, forces)
        return energy, forces

    def langevin_steps(
        self,
        positions: Tensor,
        velocities: Tensor,
        forces: Tensor,
        *,
        masses: Tensor,
        noise: Tensor,
        timestep: float,
        friction: float,
        thermal_energy: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `cgpipe.potential.Propagator` says."""
        engine = self._engine(positions)
        noise = readable(noise, positions.dtype, (len(noise), *positions.shape))
        amu = readable(masses.double(), torch.float64, positions.shape[1:2])
        start = (positions, velocities, forces)
        positions, velocities, forces = (self._readable(part, positions).clone() for part in start)
        energy = positions.new_empty(len(positions))
        data = ctypes.byref(_LangevinData(timestep, friction, thermal_energy, amu.data_ptr()))
        engine.call("langevin", data, len(positions), len(noise), positions, velocities, energy, forces, noise)
        return positions, velocities, forces, energy

    def _readable(self, part: Tensor, positions: Tensor) -> Tensor:
        """An array of the positions' precision and number, and of this molecule."""
        return readable(part, positions.dtype, (len(positions), self._networks[0].edges.n_beads, 3))

    def _engine(self, positions: Tensor) -> "_Engine":
        """The engine in the precision of the positions."""
        if positions.dtype not in self._engines:
            self._engines[positions.dtype] = _Engine(self._prior, self._networks, positions.dtype)
        return self._engines[positions.dtype]


class _Energy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, positions: Tensor, potential: CompiledPotential) -> Tensor:
        energy, forces = potential.energy_and_forces(positions)
        ctx.save_for_backward(forces)
        return energy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -gradient[:, None, None] * ctx.saved_tensors[0], None


class _Engine:
    """The object that C++ made, in one precision."""

    def __init__(self, prior: PriorParameters, networks: Sequence[SchNet], dtype: torch.dtype) -> None:
        self._native = Native(dtype)
        packed = [_packed(network, self._native.lanes, dtype) for network in networks]
        terms = _prior_arrays(prior)
        cutoff = networks[0].section.cutoff_nm  # of all, as of one force field
        networks_data = (NetworkData * len(packed))(*(network_data(arrays, cutoff) for arrays in packed))
        create = self._native.function("create")
        create.restype = ctypes.c_void_p
        n_beads = networks[0].edges.n_beads
        handle = create(n_beads, ctypes.byref(_prior_data(prior, terms)), len(packed), networks_data)
        if not handle:
            raise CgpipeError("memory ran out for the tables of the networks; lower simulation.n_table_knots")
        self._handle = ctypes.c_void_p(handle)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._native.function("destroy")(self._handle)

    def call(self, name: str, *arguments: Any) -> None:
        self._native.call(name, self._handle, *arguments)


@torch.no_grad()
def _packed(network: SchNet, lanes: int, dtype: torch.dtype) -> NetworkArrays:
    """Multiplied out in the precision of the network, then rounded."""
    arrays = pack_network(network, lanes=lanes)
    parts = {field.name: getattr(arrays, field.name).to("cpu", dtype).contiguous() for field in fields(arrays)}
    return NetworkArrays(**parts)


def _prior_arrays(prior: PriorParameters) -> dict[str, NDArray[Any]]:
    """Sites and parameters of the classical terms, by the names of PriorData."""
    terms = {name: getattr(prior, name) for name in _SITES}
    sites = {name: np.array([term.sites for term in found], dtype=np.intc) for name, found in terms.items()}
    numbers = {
        "bond_centre": [term.centre for term in prior.bonds],
        "bond_stiffness": [term.stiffness for term in prior.bonds],
        "angle_centre": [term.centre for term in prior.angles],
        "angle_stiffness": [term.stiffness for term in prior.angles],
        "cosine": [term.cosine for term in prior.torsions],
        "sine": [term.sine for term in prior.torsions],
        "diameter": [term.diameter for term in prior.repulsions],
    }
    return sites | {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}


def _prior_data(prior: PriorParameters, arrays: dict[str, NDArray[Any]]) -> ctypes.Structure:
    """Points into the arrays, which must outlive it."""
    counts = {f"n_{name}": len(arrays[name]) for name in _SITES}
    return _PriorData(
        **counts,
        n_multiplicities=len(prior.torsions[0].cosine) if prior.torsions else 0,
        exponent=prior.repulsion_exponent,
        strength=prior.repulsion_strength,
        **{name: array.ctypes.data for name, array in arrays.items()},
    )
