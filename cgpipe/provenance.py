"""Where an artefact comes from: completed settings, seed, versions, commit and hashes, without clock or host.

Nothing here depends on time or machine, so equal runs write equal files.
"""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cgpipe import __version__

_PACKAGES = ("openmm", "torch", "numpy", "mdtraj", "h5py", "deeptime", "scipy", "pymbar")
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


@cache
def commit() -> str:
    """Commit that last changed this package, with `+changes` where files differ from it; `unknown` outside of git."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        line = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # not of a repository that only surrounds this package
        changes = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("log", "-1", "--format=%H", "--", ".") + ("+changes" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def provenance(
    stage: str, settings: Mapping[str, Any], *, seed: int, inputs: Iterable[Path] = (), outputs: Iterable[Path] = ()
) -> dict[str, Any]:
    """Record of how an artefact is made.

    settings : completed configuration sections by name, as plain values
    inputs   : files that the stage reads; hashed by content, named as `short_names` does
    outputs  : files that the stage wrote before and that hold no record themselves, such as tables
    """
    return {
        "stage": stage,
        "settings": dict(settings),
        "seed": seed,
        "inputs": hashes(inputs),
        "outputs": hashes(outputs),
        "versions": versions(),
        "commit": commit(),
    }


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files by their short names."""
    return {name: sha256(path) for path, name in short_names(paths).items()}


def short_names(paths: Iterable[Path]) -> dict[Path, str]:
    """How a record names each of its files: with its own folder, and with as many above as tell it from the others.

    >>> list(short_names([Path("/a/beads/b.h5md"), Path("/c/beads/b.h5md"), Path("/c/prior/p.json")]).values())
    ['a/beads/b.h5md', 'c/beads/b.h5md', 'prior/p.json']
    """
    different = list(dict.fromkeys(path.absolute() for path in paths))
    names, depth = dict.fromkeys(different, ""), 2
    while unnamed := [path for path, name in names.items() if not name]:
        ends = {path: "/".join(path.parts[1:][-depth:]) for path in unnamed}
        counts = Counter(ends.values())
        names |= {path: end for path, end in ends.items() if counts[end] == 1}
        depth += 1
    return names


def fingerprint(record: Mapping[str, Any]) -> str:
    """Short digest of a record: unfinished work is resumed only under an equal one, of whatever commit."""
    settled = {key: value for key, value in record.items() if key != "commit"}
    return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()[:16]
