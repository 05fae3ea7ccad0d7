"""A linear map from atoms to beads, as a value that checks itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.errors import DataError


@dataclass(frozen=True)
class LinearMap:
    """Weights of each atom in each bead."""

    matrix: NDArray[np.float64]
    """(n_beads, n_atoms), dimensionless."""

    def __call__(self, vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Weighted sums of atomic vectors (positions or forces).

        vectors : (n_frames, n_atoms, 3), any unit
        returns : (n_frames, n_beads, 3), the same unit
        Raises DataError if the number of atoms differs from the map's.
        """
        n_atoms = self.matrix.shape[1]
        if vectors.shape[1:] != (n_atoms, 3):
            raise DataError(
                f"the frames have shape {vectors.shape} but the map was made for {n_atoms} atoms; "
                "both must come from the same topology"
            )
        return np.einsum("ba,fax->fbx", self.matrix, vectors.astype(np.float64), optimize=True)


def pick_atoms(atoms: NDArray[np.intp], n_atoms: int) -> LinearMap:
    """Map that puts each bead on one atom; atoms is (n_beads,)."""
    matrix = np.zeros((len(atoms), n_atoms))
    matrix[np.arange(len(atoms)), atoms] = 1.0
    return LinearMap(matrix)
