"""Check the results of a system: every file whole, made from the files beside it, and physically sane.

Hashes are compared along the chain of records: a file must be what those made from it have read. Exit code 0 means that
nothing was found, 1 that something was; each line says what to do.

example: cgpipe verify results/ala2
"""

import argparse
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cgpipe.cli.sanity import complaints
from cgpipe.data.damage import named_damage, require_survivable
from cgpipe.data.lineage import ResultTree
from cgpipe.errors import DataError

_WITHOUT_RECORD = {"download"}
"""Folders of files that others made."""
_REMEDY = "make it again by `snakemake --cores all -- {}`, and what depends on it by `snakemake --cores all`"
"""Snakemake makes a file that is gone by itself only where something is to be made from it."""
_OWN_FOLDERS = {"reference", "beads", "prior", "simulation", "analysis", "figures"}
"""Folders of which nothing may be gone; files of the user's, which were read once, may be."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe verify`."""
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="DIR", help="results of a system, such as results/ala2"
    )


def run(args: argparse.Namespace) -> None:
    """Print what is wrong. Raises DataError if anything is."""
    n_problems = sum(_verify(folder) for folder in args.results)
    if n_problems:
        raise DataError(
            f"{n_problems} problem{'s' if n_problems > 1 else ''} found; mend each as it says, then verify again"
        )


def _verify(folder: Path) -> int:
    """Number of problems of one system."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; give the results of a system, such as results/ala2")
    tree = ResultTree(folder.absolute())
    problems = sorted({*_damage(tree), *_breaks(tree), *_missing(tree)})
    for problem in problems:
        print(f"{folder.name}: {problem}")
    for path in tree.unfinished:
        print(f"{folder.name}: note: {path.relative_to(tree.folder)} is unfinished work; `snakemake` goes on from it")
    if not problems:
        print(f"{folder.name}: {len(tree.files)} files whole, of one chain, and sane")
    return len(problems)


def _damage(tree: ResultTree) -> Iterator[str]:
    """Files that cannot be read to the end, or whose content is not physical."""
    yield from map(str, tree.damaged.values())
    for path in tree.files:
        if path in tree.damaged:
            continue
        try:
            if path.suffix in {".h5", ".h5md"}:
                require_survivable(partial(_complaints, path), path, remedy="delete it and run again")
            with named_damage(path, remedy="delete it and run again"):
                yield from (f"{path.relative_to(tree.folder)}: {text}" for text in _complaints(path))
        except DataError as error:
            yield str(error)


def _complaints(path: Path) -> list[str]:
    return list(complaints(path))


def _breaks(tree: ResultTree) -> Iterator[str]:
    """Files that are gone, are not what their readers read, or not what was written."""
    gone: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    for path, record in tree.origins.items():
        name = str(path.relative_to(tree.folder))
        for source in [*tree.outputs(record), *tree.sources(record)]:
            if source.path is None and _is_own(source.name, tree):
                gone.setdefault(source.name, []).append(name)
            elif source.path is not None and not source.unchanged:
                changed.setdefault(os.path.relpath(source.path), []).append(name)
    for missing, names in gone.items():
        yield f"{missing}, which belongs to {', '.join(names)}, is gone; {_REMEDY.format('ITS_PATH')}"
    for path_now, names in changed.items():
        remedy = _REMEDY.format(path_now)
        yield f"{path_now} is not the file that belongs to {', '.join(names)}; delete it, then {remedy}"


def _is_own(name: str, tree: ResultTree) -> bool:
    """Whether a file of this name lies among a system's results."""
    folder = name.split("/", maxsplit=1)[0]
    return folder in _OWN_FOLDERS | {tree.folder.name} or re.fullmatch(r"fold\d+", folder) is not None


def _missing(tree: ResultTree) -> Iterator[str]:
    """What a finished system has and this one lacks; files that say nothing of their origin."""
    if not any(tree.folder.glob("*comparison.json")):  # of a model, or of a study's seed, which has none, of its frames
        yield "comparison.json is not there, so the run has not ended; run `snakemake`"
    for path in tree.files:
        if path not in tree.origins and path.relative_to(tree.folder).parts[0] not in _WITHOUT_RECORD:
            yield f"{path.relative_to(tree.folder)} has no record of its origin; delete it if cgpipe did not make it"
