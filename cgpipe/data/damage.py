"""What libraries raise, or die of, when a file is damaged or hostile, as one error that names the file."""

import os
import resource
import signal
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cgpipe.errors import DataError

DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,  # of HDF5; of Python where a text is nested too deeply
    MemoryError,  # for a size that a header claims
    SyntaxError,  # in the header of a numpy array, which is a Python literal
    tokenize.TokenError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors of a program that read what it should not have believed; a cgpipe error is none of them."""

_FATAL = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGXCPU}
"""What a process does to itself; other signals come from outside and say nothing of the file."""
_SECONDS = 10
"""Of computing, that reading a small file may take."""
_SLOWEST = 10_000_000
"""Bytes a second at which a large file is read at least."""


@contextmanager
def named_damage(
    file: object, *, remedy: str, expected: str = "", also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Whatever a damaged file makes libraries raise becomes a DataError that names file, expectation and remedy.

    also : errors of a library that has its own
    """
    caught: tuple[type[Exception], ...] = (*DAMAGE, *also)
    try:
        yield
    except caught as error:
        what = f" as {expected}" if expected else ""
        said = str(error).strip() or type(error).__name__
        raise DataError(f"cannot read {file}{what}: {said}; {remedy}") from error


def require_survivable(read: Callable[[], object], path: Path, *, remedy: str) -> None:
    """Raises DataError if reading kills the process that does it, a copy of this one, or never ends; HDF5 does both.

    read : opens the file anew and reads what will be read; its errors are left to whoever reads in earnest
    """
    seconds = _SECONDS + (path.stat().st_size // _SLOWEST if path.is_file() else 0)
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
            read()
        finally:  # whatever came, nothing of this process may go on twice
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FATAL:
        raise DataError(
            f"cannot read {path}: its library dies of it, or goes on for ever (signal {os.WTERMSIG(status)}); {remedy}"
        )
