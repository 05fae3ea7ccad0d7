"""New HDF5 files, where a full disk is one error and not many.

HDF5 buffers what it writes. On a full disk h5py raises RuntimeError from wherever the buffer overflows, and prints a
traceback for each object that it then cannot close.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import h5py

_LARGEST_RATIO = 1100
"""Of what a file holds to its size, where it is compressed: that of gzip at its best."""
_FULL_DISK = "errno = "
"""What HDF5 writes when the system refused a write."""


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """File to write to. Raises OSError if the system refuses to write."""
    hooks = sys.excepthook, sys.unraisablehook
    sys.excepthook, sys.unraisablehook = _tell_but_noise, _tell_ignored_but_noise
    try:
        with h5py.File(path, "w") as file:
            yield file
    except RuntimeError as error:
        if _FULL_DISK in str(error):  # the hooks stay: the objects that cannot be closed outlive this block
            raise OSError(str(error)) from error
        raise
    sys.excepthook, sys.unraisablehook = hooks


def require_present(dataset: h5py.Dataset) -> h5py.Dataset:
    """The dataset, unless it claims more values than its file can hold; then ValueError is raised."""
    size = Path(dataset.file.filename).stat().st_size
    if dataset.size * dataset.dtype.itemsize > _LARGEST_RATIO * size:
        raise ValueError(f"{dataset.name} claims {dataset.size} values in a file of {size} bytes")
    return dataset


def _tell_but_noise(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if _FULL_DISK not in str(error):
        sys.__excepthook__(kind, error, trace)


def _tell_ignored_but_noise(report: "sys.UnraisableHookArgs", /) -> None:
    if _FULL_DISK not in str(report.exc_value):
        sys.__unraisablehook__(report)
