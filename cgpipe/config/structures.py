"""Files that a system needs before it can start: structures and published data, and where they come from."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cgpipe.config.reference import OpenMMReferenceSection, PublishedReferenceSection
from cgpipe.config.sections import SystemConfig
from cgpipe.errors import ConfigError

_RCSB_IDENTIFIER = re.compile(r"[0-9][A-Za-z0-9]{3}")
_RCSB_ADDRESS = "https://files.rcsb.org/download/{}.pdb"
_MAX_STRUCTURE_GB = 0.1


@dataclass(frozen=True)
class Download:
    """One file from the network."""

    url: str
    sha256: str | None
    """Known checksum."""
    max_GB: float


def structure_url(structure: str) -> str | None:
    """Address to download a structure from; None if it names a file.

    >>> structure_url("5awl")
    'https://files.rcsb.org/download/5AWL.pdb'
    >>> structure_url("data/mini.pdb") is None
    True
    """
    if _RCSB_IDENTIFIER.fullmatch(structure):
        return _RCSB_ADDRESS.format(structure.upper())
    return structure if "://" in structure else None


def native_structure(config: SystemConfig) -> str | None:
    """Native structure that the model is judged by: its own, or else the start of the simulated reference."""
    reference = config.reference
    given = reference.structure if isinstance(reference, OpenMMReferenceSection) else None
    return config.analysis.native or (given if config.analysis.markov else None)


def downloads(config: SystemConfig) -> dict[str, Download]:
    """Files that a system downloads, by the name they get. Raises ConfigError if two would get one name."""
    reference = config.reference
    wanted = []
    if isinstance(reference, PublishedReferenceSection):
        wanted = [Download(u, reference.sha256.get(r), reference.max_download_GB) for r, u in reference.files.items()]
    simulated = reference.structure if isinstance(reference, OpenMMReferenceSection) else None
    for structure in {simulated, native_structure(config)} - {None}:
        if url := structure_url(str(structure)):
            wanted.append(Download(url, None, _MAX_STRUCTURE_GB))
    named: dict[str, Download] = {}
    for download in wanted:
        name = file_name(download.url)
        if named.setdefault(name, download).url != download.url:
            raise ConfigError(f"{download.url} and {named[name].url} would both become the file {name}")
    return named


def file_name(url: str) -> str:
    """Last part of an address's path. Raises ConfigError if it has none."""
    name = PurePosixPath(urlsplit(url).path).name
    if not name:
        raise ConfigError(f"{url} names no file")
    return name


def structure_file(structure: str, *, downloaded: Path) -> Path:
    """Where a structure lies once it is there: in the folder of downloads, or where the config says."""
    url = structure_url(structure)
    return downloaded / file_name(url) if url else Path(structure)
