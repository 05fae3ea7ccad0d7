"""Compare model and reference: metrics with bootstrap errors and noise floors, and the record that figures draw.

With `--check`, the histograms of unbiased trajectories are compared with the reweighted reference as well.

example: cgpipe compare --section analysis.yaml --temperature 300 --reference analysis/reference.h5 \\
             --model analysis/model.h5 --record analysis/comparison.h5 --output comparison.json
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.compare import compare, convergence, profiles
from cgpipe.analysis.ensemble import Ensemble, merge
from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.files import save_json
from cgpipe.data.records import load_record, save_record
from cgpipe.provenance import provenance
from cgpipe.seeding import stream
from cgpipe.units import thermal_energy


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
    ensembles = {name: _ensemble(arrays) for name, (arrays, _) in records.items()}
    header = records["reference"][1]
    energy = thermal_energy(args.temperature)
    n_bootstrap = section.n_bootstrap
    metrics = []
    for name in [key for key in ensembles if key != "reference"]:
        rng = stream(args.seed, "compare", name)
        found = compare(
            ensembles[name],
            ensembles["reference"],
            residues=header["residues"],
            thermal_energy=energy,
            n_bootstrap=n_bootstrap,
            rng=rng,
        )
        prefix = "" if name == "model" else "unbiased_check_"
        metrics += [{**asdict(metric), "metric": prefix + metric.metric} for metric in found]
    save_json(args.output, metrics)
    arrays: dict[str, NDArray[Any]] = {}
    for name, ensemble in ensembles.items():
        rng = stream(args.seed, "profiles", name)
        values = profiles(ensemble, thermal_energy=energy, n_bootstrap=n_bootstrap, rng=rng)
        arrays |= {f"{name}_{key}": value for key, value in asdict(values).items()}
        arrays |= _settling(name, ensemble, ensembles["reference"]) | _distributions(name, ensemble)
    arrays |= {f"model_{key}": v for key, v in records["model"][0].items() if key.startswith("series_")}
    settings = {"analysis": plain(section), "temperature_K": args.temperature}
    record = provenance("compare", settings, seed=args.seed, inputs=list(paths.values()))
    joint = {
        "residues": header["residues"],
        "bonds": header["bonds"],
        "angles": header["angles"],
        "durations_ps": {name: content[1]["duration_ps"] for name, content in records.items()},
        "frame_interval_ps": {name: content[1]["frame_interval_ps"] for name, content in records.items()},
        "equilibration_ps": {name: content[1]["equilibration_ps"] for name, content in records.items()},
        "thermal_energy_kJ_per_mol": energy,
        "metrics": metrics,
        "provenance": record,
    }
    save_record(args.record, arrays, joint)
    for metric in metrics:
        row = (metric["metric"], metric["value"], metric["error"], metric["noise_floor"], metric["unit"])
        print("{:<58} {:10.5f} +- {:.5f}  floor {:.5f} {}".format(*row))


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
