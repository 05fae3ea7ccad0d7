"""What stands in an archive, and whether it may be unpacked."""

import gzip
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from cgpipe.errors import DataError

_MAX_NAME_BYTES = 255
_MAX_PATH_BYTES = 1024
_MAX_READ_BYTES = 2**21
"""More than this at once is asked for only by a header that lies."""
_MAX_PADDING_READS = 64
_BLOCK_BYTES = 512
_TAR_KINDS = {
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    **dict.fromkeys(tarfile.REGULAR_TYPES, "file"),
}
_ZIP_KINDS = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symbolic link"}


@dataclass(frozen=True)
class Member:
    """One entry of an archive."""

    name: str
    """As it stands in the archive."""
    kind: str
    """`file`, `folder`, or the name of something that is not unpacked."""
    open: Callable[[], IO[bytes] | None]
    """Content of a file; to be read before the next member is asked for."""


def members(archive: Path) -> Generator[Member, None, None]:
    """Entries of an archive, in order, of the kind that its name tells.

    Raises DataError for another kind of file or a header that lies; what the standard library finds wrong, it raises.
    """
    name = archive.name.lower()
    if name.endswith((".zip", ".npz")):
        return _zip_members(archive)
    if name.endswith((".tar", ".tar.gz", ".tgz")):
        return _tar_members(archive, compressed=not name.endswith(".tar"))
    raise DataError(f"cannot unpack {archive}: expected a name that ends in .tar, .tar.gz, .tgz, .zip or .npz")


def safe_path(member: Member) -> PurePosixPath:
    """Path of a member below the folder that it is unpacked to.

    Raises DataError if it is neither file nor folder, or if its name is unsafe.
    """
    if member.kind not in {"file", "folder"}:
        raise refused(member, f"is a {member.kind}")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise refused(member, "leads outside the folder")
    if not member.name.isprintable() or (member.kind == "file" and not path.parts):
        raise refused(member, "has a name that is empty or not printable")
    if max((len(os.fsencode(part)) for part in path.parts), default=0) > _MAX_NAME_BYTES:
        raise refused(member, f"has a name of more than {_MAX_NAME_BYTES} bytes")
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise refused(member, f"has a path of more than {_MAX_PATH_BYTES} bytes")
    return path


def refused(member: Member, reason: str) -> DataError:
    """The error that refuses an archive for one of its members."""
    name = member.name if len(member.name) < 100 else f"{member.name[:100]}..."
    return DataError(f"member {name!r} {reason}; such an archive is not unpacked, ask its publisher for a clean one")


def _zip_members(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = _ZIP_KINDS.get(stat.S_IFMT(info.external_attr >> 16), "device")
            kind = "folder" if kind == "file" and info.is_dir() else kind
            yield Member(info.orig_filename, kind, partial(file.open, info))


def _tar_members(archive: Path, *, compressed: bool) -> Generator[Member, None, None]:
    with gzip.open(archive) if compressed else archive.open("rb") as plain:
        file = _ForwardReader(cast("BinaryIO", plain))
        with tarfile.open(fileobj=cast("BinaryIO", file), mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                yield Member(info.name, _TAR_KINDS.get(info.type, "device"), partial(tar.extractfile, info))
        file.require_end()


class _ForwardReader:
    """What `tarfile` reads an archive from: once, forward, in small parts, to its end.

    `tarfile` takes a damaged or missing header for the end of the archive, and believes any size of a header.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._last = b""

    def read(self, size: int) -> bytes:
        """Next bytes."""
        if not 0 <= size <= _MAX_READ_BYTES:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        self._last = self._file.read(size)
        return self._last

    def tell(self) -> int:
        """Position in the uncompressed archive."""
        return self._file.tell()

    def seek(self, position: int) -> int:
        """Go forward."""
        if position < self._file.tell():
            raise tarfile.ReadError("a header leads backward")
        return self._file.seek(position)

    def require_end(self) -> None:
        """Check that the last header was the mark of the end, and read what follows, so that gzip checks its sum."""
        if self._last != bytes(_BLOCK_BYTES):
            raise tarfile.ReadError("it ends without the mark of its end, or a header within it is wrong")
        for _ in range(_MAX_PADDING_READS):
            if not self._file.read(_MAX_READ_BYTES):
                return
        raise tarfile.ReadError("its end is padded without end")
