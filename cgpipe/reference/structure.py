"""A protonated start structure from a sequence or a PDB file."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openmm
import PeptideBuilder
from Bio.Data.PDBData import protein_letters_3to1
from Bio.PDB import PDBIO
from openmm import app
from pdbfixer import PDBFixer

from cgpipe.data.damage import named_damage
from cgpipe.errors import ConfigError, DataError
from cgpipe.seeding import seeded_random

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


def extended_like(modeller: app.Modeller) -> app.Modeller:
    """Extended heavy-atom chain of the same residues, to be protonated like the given structure."""
    return build_peptide(" ".join(residue.name for residue in modeller.topology.residues()))


def read_structure(path: Path) -> app.Modeller:
    """Heavy atoms of a PDB file, cleaned: standard residues, missing atoms added, water and lone ions removed.

    Of several models the first is taken, of alternate locations the first.
    Raises DataError if the file is missing, holds no atoms, lacks residues inside the chain or cannot be cleaned.
    """
    remedy = "give a file as the RCSB writes them, of standard residues whose atoms lie where they can"
    # OpenMM's own error comes of atoms that lie upon each other.
    with named_damage(path, expected="a PDB file", remedy=remedy, also=(openmm.OpenMMException,)):
        return _cleaned(path)


def _cleaned(path: Path) -> app.Modeller:
    fixer = PDBFixer(filename=str(path))
    if fixer.topology.getNumAtoms() == 0:
        raise DataError(f"{path} holds no atoms; expected a PDB file with ATOM records")
    _require_whole_chains(fixer, path)
    fixer.findNonstandardResidues()
    for residue, standard in fixer.nonstandardResidues:
        print(f"{path}: {residue.name} {residue.id} becomes {standard}")  # noqa: T201 (the log of the stage)
    fixer.replaceNonstandardResidues()
    fixer.findMissingAtoms()
    fixer.addMissingAtoms(seed=1)
    modeller = app.Modeller(fixer.topology, fixer.positions)
    modeller.deleteWater()
    modeller.delete([atom for atom in modeller.topology.atoms() if atom.element.symbol == "H" or _is_ion(atom)])
    return modeller


def _is_ion(atom: app.topology.Atom) -> bool:
    return len(list(atom.residue.atoms())) == 1 and atom.element.symbol not in "CNOS"


def _require_whole_chains(fixer: PDBFixer, path: Path) -> None:
    """Missing ends are left out; a gap inside a chain cannot be guessed well enough to simulate."""
    fixer.findMissingResidues()
    lengths = [len(list(chain.residues())) for chain in fixer.topology.chains()]
    gaps = [names for (chain, place), names in fixer.missingResidues.items() if 0 < place < lengths[chain]]
    if gaps:
        raise DataError(
            f"{path} lacks the residues {' '.join(gaps[0])} inside a chain; model the loop first, or give a structure "
            "that has it"
        )
    fixer.missingResidues = {}


def protonate(
    modeller: app.Modeller, force_field: app.ForceField, variants: list[str | None] | None = None
) -> list[str | None]:
    """Add the hydrogens that the force field expects at pH 7; returns the variant chosen for each residue.

    variants : choices of another conformation to repeat, so that both have the same atoms
    """
    with force_field_errors(modeller), seeded_random(0):
        # Their minimisation on the default platform, threads of the CPU, would differ from run to run.
        reference = openmm.Platform.getPlatformByName("Reference")
        chosen: list[str | None] = modeller.addHydrogens(force_field, variants=variants, platform=reference)
    return chosen


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
