"""How a command lives beside others and ends: one writer of an output at a time, and SIGTERM as an exception."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from cgpipe.data.exclusive import BusyError, exclusive
from cgpipe.errors import DataError


class Terminated(BaseException):
    """SIGTERM came, as schedulers send it before they kill; unfinished files are removed on its way up."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated within the block."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signature of a handler)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def alone(output: Path | list[Path] | None) -> Iterator[None]:
    """Within the block no other command writes the output (of several, the first).

    A command whose Snakemake was killed lives on and still writes: a second run of it waits until it is done.
    Raises DataError if the output's folder cannot be written.
    """
    if output is None or os.environ.get("RANK", "0") != "0":  # of processes under torchrun, the first one writes
        yield
        return
    first = output[0] if isinstance(output, list) else output
    lock = first.with_name(f".{first.name}.lock")
    with ExitStack() as stack:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(exclusive(lock, wait=False))
            except BusyError:
                print(f"another cgpipe is writing {first}; waiting until it is done", file=sys.stderr)
                stack.enter_context(exclusive(lock, wait=True))
        except OSError as error:
            raise DataError(f"cannot write {first}: {error.strerror or error}; nothing was left there") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
