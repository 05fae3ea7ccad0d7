"""A metric of two ensembles with its bootstrap error and its noise floor, and the metrics of free-energy surfaces.

The error resamples the clusters of both ensembles. The noise floor is the same metric between two halves of the
reference: no model can be shown to be better than that.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.free_energy import free_energy_mse, jensen_shannon, marginal, probabilities
from cgpipe.analysis.uncertainty import bootstrap_steps, half_splits, small_steps, standard_error
from cgpipe.errors import DataError
from cgpipe.units import KCAL

Array = NDArray[np.float64]
_ROUNDING = 1e-9
Function = Callable[[Array, Array], float]
"""A metric of two histograms, model first."""


@dataclass(frozen=True)
class Metric:
    """One number that compares two ensembles."""

    metric: str
    value: float
    error: float | None
    """Standard error by resampling, or deviation of the posterior for what Markov models give; None where it is not
    known: of a bound, of references in umbrella windows, of torsions where a Markov model weights the reference."""
    noise_floor: float | None
    """Mean over the half splits of the reference: of the metric, or for a population of the halves' difference; for
    what Markov models give, the error of the reference. None where the reference never saw the state."""
    unit: str
    n_samples_model: int
    n_samples_reference: int
    n_samples_noise_floor: int
    """Frames in each half of the reference."""
    bound: Literal["", "at least", "at most"] = ""
    """What the value is if a state was never seen: the bound that holds with 95 % confidence."""
    sampling_floor: float | None = None
    """The same between halves of the model's replicas, each of half the length. The whole simulation, against a perfect
    reference, would add a quarter of it to a divergence and half of it to a difference. None where it is not known: of
    Markov models, and where halves share no populated bin."""


class Clusters(Protocol):
    """What resampling needs to know of an ensemble whose rows are independent clusters."""

    @property
    def n_frames(self) -> NDArray[np.intp]:
        """(n_clusters,)."""

    @property
    def groups(self) -> NDArray[np.intp]:
        """(n_clusters,), trajectory that a cluster belongs to."""


@dataclass(frozen=True)
class Resampling:
    """The same resamples and halves for every metric."""

    draws_model: Array
    """(n_bootstrap, n_clusters), factor of each in small steps towards resamples."""
    draws_reference: Array
    """(n_bootstrap, n_clusters)."""
    halves: Array
    """(n_splits, 2, n_clusters), how much each counts in two halves of the reference."""
    halves_model: Array
    """(n_splits, 2, n_clusters), the same of the model."""
    n_samples: tuple[int, int, int]
    """Frames of the model, of the reference, and of half of it."""
    n_units: tuple[int, int]
    """Independent units of the model and of the reference."""

    @classmethod
    def of(cls, model: Clusters, reference: Clusters, *, n_bootstrap: int, rng: np.random.Generator) -> Self:
        """Drawn for two ensembles. Raises DataError for one of a single independent unit, whose errors are unknown."""
        n_units = int(np.count_nonzero(model.n_frames)), int(np.count_nonzero(reference.n_frames))
        for name, n in zip(("model", "reference"), n_units, strict=True):
            if n < 2:
                raise DataError(
                    f"the {name} has {n} independent unit of frames, which tells nothing of its errors; give two "
                    "replicas, two trajectories or blocks (analysis.n_blocks_per_trajectory), or more"
                )
        draws_model, draws_reference = (
            bootstrap_steps(len(ensemble.n_frames), n_bootstrap, rng) for ensemble in (model, reference)
        )
        first = half_splits(reference.groups, rng)
        n_half = int(np.median(first @ reference.n_frames))
        n_samples = int(model.n_frames.sum()), int(reference.n_frames.sum()), n_half
        halves, halves_model = (
            np.stack([half, ~half], axis=1).astype(np.float64) for half in (first, half_splits(model.groups, rng))
        )
        return cls(draws_model, draws_reference, halves, halves_model, n_samples, n_units)

    def reweighted(self, draws: Array, halves: Array, *, n_units: int, rng: np.random.Generator) -> Self:
        """With the known factors of a reference whose weights are uncertain; both are those of `ChainEnsemble`."""
        chosen = small_steps(draws[rng.integers(len(draws), size=len(self.draws_model))], n_units)
        n_model, n_reference, _ = self.n_samples
        samples, units = (n_model, n_reference, n_reference // 2), (self.n_units[0], n_units)
        return replace(self, draws_reference=chosen, halves=halves, n_samples=samples, n_units=units)

    def metric(
        self, name: str, unit: str, function: Function, model: Array, reference: Array, floor: Function | None = None
    ) -> Metric:
        """Metric of histograms (n_clusters, ...) of both; the noise floor is that of `floor`, if given."""
        resampled = [
            function(np.tensordot(m, model, 1), np.tensordot(r, reference, 1))
            for m, r in zip(self.draws_model, self.draws_reference, strict=True)
        ]
        between = floor or function
        return Metric(
            name,
            function(model.sum(0), reference.sum(0)),
            float(standard_error(resampled)),
            _between_halves(between, self.halves, reference),
            unit,
            *self.n_samples,
            sampling_floor=self._sampling_floor(between, model),
        )

    def share_of_model(self, name: str, share: Callable[[Array], float], model: Array, reference: Array) -> Metric:
        """A share that is asked of the model alone, of histograms of both; its floors are differences between halves.

        If n independent units saw nothing, or nothing else, it has the error 1 / n, not none.
        """
        found = self.metric(name, "1", lambda m, _: share(m), model, reference, lambda a, b: share(a) - share(b))
        return replace(found, error=math.hypot(found.error or 0.0, _unseen(found.value, self.n_units[0])))

    def _sampling_floor(self, function: Function, model: Array) -> float | None:
        try:
            return _between_halves(function, self.halves_model, model)
        except DataError:
            return None

    def metric_if_defined(
        self, name: str, unit: str, function: Function, model: Array, reference: Array
    ) -> list[Metric]:
        """The metric, or none where ensembles, resamples or halves have no populated bin in common."""
        try:
            return [self.metric(name, unit, function, model, reference)]
        except DataError:
            return []

    def share_metrics(self, label: str, model: Array, reference: Array) -> list[Metric]:
        """Share of a state in the model, in the reference, and their difference.

        model, reference : (n_clusters, 2), weight in the state and in all
        A share of which n independent units saw nothing, or nothing else, has the error 1 / n, not none.
        """

        def share(table: Array) -> float:
            return float(table[0] / table[1])

        functions: dict[str, Function] = {
            "population_model": lambda m, _: share(m),
            "population_reference": lambda _, r: share(r),
            "population_difference": lambda m, r: share(m) - share(r),
        }
        floor = functions["population_difference"]
        found = [self.metric(f"{name}_{label}", "1", f, model, reference, floor) for name, f in functions.items()]
        unseen = [_unseen(share(table.sum(0)), n) for table, n in zip((model, reference), self.n_units, strict=True)]
        extra = [unseen[0], unseen[1], math.hypot(*unseen)]
        return [replace(m, error=math.hypot(m.error or 0.0, e)) for m, e in zip(found, extra, strict=True)]


def _unseen(share: float, n_units: int) -> float:
    """Error of a share of which no unit saw any, or any other."""
    return 0.0 if _ROUNDING < share < 1 - _ROUNDING else 1 / n_units


def _between_halves(function: Function, halves: Array, histograms: Array) -> float:
    """Mean size of a metric between the halves of one ensemble's histograms, (n_clusters, ...)."""
    pairs = ((np.tensordot(half, histograms, 1) for half in pair) for pair in halves)
    return float(np.mean([abs(function(*pair)) for pair in pairs]))


