"""Downloading: patient, resumable, limited in size, checked, and whole or absent."""

import time
from dataclasses import dataclass
from pathlib import Path

from cgpipe.download.partial import Partial, open_partial
from cgpipe.download.request import fetch
from cgpipe.download.response import BrokenTransferError
from cgpipe.errors import DataError

_TRIES = 5
_FIRST_WAIT_SECONDS = 1.0
_BACK_OFF = 3.0
"""Each wait is so many times the one before."""


@dataclass(frozen=True)
class Receipt:
    """What was downloaded."""

    sha256: str
    """Hexadecimal digits."""
    n_bytes: int


def download(url: str, path: Path, *, max_bytes: int, sha256: str | None) -> Receipt:
    """Fetch a file (http, https, ftp, or file for the folder of a mirror) to a path that exists once it is whole.

    A broken transfer is tried again, and goes on where it stopped if the server can tell that the file is the same;
    so does the next call after the last try or an interruption. `sha256`, if known, judges the whole.
    Raises DataError if the file is not to be had, is too large or is not the expected one, or if the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_partial(path, url, trusted=sha256 is not None) as partial:
            receipt = _fetch_checked(url, path.name, partial, max_bytes=max_bytes, sha256=sha256)
            partial.publish(path)
            return receipt
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror or error}; make room or choose another place, then run this again"
        ) from error


def _fetch_checked(url: str, name: str, partial: Partial, *, max_bytes: int, sha256: str | None) -> Receipt:
    while True:
        _fetch_patiently(url, name, partial, max_bytes=max_bytes)
        receipt = Receipt(partial.sha256(), partial.size)
        if sha256 in {None, receipt.sha256}:
            return receipt
        if not partial.resumed:
            break
        partial.clear()  # the parts may be of different versions: once more, in one piece
    partial.remove()
    raise DataError(
        f"{url} has sha256 {receipt.sha256} ({receipt.n_bytes:,} bytes), expected {sha256}; run this again in case the "
        "transfer was at fault. If the publisher changed the file, delete its entry in config/downloads.lock or its "
        "`sha256` in the config"
    )


def _fetch_patiently(url: str, name: str, partial: Partial, *, max_bytes: int) -> None:
    reason = ""
    for number in range(_TRIES):
        if number > 0:
            time.sleep(_FIRST_WAIT_SECONDS * _BACK_OFF ** (number - 1))
        label = f"download {name}" + (f", try {number + 1} of {_TRIES}" if number else "")
        try:
            return fetch(url, partial, label=label, max_bytes=max_bytes)
        except BrokenTransferError as error:
            reason = str(error)
            if error.restart:
                partial.clear()
        except DataError as error:
            raise DataError(f"cannot download {url}: {error}") from error
    raise DataError(
        f"cannot download {url}: {_TRIES} tries failed, the last one because of: {reason}; {partial.size:,} bytes "
        "arrived and are kept. Check the network and run this again, or give another source under `mirror:`"
    )
