"""Which file of a result tree was made from which, by the records that the files carry."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from PIL import Image

from cgpipe.data.damage import named_damage, require_survivable
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record
from cgpipe.data.tensors import load_tensors
from cgpipe.errors import DataError
from cgpipe.provenance import sha256

_SHARED = (
    "beads/*.h5md", "beads/mapping.json", "prior/prior.json", "analysis/*.h5", "reference/*.h5md", "reference/*.json",
    "train/*/model.safetensors", "simulation/*.h5md", "*comparison.json",
)  # fmt: skip
"""What other systems may have read."""
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
"""Last part of every such file: empty, and so always the same (https://www.w3.org/TR/png)."""
_PARTS = ("reference", "beads", "prior", "train", "simulation", "analysis")
"""Folders by which one knows a system; one that shares all its beads has neither of the first two."""
_DEEP = {"studies", "improve"}
"""Folders of systems that lie deeper than those that they read from."""
Record = dict[str, Any]
Reader = Callable[[Path], Record | None]


def _of_trajectory(path: Path) -> Record | None:
    with H5mdFile(path) as file:
        return file.provenance


def _rehearsed(read: Reader) -> Reader:
    """Reader of HDF5 files that may be a stranger's."""

    def safely(path: Path) -> Record | None:
        require_survivable(partial(read, path), path, remedy="delete it and run again")
        return read(path)

    return safely


def _of_json(path: Path) -> Record | None:
    content = load_json(path)
    return content.get("provenance") if isinstance(content, dict) else None


def _of_image(path: Path) -> Record | None:
    bomb = (Image.DecompressionBombError,)
    damage = named_damage(path, expected="a PNG file with its record", remedy="delete it and run again", also=bomb)
    with damage:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.verify()  # the sums of all parts but the last; drawing the pixels looks at few of them
        if not content.endswith(_PNG_END):
            raise ValueError("it does not end as PNG files do")
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.load()  # the record may stand behind the pixels
            text = image.info.get("cgpipe")
            return None if text is None else dict(json.loads(text))


_READERS: dict[str, Reader] = {
    ".h5md": _rehearsed(_of_trajectory),
    ".h5": _rehearsed(lambda path: load_record(path)[1].get("provenance")),
    ".json": _of_json,
    ".safetensors": lambda path: load_tensors(path)[1].get("provenance"),
    ".png": _of_image,
}


def read_origin(path: Path) -> Record | None:
    """Record of how a file was made, or None where it carries none. Raises DataError if the file is damaged."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        return None
    record = reader(path)
    if record is not None and not {"stage", "settings", "seed", "inputs", "versions"} <= set(record):
        raise DataError(f"{path} has a record of its origin that lacks parts; delete it and run again")
    return record


@dataclass(frozen=True)
class Source:
    """One input of a file, as the file's record names it."""

    name: str
    sha256: str
    path: Path | None
    """Where it lies, or None where no file of that name was found."""
    unchanged: bool
    """Whether the file that was found is the one that was read."""


class ResultTree:
    """The files of one system's results, and those of its neighbours, from which it may have learned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sums: dict[Path, str] = {}

    @cached_property
    def files(self) -> list[Path]:
        """Whole files, sorted; hidden ones, logs and timings are none."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and not self._is_aside(path))

    @cached_property
    def unfinished(self) -> list[Path]:
        """What work that was interrupted left behind to go on from."""
        return sorted(path for path in self.folder.rglob(".*") if self._is_first(path) and path.suffix != ".lock")

    def _is_first(self, path: Path) -> bool:
        return not any(part.startswith(".") for part in path.parent.relative_to(self.folder).parts)

    def _is_aside(self, path: Path) -> bool:
        parts = path.relative_to(self.folder).parts
        return parts[0] in {"logs", "benchmarks"} or any(part.startswith(".") for part in parts)

    @property
    def _roots(self) -> list[Path]:
        """Folders of systems beside this one, or, for points of studies and rounds of improvement, above it."""
        above = [*self.folder.parents]
        deep = next((k for k, path in enumerate(above) if path.name in _DEEP), 0)
        return above[: deep + 2 if deep else 1]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """Files by their last part."""
        names: dict[str, list[Path]] = {}
        others = (path for root in self._roots for pattern in _SHARED for path in sorted(root.glob(f"*/{pattern}")))
        for path in [*self.files, *(path for path in others if self.folder not in path.parents)]:
            names.setdefault(path.name, []).append(path)
        return names

    def sha256(self, path: Path) -> str:
        """Checksum of a file, computed once."""
        if path not in self._sums:
            self._sums[path] = sha256(path)
        return self._sums[path]

    def sources(self, record: Record) -> list[Source]:
        """Inputs of a file with this record."""
        return [self._find(name, digest) for name, digest in record["inputs"].items()]

    def outputs(self, record: Record) -> list[Source]:
        """Files without a record of their own that were written together with it."""
        return [self._find(name, digest) for name, digest in record.get("outputs", {}).items()]

    def _find(self, name: str, digest: str) -> Source:
        found = [path for path in self._by_name.get(Path(name).name, []) if str(path).endswith(f"/{name}")]
        for path in found:
            if self.sha256(path) == digest:
                return Source(name, digest, path, unchanged=True)
        own = [path for path in found if self.folder in path.parents]  # a neighbour's may bear the same name by chance
        return Source(name, digest, own[0] if own else None, unchanged=False)

    @cached_property
    def _readings(self) -> dict[Path, Record | DataError | None]:
        """What reading each file to its end gave."""
        return {path: _reading(path) for path in self.files}

    @property
    def damaged(self) -> dict[Path, DataError]:
        """Files that cannot be read, and why."""
        return {path: reading for path, reading in self._readings.items() if isinstance(reading, DataError)}

    @cached_property
    def origins(self) -> dict[Path, Record]:
        """Record of every file that has one, its own or that of the file it was written with."""
        own = {path: reading for path, reading in self._readings.items() if isinstance(reading, dict)}
        shared = {
            output.path: record for record in own.values() for output in self.outputs(record) if output.path is not None
        }
        return shared | own


def _reading(path: Path) -> Record | DataError | None:
    try:
        return read_origin(path)
    except DataError as error:
        return error


def tree_of(path: Path) -> ResultTree:
    """The result tree that a file belongs to. Raises DataError if it lies in none."""
    for folder in path.absolute().parents:
        if any((folder / name).is_dir() for name in _PARTS):
            return ResultTree(folder)
    raise DataError(
        f"{path} lies in no result folder of cgpipe; give a file such as results/ala2/figures/free_energy.png"
    )
