"""Print the chain of inputs, settings, seeds, versions and commits that made a file of the results.

Each file stands once, with the record that it carries, above what it was made from. A file that has changed since it
was read is marked, and so is one that is gone.

example: cgpipe trace results/ala2/figures/free_energy.png
         cgpipe trace --json results/ala2/comparison.json
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from cgpipe.data.lineage import Record, ResultTree, Source, tree_of
from cgpipe.errors import DataError

_TOLD = ("stage", "seed", "commit", "settings", "versions")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe trace`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a figure, trajectory, model or table under results/")
    parser.add_argument("--json", action="store_true", help="the chain as JSON, for scripts")


def run(args: argparse.Namespace) -> None:
    """Print the chain."""
    if not args.file.is_file():
        raise DataError(f"there is no file {args.file}; `cgpipe status` lists what has been made")
    tree = tree_of(args.file)
    chain = trace(tree, args.file.absolute())
    print(json.dumps(chain, indent=2) if args.json else "\n".join(_lines(chain)))


def trace(tree: ResultTree, path: Path) -> list[dict[str, Any]]:
    """The file and all that it was made from, each once, makers after what they made."""
    chain: list[dict[str, Any]] = []
    waiting, seen = [path], {path}
    while waiting:
        here = waiting.pop(0)
        record = tree.origins.get(here)
        sources = [] if record is None else tree.sources(record)
        chain.append({"file": _shown(tree, here), "sha256": tree.sha256(here), **_told(record, sources)})
        for source in sources:
            if source.path is not None and source.path not in seen:
                seen.add(source.path)
                waiting.append(source.path)
    return chain


def _shown(tree: ResultTree, path: Path) -> str:
    return os.path.relpath(path, tree.folder.parent)


def _told(record: Record | None, sources: list[Source]) -> dict[str, Any]:
    """What the chain says of one file beside its name."""
    if record is None:
        return {}
    inputs = {source.name: {"sha256": source.sha256, "state": _state(source)} for source in sources}
    told: dict[str, Any] = {key: record[key] for key in _TOLD if key in record}
    return told | {"inputs": inputs}


def _state(source: Source) -> str:
    if source.path is None:
        return "not under results/"
    return "as read" if source.unchanged else "CHANGED since it was read"


def _lines(chain: list[dict[str, Any]]) -> list[str]:
    lines, versions = [], None
    for link in chain:
        lines.append(f"{link['file']}  sha256 {link['sha256'][:16]}")
        if "stage" not in link:
            lines += ["  no record of its origin", ""]
            continue
        lines.append(f"  cgpipe {link['stage']}, seed {link['seed']}, commit {link.get('commit', 'unknown')}")
        for name, section in link["settings"].items():
            lines.append(f"  {name}: {json.dumps(section, sort_keys=True, ensure_ascii=False)}")
        if link["versions"] != versions:  # they are the same for most files, and said once
            versions = link["versions"]
            lines.append("  versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()))
        lines += [f"  from {name}  {value['sha256'][:16]}  {value['state']}" for name, value in link["inputs"].items()]
        lines.append("")
    return lines[:-1]
