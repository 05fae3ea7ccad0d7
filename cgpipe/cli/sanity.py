"""Whether the content of a result file can be physics: what `cgpipe verify` asks of each kind of file."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record
from cgpipe.data.tensors import load_tensors
from cgpipe.errors import DataError
from cgpipe.mapping.force_map import check_force_map
from cgpipe.mapping.linear_map import LinearMap, pick_atoms

_TEMPERATURE_TOLERANCE = 0.1
"""Relative; steps of some fs read a few percent cold, and a sound thermostat is never this far off."""


def complaints(path: Path) -> Iterator[str]:
    """What is not physical in a file, in words. Raises DataError if the file is damaged."""
    for name, check in _CHECKS.items():
        if path.match(name):
            yield from check(path)


def _trajectory(path: Path) -> Iterator[str]:
    with H5mdFile(path) as file:
        if file.n_frames == 0:
            yield "holds no frames; delete it and run again"
        for frames in file.chunks():  # reading checks sums, and that all values are finite
            if frames.log_weights is not None and not np.isfinite(frames.log_weights).all():
                yield "has statistical weights that are not finite; delete it and run again"


def _simulation(path: Path) -> Iterator[str]:
    model = next(iter(sorted(path.parents[1].glob("train/fold*/model.safetensors"))), None)
    with H5mdFile(path) as file:
        section = file.provenance["settings"]["simulation"]
        stretch, temperature = (file.observable(name) for name in ("bond_stretch", "kinetic_temperature"))
    if stretch is not None and not stretch.max() <= section["max_bond_stretch"]:
        yield f"has a bond of {stretch.max():.3g} times its length; lower simulation.timestep_fs"
    if model is None or temperature is None:
        return
    target = load_tensors(model)[1]["temperature_K"]
    mean = float(temperature.mean(dtype=np.float64))
    if not abs(mean / target - 1) < _TEMPERATURE_TOLERANCE:
        yield f"has a kinetic temperature of {mean:.1f} K where the model is for {target:g} K; lower the timestep"


def _model(path: Path) -> Iterator[str]:
    arrays, _ = load_tensors(path)
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            yield f"has weights {name} that are not finite; delete it and train again with a lower learning rate"


def _prior(path: Path) -> Iterator[str]:
    parameters = load_json(path)["parameters"]
    for kind in ("bonds", "angles"):
        bad = [term for term in parameters[kind] if not _positive(term)]
        if bad:
            yield f"has {kind} without a positive force constant ({bad[0]}); look at its fit figure"


def _positive(term: dict[str, Any]) -> bool:
    numbers = [value for value in term.values() if isinstance(value, float)]
    return all(math.isfinite(number) and number > 0 for number in numbers)


def _mapping(path: Path) -> Iterator[str]:
    content = load_json(path)
    weights = LinearMap(np.array(content["force_weights"]))
    bead_atoms = pick_atoms(np.array(content["atoms"]), weights.matrix.shape[1])
    try:
        check_force_map(weights, bead_atoms, np.empty((0, 2), dtype=np.intp))
    except DataError as error:
        yield str(error)


def _comparison(path: Path) -> Iterator[str]:
    for metric in load_json(path):
        name, value = metric["metric"], metric["value"]
        if not math.isfinite(value):
            yield f"has {name} = {value}, which is no number"
        elif name.startswith("js_") and not 0 <= value <= math.log(2) + 1e-9:
            yield f"has {name} = {value:g} nats, outside of 0 to ln 2"
        elif name.startswith("population_") and "difference" not in name and not 0 <= value <= 1:
            yield f"has {name} = {value:g}, outside of 0 to 1"
        if (metric["error"] or 0) < 0:
            yield f"has {name} with a negative error"
    record = path.parent / "analysis" / "comparison.h5"
    if record.is_file() and load_record(record)[1]["metrics"] != load_json(path):
        yield "differs from the metrics in analysis/comparison.h5; delete it and run `snakemake`"


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    "*.h5md": _trajectory,
    "simulation/job*.h5md": _simulation,
    "model.safetensors": _model,
    "prior/prior.json": _prior,
    "beads/mapping.json": _mapping,
    "comparison.json": _comparison,
}
"""By pattern of the path; a file may have several."""
