"""A protonated start structure from a sequence or a PDB file."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PeptideBuilder
from Bio.Data.PDBData import protein_letters_3to1
from Bio.PDB import PDBIO
from openmm import app
from pdbfixer import PDBFixer

from cgpipe.errors import ConfigError, DataError

_ONE_LETTER = {name.upper(): letter for name, letter in protein_letters_3to1.items()}
_CAP_ATOMS = {
    "ACE": {"CA": "CH3", "C": "C", "O": "O"},
    "NME": {"N": "N", "CA": "C"},
}
"""Atoms of a glycine that make a cap, and their names there."""


def build_peptide(sequence: str) -> app.Modeller:
    """Extended heavy-atom peptide of three-letter residues; ACE and NME caps stand at the ends only.

    Caps are made from terminal glycines, whose backbone has the geometry of the cap.
    Raises ConfigError that lists the known residues.
    """
    residues = sequence.upper().split()
    letters = "".join(_letter(name, place, len(residues)) for place, name in enumerate(residues))
    chain = PeptideBuilder.make_extended_structure(letters)
    if residues[-1] != "NME":
        PeptideBuilder.add_terminal_OXT(chain)
    buffer = io.StringIO()
    writer = PDBIO()
    writer.set_structure(chain)
    writer.save(buffer)
    lines = [_renamed(line, residues) for line in buffer.getvalue().splitlines() if line.startswith("ATOM")]
    pdb = app.PDBFile(io.StringIO("\n".join([line for line in lines if line] + ["END\n"])))
    return app.Modeller(pdb.topology, pdb.positions)


def _letter(name: str, place: int, n_residues: int) -> str:
    if (name, place) in {("ACE", 0), ("NME", n_residues - 1)}:
        return "G"
    if name not in _ONE_LETTER or name in _CAP_ATOMS:
        known = " ".join(sorted(_ONE_LETTER))
        raise ConfigError(f"reference.sequence: cannot place {name!r}; known: {known}, ACE first, NME last")
    return _ONE_LETTER[name]


def _renamed(line: str, residues: list[str]) -> str:
    """PDB line with the residue's own name, or nothing for an atom that a cap lacks."""
    residue = residues[int(line[22:26]) - 1]
    if residue not in _CAP_ATOMS:
        return line
    name = _CAP_ATOMS[residue].get(line[12:16].strip())
    return f"{line[:12]} {name:<3}{line[16]}{residue}{line[20:]}" if name else ""


def read_structure(path: Path) -> app.Modeller:
    """Structure of a PDB file with missing heavy atoms added and water removed.

    Raises DataError if the file is missing or holds no atoms.
    """
    try:
        fixer = PDBFixer(filename=str(path))
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"cannot read {path} as a PDB file: {error}") from error
    if fixer.topology.getNumAtoms() == 0:
        raise DataError(f"{path} holds no atoms; expected a PDB file with ATOM records")
    fixer.missingResidues = {}
    fixer.findMissingAtoms()
    fixer.addMissingAtoms()
    modeller = app.Modeller(fixer.topology, fixer.positions)
    modeller.deleteWater()
    return modeller


def protonate(modeller: app.Modeller, force_field: app.ForceField) -> app.Modeller:
    """The same structure with the hydrogens that the force field expects at pH 7."""
    with force_field_errors(modeller):
        modeller.addHydrogens(force_field)
    return modeller


@contextmanager
def force_field_errors(modeller: app.Modeller) -> Iterator[None]:
    """Turns OpenMM's complaint about a residue without parameters into a DataError with the remedy."""
    residues = " ".join(sorted({residue.name for residue in modeller.topology.residues()}))
    try:
        yield
    except (ValueError, KeyError) as error:
        raise DataError(
            f"the force field does not know a residue of this structure (residues: {residues}): {error} "
            "Add a file that has it to reference.force_field, or remove the residue from the structure"
        ) from error
