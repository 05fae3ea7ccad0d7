"""The part of a file that has arrived, kept beside its target so that an interrupted transfer goes on from there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any

from cgpipe.data.exclusive import exclusive, is_named
from cgpipe.data.files import load_json, save_json
from cgpipe.errors import DataError


class Partial:
    """Bytes of one address from the first on, and a note that says which version of the file they belong to.

    trusted: a checksum will judge the whole, so that the version need not be known
    """

    def __init__(self, file: BufferedRandom, path: Path, *, url: str, trusted: bool) -> None:
        self._file, self._path, self._url, self._trusted = file, path, url, trusted
        self._note_path = path.with_name(f"{path.name}.json")
        self._note = self._load_note()
        self.resumed = False
        """Whether bytes of an earlier transfer were kept."""

    def _load_note(self) -> Any:
        with suppress(DataError):
            return load_json(self._note_path)
        return None

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self._file.seek(0, os.SEEK_END)

    @property
    def version(self) -> dict[str, str]:
        """What the server said to tell versions of the file apart; empty if it said nothing."""
        match self._note:
            case {"url": self._url, "version": dict(version)}:
                return {str(name): str(value) for name, value in version.items()}
        return {}

    @property
    def resume_at(self) -> int:
        """Byte from which a transfer may go on: 0 unless the end can be told to be of the same version."""
        same_address = isinstance(self._note, dict) and self._note.get("url") == self._url
        return self.size if same_address and (self.version or self._trusted) else 0

    def begin(self, start: int, version: dict[str, str]) -> None:
        """Keep what stands before a byte; the next ones belong to a version."""
        self._truncate(start)
        self.resumed = self.resumed or start > 0
        if start == 0:
            self._note = {"url": self._url, "version": version}
            save_json(self._note_path, self._note)

    def append(self, data: bytes) -> None:
        """Add what arrived."""
        self._file.write(data)

    def clear(self) -> None:
        """Forget all that arrived."""
        self._truncate(0)
        self.resumed = False

    def _truncate(self, size: int) -> None:
        if self.size > size:
            self._file.truncate(size)

    def sha256(self) -> str:
        """Checksum of all that arrived, as hexadecimal digits; read back from the file, not from memory."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    def publish(self, path: Path) -> None:
        """Give the file its final name, once its content is safe on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._note_path.unlink(missing_ok=True)
        self._path.replace(path)

    def remove(self) -> None:
        """Leave nothing."""
        self._note_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)


@contextmanager
def open_partial(path: Path, url: str, *, trusted: bool) -> Iterator[Partial]:
    """What has arrived of a file, for this process alone; an empty one does not stay.

    Raises DataError if another process is downloading the same file.
    """
    beside = path.with_name(f".{path.name}.part")
    with exclusive(beside, wait=False) as file:
        partial = Partial(file, beside, url=url, trusted=trusted)
        try:
            yield partial
        finally:
            if partial.size == 0 and is_named(beside, file):
                partial.remove()
