"""Free energies of folding and mirror images, of ensembles that may never have seen a folded or an unfolded frame."""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.chain_ensemble import ChainEnsemble
from cgpipe.analysis.metrics import Function, Metric, Resampling
from cgpipe.units import KCAL

Array = NDArray[np.float64]
Bound = Literal["", "at least", "at most"]

_DOUBT = 0.05
"""An event that n independent trials never saw has a chance below 1 - 0.05^(1/n), about 3 / n, with 95 % confidence.
Hanley and Lippman-Hand 1983, DOI 10.1001/jama.1983.03330370053031."""


@dataclass(frozen=True)
class _Folding:
    """Folded and other weight of one ensemble, row by row."""

    table: Array
    """(n_rows, 2)."""
    n_units: int
    """Independent units that saw or did not see either."""
    least: float
    """Weight that stands for none in a resample: half of the least that a row holds of either."""

    @classmethod
    def of(cls, ensemble: ChainEnsemble, n_units: int) -> Self:
        table = ensemble.folded[:, [0, 3]]
        return cls(table, n_units, 0.5 * float(table[table > 0].min()))

    def log_odds(self, row: Array) -> float:
        """ln(folded / unfolded) of summed weights, (2,)."""
        return float(np.log(max(row[0], self.least) / max(row[1], self.least)))

    @property
    def bound(self) -> Bound:
        """What the free energy of folding is: of no folded frame at least, of no other at most."""
        folded, others = self.table.sum(0)
        if not folded:
            return "at least"
        return "" if others else "at most"

    @property
    def value(self) -> float:
        """ln(folded / unfolded), or its bound."""
        if not self.bound:
            return self.log_odds(self.table.sum(0))
        chance = 1 - _DOUBT ** (1 / self.n_units)
        limit = float(np.log(chance / (1 - chance)))
        return limit if self.bound == "at least" else -limit


def folding_metrics(
    resampling: Resampling, model: ChainEnsemble, reference: ChainEnsemble, thermal_energy: float
) -> list[Metric]:
    """Free energy of folding of the model, of the reference, and their difference; mirror images near the native.

    Where a side never saw a folded frame, or no other, its value is a bound without an error and says so. Two bounds
    have no difference.
    """
    m, r = (_Folding.of(e, n) for e, n in zip((model, reference), resampling.n_units, strict=True))
    unit = -thermal_energy / KCAL
    functions: dict[str, Function] = {
        "model": lambda row, _: unit * m.log_odds(row),
        "reference": lambda _, row: unit * r.log_odds(row),
        "difference": lambda a, b: unit * (m.log_odds(a) - r.log_odds(b)),
    }
    values = {"model": m.value, "reference": r.value, "difference": m.value - r.value}
    bounds = {"model": m.bound, "reference": r.bound, "difference": m.bound or _opposite(r.bound)}

    def between_halves(a: Array, b: Array) -> float:
        return unit * (r.log_odds(a) - r.log_odds(b))

    metrics = []
    for name, function in functions.items():
        if name == "difference" and m.bound and r.bound:
            continue
        found = resampling.metric(f"folding_free_energy_{name}", "kcal/mol", function, m.table, r.table, between_halves)
        floor = None if r.bound else found.noise_floor
        bound = bounds[name]
        error = None if bound else found.error
        metrics.append(replace(found, value=unit * values[name], error=error, noise_floor=floor, bound=bound))
    if not model.folded[:, 2].any():  # of none near the native structure, none is a mirror image
        return metrics
    name = "mirror_image_fraction_near_native"
    return [*metrics, resampling.share_of_model(name, _mirrored, model.folded, reference.folded)]


def _opposite(bound: Bound) -> Bound:
    opposites: dict[Bound, Bound] = {"at least": "at most", "at most": "at least", "": ""}
    return opposites[bound]


def _mirrored(folded: Array) -> float:
    """Share of mirror images of all near the native structure, from a row of `ChainEnsemble.folded`."""
    return float(folded[1] / folded[2]) if folded[2] > 0 else 0.0
