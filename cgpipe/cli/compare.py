"""Compare model and reference: metrics with bootstrap errors and noise floors, and the record that figures draw.

With `--check`, the histograms of unbiased trajectories are compared with the reweighted reference as well.

example: cgpipe compare --section analysis.yaml --temperature 300 --reference analysis/reference.h5 \\
             --model analysis/model.h5 --record analysis/comparison.h5 --output comparison.json
"""

import argparse
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.chain_compare import chain_profiles, compare_chains, compare_kinetics
from cgpipe.analysis.chain_ensemble import ChainEnsemble, Coordinate
from cgpipe.analysis.compare import LOCAL_METRICS, compare, convergence, profiles
from cgpipe.analysis.ensemble import Ensemble, merge
from cgpipe.analysis.kinetics import Kinetics
from cgpipe.analysis.metrics import Metric
from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.files import save_json
from cgpipe.data.records import load_record, save_record
from cgpipe.errors import DataError
from cgpipe.provenance import provenance
from cgpipe.seeding import stream
from cgpipe.units import thermal_energy

Arrays = dict[str, NDArray[Any]]

_SHARED = ("residues", "chain", "coordinates", "pair_limits_nm", "tic_limits")
"""What must be equal in the headers of both ensembles."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe compare`."""
    add_section(parser, what="`analysis`")
    add_seed(parser)
    parser.add_argument("--temperature", type=float, required=True, metavar="K", help="temperature of both ensembles")
    for name, text in (("reference", "reference"), ("model", "model")):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=f"histograms of the {text}")
    parser.add_argument("--check", type=Path, metavar="FILE", help="histograms of unbiased reference trajectories")
    parser.add_argument("--record", type=Path, required=True, metavar="FILE", help="HDF5 record for the figures")
    add_output(parser, what="JSON list of metrics")


def run(args: argparse.Namespace) -> None:
    """Write metrics and record."""
    section = parse_section(AnalysisSection, args.section)
    paths = {"reference": args.reference, "model": args.model} | ({"check": args.check} if args.check else {})
    records = {name: load_record(path) for name, path in paths.items()}
    comparison = Comparison(records, section, thermal_energy(args.temperature), args.seed)
    metrics = [asdict(metric) for metric in comparison.metrics()]
    save_json(args.output, metrics)
    settings = {"analysis": plain(section), "temperature_K": args.temperature}
    record = provenance("compare", settings, seed=args.seed, inputs=paths.values(), outputs=[args.output])
    save_record(args.record, comparison.arrays(), {**comparison.labels(), "metrics": metrics, "provenance": record})
    for metric in metrics:
        error, floor, sampling = (_number(metric[key]) for key in ("error", "noise_floor", "sampling_floor"))
        value = f"{metric['bound']} {metric['value']:.5f}".strip()
        floors = f"floor {floor}, between halves of the model {sampling}"
        print(f"{metric['metric']:<58} {value:>18} +- {error}  {floors} {metric['unit']}")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.5f}"


