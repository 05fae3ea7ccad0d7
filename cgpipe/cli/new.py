"""Write a working config for a new peptide or protein; add its name to `systems` in config/config.yaml and run.

Peptides and proteins get backbone and CB beads; a short peptide gets a metadynamics bias on the torsions of its middle
residue, so that rare basins are seen.

examples:
  cgpipe new trialanine --sequence "ACE ALA ALA ALA NME"
  cgpipe new mini --pdb mini.pdb
"""

import argparse
from pathlib import Path
from typing import Any

import yaml

from cgpipe.config.project import complete
from cgpipe.config.sections import SystemConfig
from cgpipe.data.files import whole_file
from cgpipe.errors import ConfigError

_MAX_BIASED_RESIDUES = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe new`."""
    parser.add_argument("name", help="name of the system and of its file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sequence", help='three-letter residues, such as "ACE ALA NME"')
    source.add_argument("--pdb", type=Path, help="PDB file of the start structure")
    parser.add_argument("--folder", type=Path, default=Path("config/systems"), help="default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Write the file; an existing one is kept."""
    path = args.folder / f"{args.name}.yaml"
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another name or delete it")
    if args.pdb is not None and not args.pdb.is_file():
        raise ConfigError(f"there is no file {args.pdb}")
    content = _content(args.name, args.sequence, args.pdb)
    complete(SystemConfig, content, source=str(path))
    with whole_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False))
    print(f"{path} is written; add `{args.name}` to `systems` in config/config.yaml, then `snakemake --cores all`")


def _content(name: str, sequence: str | None, pdb: Path | None) -> dict[str, Any]:
    source = {"sequence": sequence} if sequence else {"structure": str(pdb)}
    reference: dict[str, Any] = {"kind": "openmm", **source, "temperature_K": 300.0, "length_ns": 10.0}
    if torsions := _middle_torsions(sequence):
        reference["bias"] = {"torsions": torsions}
    return {"description": name, "reference": reference, "mapping": {"beads": "backbone_cb"}}


def _middle_torsions(sequence: str | None) -> list[list[str]]:
    """Phi and psi of the middle residue of a short peptide; none for others."""
    residues = [f"{name}{number}" for number, name in enumerate((sequence or "").upper().split(), start=1)]
    if not 3 <= len(residues) <= _MAX_BIASED_RESIDUES:
        return []
    middle = len(residues) // 2
    before, here, after = residues[middle - 1 : middle + 2]
    chain = [f"{before}:C", f"{here}:N", f"{here}:CA", f"{here}:C", f"{after}:N"]
    return [chain[:4], chain[1:]]
