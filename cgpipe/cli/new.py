"""Write a working config for a new peptide or protein; add its name to `systems` in config/config.yaml and run.

Peptides get backbone and CB beads, and a metadynamics bias on the torsions of their middle residue, so that rare basins
are seen. Proteins of five residues or more get C-alpha beads, native and heated starts, slow coordinates and Markov
models.

examples:
  cgpipe new trialanine --sequence "ACE ALA ALA ALA NME"
  cgpipe new mini --pdb mini.pdb
  cgpipe new trp --pdb 2JOF
"""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

from cgpipe.config.project import complete
from cgpipe.config.sections import SystemConfig
from cgpipe.config.structures import structure_url
from cgpipe.data.files import whole_file
from cgpipe.errors import ConfigError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TARGETS = ("all", "figures", "paper")
_MAX_BIASED_RESIDUES = 7
_MIN_PROTEIN_RESIDUES = 5
_PROTEIN = {"starts": ["native", "heated"], "n_trajectories": 20, "length_ns": 10.0}
_MARKOV = {"lag_ps": 100.0, "model_lag_ps": 10.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe new`."""
    parser.add_argument("name", help="name of the system and of its file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sequence", help='three-letter residues, such as "ACE ALA NME"')
    source.add_argument("--pdb", help="PDB file, address or RCSB identifier of the native structure")
    parser.add_argument("--folder", type=Path, default=Path("config/systems"), help="default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Write the file; an existing one is kept."""
    _require_name(args.name)
    path = args.folder / f"{args.name}.yaml"
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another name or delete it")
    content = {"description": args.name, **(_peptide(args.sequence) if args.sequence else _protein(args.pdb))}
    complete(SystemConfig, content, source=str(path))
    with whole_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False))
    print(f"{path} is written; add `{args.name}` to `systems` in config/config.yaml, then `snakemake --cores all`")


def _require_name(name: str) -> None:
    files = Path("workflow/rules").glob("*.smk")
    rules = {rule for file in files for rule in re.findall(r"^rule (\w+):", file.read_text(), re.MULTILINE)}
    if not _NAME.fullmatch(name) or name in {*_TARGETS, *rules}:
        raise ConfigError(
            f"{name!r} cannot name a system: it becomes a file and a target of snakemake; give letters, digits and "
            f"underscores, a letter first, and none of {', '.join(sorted({*_TARGETS, *rules}))}"
        )


def _peptide(sequence: str) -> dict[str, Any]:
    from cgpipe.reference.structure import build_peptide  # noqa: PLC0415 (OpenMM takes a second to load)

    build_peptide(sequence)  # refuses residues that cannot be built
    reference: dict[str, Any] = {"kind": "openmm", "sequence": sequence, "temperature_K": 300.0, "length_ns": 10.0}
    if torsions := _middle_torsions(sequence):
        reference["bias"] = {"torsions": torsions}
    return {"reference": reference, "mapping": {"beads": "backbone_cb"}}


def _protein(structure: str) -> dict[str, Any]:
    reference: dict[str, Any] = {"kind": "openmm", "structure": structure, "temperature_K": 300.0}
    if structure_url(structure) is None and _n_residues(Path(structure)) < _MIN_PROTEIN_RESIDUES:
        return {"reference": {**reference, "length_ns": 10.0}, "mapping": {"beads": "backbone_cb"}}
    return {
        "reference": {**reference, **_PROTEIN},
        "mapping": {"beads": "ca"},
        "split": {"n_blocks_per_trajectory": 1},
        "network": {"cutoff_nm": 2.0, "n_radial": 60},
        "analysis": {"markov": _MARKOV},
    }


def _n_residues(path: Path) -> int:
    """C-alpha atoms of a PDB file."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    return sum(
        line.startswith("ATOM") and line[12:16] == " CA " for line in path.read_text(errors="replace").splitlines()
    )


def _middle_torsions(sequence: str) -> list[list[str]]:
    """Phi and psi of the middle residue of a short peptide; none for others."""
    residues = [f"{name}{number}" for number, name in enumerate(sequence.upper().split(), start=1)]
    if not 3 <= len(residues) <= _MAX_BIASED_RESIDUES:
        return []
    middle = len(residues) // 2
    before, here, after = residues[middle - 1 : middle + 2]
    chain = [f"{before}:C", f"{here}:N", f"{here}:CA", f"{here}:C", f"{after}:N"]
    return [chain[:4], chain[1:]]
