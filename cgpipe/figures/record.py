"""What the figures read: the arrays and the header of a comparison."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.units import KCAL


@dataclass(frozen=True)
class ComparisonRecord:
    """Arrays and header that `cgpipe compare` wrote."""

    arrays: dict[str, NDArray[np.float64]]
    header: dict[str, Any]

    @property
    def residues(self) -> list[str]:
        """Residues with phi and psi."""
        return list(self.header["residues"])

    def kcal(self, name: str) -> NDArray[np.float64]:
        """An array of energies in kcal/mol."""
        return self.arrays[name] / KCAL

    def metric(self, name: str) -> dict[str, Any]:
        """The metric of a name."""
        found: dict[str, Any] = next(metric for metric in self.header["metrics"] if metric["metric"] == name)
        return found

    @property
    def ensembles(self) -> list[str]:
        """The ensembles that are there: reference, model and, where it was run, the unbiased check."""
        return [name for name in ("reference", "model", "check") if name in self.header["durations_ps"]]
