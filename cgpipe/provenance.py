"""Where an artefact comes from: completed settings, seed, versions and input hashes, without clock or host.

Nothing here depends on time or machine, so equal runs write equal files.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cgpipe import __version__

_PACKAGES = ("openmm", "torch", "numpy", "mdtraj", "h5py", "deeptime")
_CHUNK = 1 << 20


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Of cgpipe, Python and the packages that results depend on."""
    found = {"cgpipe": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def provenance(stage: str, settings: Mapping[str, Any], *, seed: int, inputs: Iterable[Path] = ()) -> dict[str, Any]:
    """Record of how an artefact is made.

    settings : completed configuration sections by name, as plain values
    inputs   : files that the stage reads; hashed by content, named without their folder
    """
    return {
        "stage": stage,
        "settings": dict(settings),
        "seed": seed,
        "inputs": {f"{path.parent.name}/{path.name}": sha256(path) for path in inputs},
        "versions": versions(),
    }


def fingerprint(record: Mapping[str, Any]) -> str:
    """Short digest of a record: unfinished work is resumed only under an equal one."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]
