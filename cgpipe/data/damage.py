"""What libraries raise when a file is damaged or hostile, as one error that names the file."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

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