class Comparison:
    """The ensembles of one system, and all that is computed from them."""

    def __init__(
        self, records: dict[str, tuple[Arrays, dict[str, Any]]], section: AnalysisSection, energy: float, seed: int
    ) -> None:
        """energy : kT, kJ/mol."""
        self._records, self._section, self._energy, self._seed = records, section, energy, seed
        self._ensembles = {name: _ensemble(arrays) for name, (arrays, _) in records.items()}
        self._chains = {name: chain for name, (arrays, _) in records.items() if (chain := _chain(arrays))}
        self._header = records["reference"][1]
        for name, (_, header) in records.items():
            if differing := [key for key in _SHARED if header[key] != self._header[key]]:
                raise DataError(
                    f"{name} and reference were analysed on different scales ({', '.join(differing)}); analyse both "
                    "with the same states, native structure and settings"
                )

    def metrics(self) -> list[Metric]:
        """Of the model, then of the unbiased check, under names of its own.

        The first says most of the molecule as a whole, slow coordinates before torsions, what lies between neighbours
        last: rounds of improvement and studies go by it.
        """
        found = []
        for name in [key for key in self._ensembles if key != "reference"]:
            prefix = "" if name == "model" else "unbiased_check_"
            chain, torsions = self._chain_metrics(name), self._torsion_metrics(name)
            metrics = [
                *(_without_errors(chain) if self._is_windowed else chain),
                *(_without_errors(torsions) if self._is_windowed or self._is_reweighted else torsions),
            ]
            metrics.sort(key=lambda metric: metric.metric in LOCAL_METRICS)
            found += [replace(metric, metric=prefix + metric.metric) for metric in metrics]
        return found

    @property
    def _is_windowed(self) -> bool:
        """Whether umbrella windows biased the reference: its resamples do not estimate their weights again."""
        return bool(self._header.get("windowed"))

    @property
    def _is_reweighted(self) -> bool:
        """Whether a Markov model weights the reference: only resamples of its chain know how uncertain that is."""
        return "reference" in self._chains and len(self._chains["reference"].draws) > 0

    def _torsion_metrics(self, name: str) -> list[Metric]:
        return compare(
            self._ensembles[name],
            self._ensembles["reference"],
            residues=self._header["residues"],
            thermal_energy=self._energy,
            n_bootstrap=self._section.n_bootstrap,
            rng=stream(self._seed, "compare", name),
        )

    def _chain_metrics(self, name: str) -> list[Metric]:
        if name not in self._chains:
            return []
        model, reference = self._chains[name], self._chains["reference"]
        found = compare_chains(
            model,
            reference,
            coordinates=[Coordinate(**values) for values in self._header["coordinates"]],
            thermal_energy=self._energy,
            n_bootstrap=self._section.n_bootstrap,
            rng=stream(self._seed, "compare chains", name),
        )
        kinetics = [_kinetics(self._records[key][0]) for key in (name, "reference")]
        if kinetics[0] is not None and kinetics[1] is not None:
            n_samples = int(model.n_frames.sum()), int(reference.n_frames.sum())
            found += compare_kinetics(kinetics[0], kinetics[1], n_samples=n_samples)
        return found

    def arrays(self) -> Arrays:
        """What the figures draw."""
        arrays: Arrays = {}
        for name, ensemble in self._ensembles.items():
            values = self._profiles(name, ensemble)
            arrays |= {f"{name}_{key}": value for key, value in values.items()}
            arrays |= _settling(name, ensemble, self._ensembles["reference"]) | _distributions(name, ensemble)
            kept = {key: v for key, v in self._records[name][0].items() if key.startswith(("kinetics_", "structures"))}
            arrays |= {f"{name}_{key}": value for key, value in kept.items()}
        series = {key: v for key, v in self._records["model"][0].items() if key.startswith("series_")}
        return arrays | {f"model_{key}": v for key, v in series.items()}

    def _profiles(self, name: str, ensemble: Ensemble) -> Arrays:
        options: dict[str, Any] = {"thermal_energy": self._energy, "n_bootstrap": self._section.n_bootstrap}
        found: Arrays = asdict(profiles(ensemble, **options, rng=stream(self._seed, "profiles", name)))
        if name in self._chains:
            final = self._chains["reference"].surface.sum((0, 1))
            rng = stream(self._seed, "chain profiles", name)
            chain = chain_profiles(self._chains[name], final, **options, rng=rng).to_arrays()
            found |= {f"chain_{key}": value for key, value in chain.items()}
        if name == "reference" and self._is_windowed:
            found |= {key: np.full_like(value, np.nan) for key, value in found.items() if key.endswith("_errors")}
        return found

    def labels(self) -> dict[str, Any]:
        """What the figures write beside the arrays."""
        times = ("duration_ps", "frame_interval_ps", "equilibration_ps")
        names = {"duration_ps": "durations_ps"}
        kept = {key: value for key, value in self._header.items() if key not in {*times, "provenance"}}
        return {
            **kept,
            **{
                names.get(key, key): {name: content[1][key] for name, content in self._records.items()} for key in times
            },
            "thermal_energy_kJ_per_mol": self._energy,
        }


def _without_errors(metrics: list[Metric]) -> list[Metric]:
    """With neither floors nor errors, but for those of the model alone, as the reference's are not known."""
    return [replace(m, noise_floor=None, error=m.error if "_model" in m.metric else None) for m in metrics]


def _chain(arrays: Arrays) -> ChainEnsemble | None:
    if "chain_weights" not in arrays:
        return None
    return ChainEnsemble(**{field.name: arrays[f"chain_{field.name}"] for field in fields(ChainEnsemble)})


def _kinetics(arrays: Arrays) -> Kinetics | None:
    if "kinetics_lags" not in arrays:
        return None
    return Kinetics(**{field.name: arrays[f"kinetics_{field.name}"] for field in fields(Kinetics)})


def _ensemble(arrays: dict[str, NDArray[Any]]) -> Ensemble:
    return Ensemble(**{name: arrays[name] for name in Ensemble.__dataclass_fields__})


def _settling(name: str, ensemble: Ensemble, reference: Ensemble) -> dict[str, NDArray[np.float64]]:
    """Convergence of one ensemble towards the whole reference."""
    keys = ("convergence_js", "convergence_populations", "stretch_populations")
    values = convergence(ensemble, reference.torsions.sum(0))
    return {f"{name}_{key}": value for key, value in zip(keys, values, strict=True)}


def _distributions(name: str, ensemble: Ensemble) -> dict[str, NDArray[np.float64]]:
    """Bond and angle densities summed over units, (n_terms, n_bins), normalised per bin."""
    result = {}
    for key in ("bonds", "angles"):
        total = getattr(merge(ensemble, np.zeros_like(ensemble.times)), key)[0]
        result[f"{name}_{key}"] = total / total.sum(-1, keepdims=True)
    return result
