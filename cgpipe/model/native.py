"""The compiled library: where it is, and how its functions are called.

The sources stand in `cpp/`; docs/engine.md describes the algorithm. setup.py builds them for several kinds of CPU;
where no compiler was found at install, `is_built` is false and torch alone computes the same.
"""

import ctypes
from dataclasses import fields
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgpipe.errors import CgpipeError
from cgpipe.model.packing import NetworkArrays

_LEVELS = ("avx512", "avx2", "default")
_INTERFACE_VERSION = 1
"""Of cpp/engine.cpp."""
_C_NAMES = {torch.float32: "float", torch.float64: "double"}


def structure(name: str, **members: Any) -> type[ctypes.Structure]:
    """A C struct with these members in order."""
    return type(name, (ctypes.Structure,), {"_fields_": list(members.items())})


_ARRAYS = tuple(field.name for field in fields(NetworkArrays))
NetworkData = structure(
    "NetworkData",
    **dict.fromkeys(("n_blocks", "n_features", "n_head", "n_knots"), ctypes.c_int),
    cutoff=ctypes.c_double,
    **dict.fromkeys(_ARRAYS, ctypes.c_void_p),
)
"""As in cpp/network.hpp."""


def network_data(arrays: NetworkArrays, cutoff: float) -> ctypes.Structure:
    """Points into the arrays, which must be contiguous and outlive it; cutoff in nm."""
    n_blocks, n_knots, _, n_features = arrays.tables.shape
    return NetworkData(
        n_blocks=n_blocks,
        n_features=n_features,
        n_head=len(arrays.head),
        n_knots=n_knots,
        cutoff=cutoff,
        **{name: getattr(arrays, name).data_ptr() for name in _ARRAYS},
    )


@cache
def _library() -> ctypes.CDLL | None:
    """The best engine for this CPU that was built from these sources; None without any."""
    highest = {"AVX512": 0, "AVX2": 1}.get(torch.backends.cpu.get_cpu_capability(), 2)
    for level in _LEVELS[highest:]:
        path = Path(__file__).with_name(f"_engine_{level}{EXTENSION_SUFFIXES[0]}")
        if path.exists():
            library = ctypes.CDLL(str(path))
            if hasattr(library, "interface_version") and library.interface_version() == _INTERFACE_VERSION:
                return library
    return None


def is_built() -> bool:
    """Whether the compiled engine is there."""
    return _library() is not None


class Native:
    """The functions of the library in one precision."""

    def __init__(self, dtype: torch.dtype) -> None:
        """Raises CgpipeError if the engine was not built."""
        library = _library()
        if library is None:
            raise CgpipeError("the compiled engine is missing: install a C++ compiler, then cgpipe again")
        self._library, self._kind = library, _C_NAMES[dtype]
        self.lanes: int = self.function("lanes")()

    def function(self, name: str) -> Any:
        """A function as ctypes gives it."""
        return self._library[f"{name}_{self._kind}"]

    def call(self, name: str, *arguments: Any) -> None:
        """Call on torch's number of threads; tensors are given by their address. Raises CgpipeError without memory."""
        given = (ctypes.c_void_p(part.data_ptr()) if isinstance(part, Tensor) else part for part in arguments)
        if self.function(name)(*given, torch.get_num_threads()):
            raise CgpipeError("memory ran out in the compiled engine; use fewer --threads or a machine with more")


def readable(tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...] | torch.Size) -> Tensor:
    """As C++ reads it, which cannot check it. Raises CgpipeError for another precision or shape."""
    if tensor.dtype != dtype or tensor.shape != shape:
        raise CgpipeError(
            f"the compiled engine was given an array of {tuple(tensor.shape)} in {tensor.dtype} and expected "
            f"{tuple(shape)} in {dtype}; positions, velocities, forces, noise and weights share precision and molecule"
        )
    return tensor.detach().cpu().contiguous()
