"""Pack the results of a system for deposition, as an RO-Crate: every file with what made it, in one zip.

The crate follows the Process Run profile of Workflow Run RO-Crate (DOI 10.1371/journal.pone.0309210): each command is
an action with its inputs, outputs, settings, seed, versions and commit. Verify the results first.

example: cgpipe export results/ala2 --licence https://creativecommons.org/licenses/by/4.0/ --output ala2.crate.zip
"""

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from cgpipe.cli.arguments import add_output
from cgpipe.data.files import whole_file
from cgpipe.data.lineage import Record, ResultTree
from cgpipe.errors import DataError

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TYPES = {
    ".h5md": "application/x-hdf5",
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".csv": "text/csv",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".pdb": "chemical/x-pdb",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe export`."""
    parser.add_argument("results", type=Path, metavar="DIR", help="results of a system, such as results/ala2")
    parser.add_argument("--licence", required=True, metavar="URL", help="under which the files may be used")
    add_output(parser, what="zip file")


def run(args: argparse.Namespace) -> None:
    """Write the crate."""
    tree = ResultTree(args.results.absolute())
    if not tree.origins:
        raise DataError(f"{args.results} holds no results of cgpipe; give a folder such as results/ala2")
    actions = _actions(tree)
    crate = _crate(tree, actions, args.licence)
    with whole_file(args.output) as temporary:
        crate.write_zip(temporary)
    print(f"{len(tree.files)} files and {len(actions)} actions in {args.output}")


def _crate(tree: ResultTree, actions: list[tuple[list[Path], Record]], licence: str) -> ROCrate:
    crate = ROCrate()
    crate.name = f"{tree.folder.name}: coarse-grained force field, its data and validation"
    crate.description = (
        "Results of cgpipe: atomistic reference, beads, prior, networks, simulation, comparison, figures."
    )
    crate.license = licence
    newest = max(path.stat().st_mtime for path in tree.files)
    crate.datePublished = dt.datetime.fromtimestamp(newest, tz=dt.UTC)
    crate.root_dataset["conformsTo"] = crate.add(
        ContextEntity(
            crate, _PROFILE, properties={"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        )
    )
    entities = {path: crate.add_file(path, **_described(tree, path)) for path in tree.files}
    for number, (paths, record) in enumerate(actions):
        crate.add_action(
            _software(crate, record),
            identifier=f"#{record['stage']}-{number}",
            object=[entities[path] for path in _inputs(tree, record) if path in entities],
            result=[entities[path] for path in paths],
            properties=_told(record),
        )
    return crate


def _described(tree: ResultTree, path: Path) -> dict[str, Any]:
    """Where a file goes in the crate, and what is said of it."""
    properties: dict[str, Any] = {"sha256": tree.sha256(path), "contentSize": str(path.stat().st_size)}
    if path.suffix in _TYPES:
        properties["encodingFormat"] = _TYPES[path.suffix]
    return {"dest_path": str(path.relative_to(tree.folder)), "properties": properties}


def _actions(tree: ResultTree) -> list[tuple[list[Path], Record]]:
    """Every command that was run, with the files that it wrote."""
    actions: dict[str, tuple[list[Path], Record]] = {}
    for path, record in tree.origins.items():
        if path in tree.files:
            actions.setdefault(json.dumps(record, sort_keys=True), ([], record))[0].append(path)
    return list(actions.values())


def _inputs(tree: ResultTree, record: Record) -> list[Path]:
    return [source.path for source in tree.sources(record) if source.path is not None and source.unchanged]


def _software(crate: ROCrate, record: Record) -> ContextEntity:
    """The program that ran, once for each version and commit."""
    commit = record.get("commit", "unknown")
    identifier = f"#cgpipe-{record['versions']['cgpipe']}-{commit}"
    properties = {
        "@type": "SoftwareApplication",
        "name": "cgpipe",
        "softwareVersion": f"{record['versions']['cgpipe']}, commit {commit}",
        "softwareRequirements": [f"{name} {number}" for name, number in record["versions"].items() if name != "cgpipe"],
    }
    return crate.get(identifier) or crate.add(ContextEntity(crate, identifier, properties=properties))


def _told(record: Record) -> dict[str, Any]:
    settings = json.dumps(record["settings"], sort_keys=True)
    return {"name": f"cgpipe {record['stage']}", "description": f"seed {record['seed']}; settings {settings}"}
