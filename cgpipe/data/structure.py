"""A native structure, read from a PDB file for comparison."""

from pathlib import Path

import mdtraj
import numpy as np
from numpy.typing import NDArray

from cgpipe.errors import DataError


def read_alpha_carbons(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Residue names and C-alpha positions, (n_residues, 3), nm, of the first model of a PDB file.

    Raises DataError if the file is missing, no PDB file, or has no C-alpha atom.
    """
    if not path.is_file():
        raise DataError(f"there is no native structure {path}; set analysis.native to a PDB file, or leave it out")
    try:
        structure = mdtraj.load_pdb(str(path), frame=0, standard_names=True)
    except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise DataError(f"cannot read the native structure {path} as a PDB file: {error}") from error
    carbons = [atom for atom in structure.topology.atoms if atom.name == "CA" and atom.element.symbol == "C"]
    if not carbons:
        raise DataError(f"the native structure {path} has no C-alpha atom; expected a protein")
    names = tuple(atom.residue.name for atom in carbons)
    return names, structure.xyz[0, [atom.index for atom in carbons]].astype(np.float64)
