"""One pass over the frames of an ensemble, which fills all its histograms and collects its discrete trajectories."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.chain import alpha_carbons
from cgpipe.analysis.chain_ensemble import ChainEnsemble, ChainScale, Measured, count, measure
from cgpipe.analysis.ensemble import Ensemble, histogram_unit, join, merge
from cgpipe.analysis.features import backbone_torsions
from cgpipe.analysis.kinetics import Kinetics, KineticsEstimate
from cgpipe.analysis.representatives import Representatives
from cgpipe.analysis.states import StateSpace
from cgpipe.analysis.structure import match_native, principal_axes, superposed
from cgpipe.cli.states import load_states
from cgpipe.cli.units import Layout, Unit, read_units
from cgpipe.config.sections import AnalysisSection, MarkovSection
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.structure import read_alpha_carbons
from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Trajectory
from cgpipe.seeding import stream

_N_REPRESENTATIVES = 8


@dataclass(frozen=True)
class Scale:
    """What is measured."""

    n_bins: int
    chain: ChainScale | None
    """None for molecules that are no chain of C-alpha beads."""
    by_time: bool
    """Whether units keep their time: where there are torsions, whose convergence is followed. Else memory is spared."""


def bind_scale(section: AnalysisSection, topology: Topology, states: Path | None, native: Path | None) -> Scale:
    """Scale of a system, with its native structure and state space if there are any."""
    carbons, by_time = alpha_carbons(topology), bool(backbone_torsions(topology))
    if not len(carbons):
        return Scale(section.n_bins, None, by_time)
    structure = None
    if native is not None:
        names = tuple(topology.residue_names[bead] for bead in carbons)
        structure = match_native(*read_alpha_carbons(native), names, source=str(native))
    space = load_states(states) if states is not None else None
    chain = ChainScale(carbons, structure, space, section.contact_nm, section.folded_rmsd_nm, section.n_bins)
    return Scale(section.n_bins, chain, by_time)


Arrays = dict[str, NDArray[Any]]


def analyse_frames(
    plan: Layout,
    scale: Scale,
    section: AnalysisSection,
    *,
    name: str,
    root_seed: int,
    interval: float | None,
    start: int,
) -> tuple[Ensemble, Arrays]:
    """Histograms of the frames of a layout, and what is known of a chain, as named arrays.

    name     : of the ensemble: reference, model, check, or the data that another reference judges
    interval : between frames, ps, or None where they follow no dynamics of the system, so that there are no kinetics
    start    : frames of each replica that are left out
    """
    chain = None if scale.chain is None else _Chain(plan, scale.chain, section, name=name, root_seed=root_seed)
    highest = max(_highest_weight(path) for path in plan.paths)
    parts: dict[tuple[int, int], Ensemble] = {}
    for frames, unit in read_units(plan, start=start):
        measured = None if chain is None else chain.measure(frames)
        if frames.log_weights is not None:
            weights = np.exp(frames.log_weights.astype(np.float64) - highest)
        else:
            weights = np.ones(frames.n_frames) if chain is None or measured is None else chain.weights(measured)
        time = unit.time if scale.by_time else 0
        labels = {"group": unit.group, "time": time, "cluster": unit.cluster}
        part = histogram_unit(frames, weights, n_bins=scale.n_bins, **labels)
        key = (unit.cluster, time)
        parts[key] = merge(join([parts[key], part]), np.zeros(2, dtype=np.intp)) if key in parts else part
        if chain is not None and measured is not None:
            chain.add(measured, weights, unit)
    return join([parts[key] for key in sorted(parts)]), {} if chain is None else chain.arrays(interval)


class _Chain:
    """What grows of a chain while frames are read."""

    def __init__(self, plan: Layout, scale: ChainScale, section: AnalysisSection, *, name: str, root_seed: int) -> None:
        self._plan, self._scale, self._section, self._name, self._root_seed = plan, scale, section, name, root_seed
        n_times = section.n_blocks_per_trajectory
        own = scale.states if name == "reference" else None
        self._reweighted = own if own is not None and own.is_reweighted else None
        self._ensemble = (
            ChainEnsemble.empty(scale, plan.cluster_groups, n_times)
            if self._reweighted is None
            else ChainEnsemble.empty_by_state(scale, self._reweighted, n_times)
        )
        self._discrete: dict[int, list[NDArray[np.intp]]] = {}
        n_macrostates = scale.states.n_macrostates if scale.states else 0
        rng = stream(root_seed, "representatives", name)
        self._representatives = Representatives(n_macrostates, _N_REPRESENTATIVES, len(scale.carbons), rng)

    def measure(self, frames: Trajectory) -> Measured:
        return measure(frames.positions, self._scale)

    def weights(self, measured: Measured) -> NDArray[np.float64]:
        """Of frames that carry none: those of the reference's clusters, else all equal."""
        if self._scale.states is None or self._name != "reference":
            return np.ones(len(measured.values))
        known = self._scale.states.log_weights
        return np.exp(known[measured.clusters] - known.max())

    def add(self, measured: Measured, weights: NDArray[np.float64], unit: Unit) -> None:
        rows = np.full(len(weights), unit.cluster)
        if self._reweighted is not None:
            bundle = self._plan.bundle(unit.series, unit.time)
            rows = bundle * len(self._reweighted.centres) + measured.clusters
        count(self._ensemble, measured, weights, self._scale, rows=rows, time=unit.time)
        if self._scale.states is not None:
            for number, column in enumerate(measured.clusters.reshape(-1, unit.n_series).T, start=unit.series):
                self._discrete.setdefault(number, []).append(column)
            macrostates = self._scale.states.macrostates[measured.clusters]
            self._representatives.offer(measured.chain, macrostates, weights)

    def arrays(self, interval: float | None) -> Arrays:
        found = {f"chain_{key}": values for key, values in self._ensemble.to_arrays().items()}
        if self._scale.states is None or self._section.markov is None:
            return found
        if interval is not None:
            kinetics = self._kinetics(self._scale.states, self._section.markov, interval)
            found |= {f"kinetics_{key}": values for key, values in kinetics.to_arrays().items()}
        return found | {"structures": self._oriented(self._representatives.frames)}

    def _oriented(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Representatives superposed on the native structure, or on the first of each state, its long axis first."""
        result = frames.copy()
        for state, part in enumerate(frames):
            seen = np.isfinite(part).all(axis=(1, 2))
            if seen.any():
                target = principal_axes(self._scale.native if self._scale.native is not None else part[seen][0])
                moved = superposed(torch.from_numpy(part[seen]), torch.from_numpy(target))
                result[state, seen] = moved.numpy()
        return result

    def _kinetics(self, space: StateSpace, section: MarkovSection, interval: float) -> Kinetics:
        discrete = [np.concatenate(self._discrete[number]) for number in sorted(self._discrete)]
        key = "model_lag_ps" if self._name == "model" else "lag_ps"
        estimate = KineticsEstimate(discrete, space, section, interval=interval)
        return estimate.estimate(getattr(section, key), key=key, root_seed=self._root_seed, name=self._name)


def _highest_weight(path: Path) -> float:
    with H5mdFile(path) as file:
        values = file.observable("log_weight")
        return 0.0 if values is None else float(values.max())
