"""Unpacking of archives that may be damaged or hostile, in memory that does not grow with their content."""

import gzip
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from cgpipe.download.members import Member, members, refused, safe_path
from cgpipe.errors import DataError

_MAX_MEMBERS = 1_000_000
_CHUNK_BYTES = 2**20
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)
"""What the standard library raises for a damaged, encrypted or malformed archive."""


def unpack(archive: Path, folder: Path, *, max_bytes: int) -> list[Path]:
    """Write the files of an archive (.tar, .tar.gz, .tgz, .zip, .npz) into a new folder; returns them in its order.

    max_bytes: of all files together, counted while they are written, whatever the archive declares
    Raises DataError if the archive is damaged, empty, unsafe (links, devices, names that lead outside or stand twice)
    or too large, if the folder holds something already or if the disk is full; then nothing of it is left.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"cannot unpack {archive}: {folder} exists and is not an empty folder; delete it first")
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        names = _write_all(archive, temporary, max_bytes=max_bytes)
        os.sync()  # once, since fsync of thousands of files takes minutes
        temporary.replace(folder)
    except DataError as error:
        raise DataError(f"cannot unpack {archive}: {error}") from error
    except _DAMAGE as error:
        raise DataError(f"{archive} is damaged: {error}; delete it and download it again") from error
    except OSError as error:
        raise DataError(f"cannot unpack {archive} to {folder}: {error.strerror or error}; mend that first") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return [folder / name for name in names]


def _write_all(archive: Path, folder: Path, *, max_bytes: int) -> list[Path]:
    """Write every file; returns their paths below the folder."""
    paths, left = [], max_bytes
    with closing(members(archive)) as found:
        for number, member in enumerate(found):
            if number == _MAX_MEMBERS:
                raise DataError(f"it has more than {_MAX_MEMBERS:,} members; unpack it by hand if you trust it")
            path = Path(safe_path(member))
            if member.kind == "file":
                left -= _write(member, folder / path, max_bytes=left)
                paths.append(path)
    if not paths:
        raise DataError("it holds no files; check that it is the right one")
    return paths


def _write(member: Member, path: Path, *, max_bytes: int) -> int:
    """Write one file; returns its size."""
    n_bytes = 0
    source = member.open()
    if source is None:
        raise refused(member, "has no content")
    with source, _new_file(member, path) as file:
        while chunk := source.read(_CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > max_bytes:
                raise refused(member, "exceeds the limit of the unpacked size (max_unpacked_GB)")
            file.write(chunk)
    return n_bytes


def _new_file(member: Member, path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except (FileExistsError, NotADirectoryError) as error:
        raise refused(member, "stands in the way of another one, or twice in the archive") from error
