"""The compiled engine: prior and tabulated networks of one molecule, fused into one C++ function for CPUs.

The sources stand in `cpp/`; docs/engine.md describes the algorithm. setup.py builds them for several kinds of CPU;
where there was no compiler, `is_built` is false and torch alone computes the same.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgpipe.errors import CgpipeError
from cgpipe.model.packing import NetworkArrays, pack_network
from cgpipe.model.schnet import SchNet
from cgpipe.potential import Potential
from cgpipe.prior.prior import PriorParameters

_C_NAMES = {torch.float32: "float", torch.float64: "double"}


def _structure(name: str, **members: Any) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": list(members.items())})


_ARRAYS = {field.name: ctypes.c_void_p for field in fields(NetworkArrays)}
_SITES = ("bonds", "angles", "dihedrals", "repulsions")
_COUNTS = (*(f"n_{name}" for name in _SITES), "n_multiplicities", "exponent")
_NUMBERS = ("bond_centre", "bond_stiffness", "angle_centre", "angle_stiffness", "cosine", "sine", "diameter")
_PriorData = _structure(
    "PriorData",
    **dict.fromkeys(_COUNTS, ctypes.c_int),
    strength=ctypes.c_double,
    **dict.fromkeys((*_SITES, *_NUMBERS), ctypes.c_void_p),
)
_NetworkData = _structure(
    "NetworkData",
    **dict.fromkeys(("n_blocks", "n_features", "n_head", "n_knots"), ctypes.c_int),
    cutoff=ctypes.c_double,
    **_ARRAYS,
)
_LangevinData = _structure(
    "LangevinData",
    **dict.fromkeys(("timestep", "friction", "thermal_energy"), ctypes.c_double),
    masses=ctypes.c_void_p,
)


@cache
def _library() -> ctypes.CDLL | None:
    """The engine for this CPU; None if it was not built."""
    level = {"AVX512": "avx512", "AVX2": "avx2"}.get(torch.backends.cpu.get_cpu_capability(), "default")
    path = Path(__file__).with_name(f"_engine_{level}{EXTENSION_SUFFIXES[0]}")
    return ctypes.CDLL(str(path)) if path.exists() else None


def is_built() -> bool:
    """Whether the compiled engine is there."""
    return _library() is not None


class CompiledPotential(Potential):
    """Prior plus the mean of tabulated networks, with the Langevin steps, as one function of C++.

    It works in the precision of the positions that it is given. What happens to a replica depends neither on the others
    nor on the number of threads, which is torch's.
    """

    def __init__(self, prior: PriorParameters, networks: Sequence[SchNet]) -> None:
        """Raises CgpipeError if the engine was not built."""
        super().__init__()
        library = _library()
        if library is None:
            raise CgpipeError("the compiled engine is missing: install a C++ compiler, then cgpipe again")
        self._library, self._prior, self._networks = library, prior, tuple(networks)
        self._engines: dict[torch.dtype, _Engine] = {}

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of each frame, differentiable once."""
        energy: Tensor = _Energy.apply(positions, self)
        return energy

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces of each frame."""
        engine, positions = self._engine(positions), _readable(positions)
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
        positions, velocities, forces = (_readable(part).clone() for part in (positions, velocities, forces))
        noise, energy, amu = _readable(noise), positions.new_empty(len(positions)), _readable(masses.double())
        data = ctypes.byref(_LangevinData(timestep, friction, thermal_energy, amu.data_ptr()))
        engine.call("langevin", data, len(positions), len(noise), positions, velocities, energy, forces, noise)
        return positions, velocities, forces, energy

    def _engine(self, positions: Tensor) -> "_Engine":
        """The engine in the precision of the positions. Raises CgpipeError for those of another molecule."""
        n_beads = self._networks[0].edges.n_beads
        if positions.shape[1:] != (n_beads, 3):
            raise CgpipeError(
                f"the engine was made for frames of {n_beads} beads and was given an array of shape "
                f"{tuple(positions.shape)}; bind the force field of this molecule"
            )
        if positions.dtype not in self._engines:
            self._engines[positions.dtype] = _Engine(self._library, self._prior, self._networks, positions.dtype)
        return self._engines[positions.dtype]


class _Energy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, positions: Tensor, potential: CompiledPotential) -> Tensor:
        energy, forces = potential.energy_and_forces(positions)
        ctx.save_for_backward(forces)
        return energy

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -gradient[:, None, None] * ctx.saved_tensors[0], None


class _Engine:
    """The object that C++ made, in one precision."""

    def __init__(
        self, library: ctypes.CDLL, prior: PriorParameters, networks: Sequence[SchNet], dtype: torch.dtype
    ) -> None:
        self._library, self._kind = library, _C_NAMES[dtype]
        packed = [pack_network(network, lanes=self._function("lanes")(), dtype=dtype) for network in networks]
        terms = _prior_arrays(prior)
        networks_data = (_NetworkData * len(packed))(
            *(
                _network_data(arrays, network.section.cutoff_nm)
                for arrays, network in zip(packed, networks, strict=True)
            )
        )
        create, self._destroy = self._function("create"), self._function("destroy")
        create.restype = ctypes.c_void_p
        n_beads = networks[0].edges.n_beads
        handle = create(n_beads, ctypes.byref(_prior_data(prior, terms)), len(packed), networks_data)
        if not handle:
            raise CgpipeError("memory ran out for the tables of the networks; lower simulation.n_table_knots")
        self._handle = ctypes.c_void_p(handle)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._destroy(self._handle)

    def call(self, name: str, *arguments: Any) -> None:
        """A function of the engine, tensors given by their address, on torch's number of threads."""
        given = (ctypes.c_void_p(part.data_ptr()) if isinstance(part, Tensor) else part for part in arguments)
        if self._function(name)(self._handle, *given, torch.get_num_threads()):
            raise CgpipeError("memory ran out for the engine's tiles; simulate with fewer --threads")

    def _function(self, name: str) -> Any:
        return self._library[f"{name}_{self._kind}"]


