"""A file that one process at a time may change."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path

from cgpipe.errors import DataError

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""What file systems without locks answer, as some of clusters are."""


class BusyError(DataError):
    """Another process holds the file."""


@contextmanager
def exclusive(path: Path, *, wait: bool) -> Iterator[BufferedRandom]:
    """The file, open for reading and appending and made if missing, while no other process holds it in this way.

    Whoever renames or replaces the file lets the next process in, and must not touch its name afterwards.

    wait: until the other process is done; otherwise BusyError is raised at once
    """
    while True:
        with path.open("a+b") as file:
            _take(file, path, wait=wait)
            if is_named(path, file):
                yield file
                return


def _take(file: BufferedRandom, path: Path, *, wait: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BusyError(f"another process is writing {path}; wait until it is done, then run this again") from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def is_named(path: Path, file: BufferedRandom) -> bool:
    """Whether the name still means the open file: its last holder may have renamed or replaced it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
