"""Check the results of a system: every file whole, made from the files beside it, and physically sane.

Hashes are compared along the chain of records: a file must be what those made from it have read. Exit code 0 means that
nothing was found, 1 that something was; each line says what to do.

example: cgpipe verify results/ala2
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from cgpipe.cli.sanity import complaints
from cgpipe.data.lineage import ResultTree, read_origin
from cgpipe.errors import DataError

_WITHOUT_RECORD = {"download"}
"""Folders of files that others made."""
_OWN_FOLDERS = {"reference", "beads", "prior", "simulation", "analysis", "figures", "fold0", "fold1"}
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
    for path in tree.files:
        try:
            read_origin(path)
            yield from (f"{path.relative_to(tree.folder)}: {text}" for text in complaints(path))
        except DataError as error:
            yield str(error)


def _breaks(tree: ResultTree) -> Iterator[str]:
    """Files that are not what their readers read, or not what was written."""
    readers: dict[str, list[str]] = {}
    for path, record in tree.origins.items():
        name = str(path.relative_to(tree.folder))
        for source in [*tree.outputs(record), *tree.sources(record)]:
            if source.path is None and source.name.split("/")[0] in _OWN_FOLDERS | {tree.folder.name}:
                yield f"{source.name}, which belongs to {name}, is gone; run `snakemake`, which makes it again"
        for source in [*tree.sources(record), *tree.outputs(record)]:
            if source.path is not None and not source.unchanged:
                readers.setdefault(str(source.path.relative_to(tree.folder.parent)), []).append(name)
    for changed, names in readers.items():
        yield (
            f"{changed} is not the file that {', '.join(names)} were made with; delete it and run `snakemake`, which "
            "makes it again, and then what depends on it"
        )


def _missing(tree: ResultTree) -> Iterator[str]:
    """What a finished system has and this one lacks; files that say nothing of their origin."""
    if not (tree.folder / "comparison.json").is_file():
        yield "comparison.json is not there, so the run has not ended; run `snakemake`"
    for path in tree.files:
        if path not in tree.origins and path.relative_to(tree.folder).parts[0] not in _WITHOUT_RECORD:
            yield f"{path.relative_to(tree.folder)} has no record of its origin; delete it if cgpipe did not make it"