def _readable(tensor: Tensor) -> Tensor:
    """As C++ reads it."""
    return tensor.detach().cpu().contiguous()


def _prior_arrays(prior: PriorParameters) -> dict[str, NDArray[Any]]:
    """Sites and parameters of the classical terms, by the names of PriorData."""
    terms = {name: getattr(prior, name) for name in _SITES}
    sites = {name: np.array([term.sites for term in found], dtype=np.intc) for name, found in terms.items()}
    numbers = {
        "bond_centre": [term.centre for term in prior.bonds],
        "bond_stiffness": [term.stiffness for term in prior.bonds],
        "angle_centre": [term.centre for term in prior.angles],
        "angle_stiffness": [term.stiffness for term in prior.angles],
        "cosine": [term.cosine for term in prior.dihedrals],
        "sine": [term.sine for term in prior.dihedrals],
        "diameter": [term.diameter for term in prior.repulsions],
    }
    return sites | {name: np.array(values, dtype=np.float64) for name, values in numbers.items()}


def _prior_data(prior: PriorParameters, arrays: dict[str, NDArray[Any]]) -> ctypes.Structure:
    """Points into the arrays, which must outlive it."""
    counts = {f"n_{name}": len(arrays[name]) for name in _SITES}
    return _PriorData(
        **counts,
        n_multiplicities=len(prior.dihedrals[0].cosine) if prior.dihedrals else 0,
        exponent=prior.repulsion_exponent,
        strength=prior.repulsion_strength,
        **{name: array.ctypes.data for name, array in arrays.items()},
    )


def _network_data(arrays: NetworkArrays, cutoff: float) -> ctypes.Structure:
    """Points into the arrays, which must outlive it."""
    n_blocks, n_knots, _, n_features = arrays.tables.shape
    return _NetworkData(
        n_blocks=n_blocks,
        n_features=n_features,
        n_head=len(arrays.head),
        n_knots=n_knots,
        cutoff=cutoff,
        **{name: getattr(arrays, name).ctypes.data for name in _ARRAYS},
    )