def surface_functions(first: str, second: str, thermal_energy: float) -> list[tuple[str, str, Function]]:
    """Name, unit and function of each metric of (n_bins, n_bins) histograms over two named coordinates."""

    def square(model: Array, reference: Array) -> float:
        return free_energy_mse(probabilities(model), probabilities(reference), thermal_energy) / KCAL**2

    functions: list[tuple[str, str, Function]] = [
        (f"js_{first}_{second}", "nats", lambda m, r: jensen_shannon(probabilities(m), probabilities(r))),
        (f"js_{first}", "nats", lambda m, r: js_of_line(marginal(m, 0), marginal(r, 0))),
        (f"js_{second}", "nats", lambda m, r: js_of_line(marginal(m, 1), marginal(r, 1))),
        ("free_energy_mse", "(kcal/mol)^2", square),
        ("free_energy_rmse_weighted_by_reference", "kcal/mol", weighted_rmse(thermal_energy)),
    ]
    return functions


def weighted_rmse(thermal_energy: float) -> Function:
    """Root mean square difference of free energies weighted by the reference, kcal/mol, of histograms."""

    def function(model: Array, reference: Array) -> float:
        p, q = probabilities(model), probabilities(reference)
        return float(np.sqrt(free_energy_mse(p, q, thermal_energy, weights=q)) / KCAL)

    return function


def js_of_line(model: Array, reference: Array) -> float:
    """Jensen-Shannon divergence of two histograms of one coordinate, nats."""
    return jensen_shannon(model / model.sum(), reference / reference.sum())


def mean_js(model: Array, reference: Array) -> float:
    """Mean over terms of the divergence of their distributions, from (n_terms, n_bins)."""
    p, q = (table / table.sum(-1, keepdims=True) for table in (model, reference))
    return jensen_shannon(p, q) / len(model)
