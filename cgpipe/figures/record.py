"""What the figures read: the arrays and the header of a comparison."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.units import KCAL

NO_SURFACE = "no residue has all beads of phi and psi, and no slow coordinates were fitted"
"""What figures of a free-energy surface say where there is none."""


def stated(metric: dict[str, Any], digits: int) -> str:
    """Value of a metric with its error, as far as that is known."""
    error = "unknown error" if metric["error"] is None else f"{metric['error']:.{digits}f}"
    return f"{metric['value']:.{digits}f} ± {error}"


@dataclass(frozen=True)
class Surface:
    """A free-energy surface of reference and model, and what to write beside it."""

    title: str
    axes: tuple[str, str]
    limits: tuple[tuple[float, float], tuple[float, float]]
    """Range of each axis."""
    ticks: tuple[float, ...]
    """Of both axes; none for those that matplotlib shall choose."""
    metric: str
    """Name of its divergence."""
    energies: dict[str, NDArray[np.float64]]
    """By ensemble, (n_bins, n_bins), kcal/mol."""
    marks: tuple[tuple[float, float], ...]
    """Where the metastable states lie, from the first on."""


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
    def surfaces(self) -> list[Surface]:
        """Of phi and psi of every residue, and of the slow coordinates where there are any."""
        angles = tuple(float(angle) for angle in range(-180, 181, 90))
        found = [
            Surface(
                residue,
                ("φ (degrees)", "ψ (degrees)"),
                ((-180.0, 180.0), (-180.0, 180.0)),
                angles,
                f"js_phi_psi[{residue}]",
                {name: self.kcal(f"{name}_surface")[index] for name in self.ensembles},
                (),
            )
            for index, residue in enumerate(self.residues)
        ]
        if self.header.get("tic_limits"):
            first, second = (tuple(limits) for limits in self.header["tic_limits"][:2])
            energies = {name: self.kcal(f"{name}_chain_tic_surface") for name in self.ensembles}
            marks = tuple(tuple(centre[:2]) for centre in self.header["state_centres"])
            found.append(
                Surface(
                    "slow coordinates", ("TIC 1", "TIC 2"), (first, second), (), "js_tic1_tic2[tica]", energies, marks
                )
            )
        return found

    @property
    def n_residues(self) -> int:
        """Length of the C-alpha chain; 0 for other molecules."""
        return len(self.header.get("chain", ()))

    @property
    def ensembles(self) -> list[str]:
        """The ensembles that are there: reference, model and, where it was run, the unbiased check."""
        return [name for name in ("reference", "model", "check") if name in self.header["durations_ps"]]
