"""Checksums of files when they were first seen; the user commits this record, so that all later runs see the same.

| key     | value                                                    |
|---------|----------------------------------------------------------|
| address | `sha256`, hexadecimal digits; `n_bytes`, size of the file |
"""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from cgpipe.data.exclusive import exclusive
from cgpipe.data.files import save_json
from cgpipe.download.transfer import Receipt
from cgpipe.errors import DataError


def known_checksum(lock: Path, url: str) -> str | None:
    """Checksum of the file at an address (never that of a mirror), if it was seen before.

    Raises DataError if the record is damaged.
    """
    entry = _load(lock).get(url)
    return None if entry is None else str(entry["sha256"])


def record_checksum(lock: Path, url: str, receipt: Receipt) -> None:
    """Note a file seen for the first time; other processes may do so at the same time.

    Raises DataError if another file is already noted for the address, or if the record is damaged.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(lock, wait=True):
            _add(lock, url, asdict(receipt))
    except OSError as error:
        raise DataError(f"cannot write {lock}: {error.strerror or error}; it must be a writable file") from error


def _add(lock: Path, url: str, entry: dict[str, Any]) -> None:
    entries = _load(lock)
    if entries.get(url, entry) != entry:
        raise DataError(
            f"{url} gave the file {entry}, but {lock} already knows {entries[url]}; delete its entry there if the "
            "publisher changed the file"
        )
    fresh = lock.with_name(f".{lock.name}.{uuid4().hex}")
    save_json(fresh, dict(sorted({**entries, url: entry}.items())))
    fresh.replace(lock)  # from here on, another process may hold the lock


def _load(lock: Path) -> dict[str, Any]:
    """All entries; none where there is no file, or one that a process has just made to write it."""
    try:
        entries = json.loads(lock.read_text() or "{}") if lock.exists() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(lock, str(error)) from error
    if not isinstance(entries, dict):
        raise _damaged(lock, f"it holds a {type(entries).__name__}, expected a mapping of addresses")
    for url, entry in entries.items():
        _require_checksum(lock, url, entry)
    return entries


def _require_checksum(lock: Path, url: str, entry: Any) -> None:
    match entry:
        case {"sha256": str(digits)} if re.fullmatch("[0-9a-f]{64}", digits):
            return
    raise _damaged(lock, f"the entry of {url} has no `sha256` of 64 hexadecimal digits")


def _damaged(lock: Path, reason: str) -> DataError:
    return DataError(f"cannot read {lock}: {reason}; restore it from version control, or delete what is damaged")
