"""Whether the content of a result file can be physics: what `cgpipe verify` asks of each kind of file."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cgpipe.cli.map import load_maps
from cgpipe.cli.prior_file import load_prior
from cgpipe.data.files import load_json
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record
from cgpipe.data.tensors import load_tensors
from cgpipe.errors import DataError
from cgpipe.mapping.force_map import check_force_map

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
    parameters = load_prior(path).parameters
    for kind, terms in (("bonds", parameters.bonds), ("angles", parameters.angles)):
        bad = [term for term in terms if not (0 < term.centre < math.inf and 0 < term.stiffness < math.inf)]
        if bad:
            yield f"has {kind} without a positive force constant ({bad[0]}); look at its fit figure"


def _mapping(path: Path) -> Iterator[str]:
    maps = load_maps(path)
    try:
        check_force_map(maps.forces, maps.positions, np.empty((0, 2), dtype=np.intp))
    except DataError as error:
        yield str(error)


def _comparison(path: Path) -> Iterator[str]:
    metrics = load_json(path)
    for metric in metrics:
        name, value = metric["metric"], metric["value"]
        if not math.isfinite(value):
            yield f"has {name} = {value}, which is no number"
        elif name.startswith("js_") and not 0 <= value <= math.log(2) + 1e-9:
            yield f"has {name} = {value:g} nats, outside of 0 to ln 2"
        elif name.startswith("population_") and "difference" not in name and not 0 <= value <= 1:
            yield f"has {name} = {value:g}, outside of 0 to 1"
        if (metric["error"] or 0) < 0:
            yield f"has {name} with a negative error"
    record = path.parent / "analysis" / f"{path.stem}.h5"
    if record.is_file() and load_record(record)[1]["metrics"] != metrics:
        yield f"differs from the metrics in analysis/{record.name}; delete it and run `snakemake`"


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    "*.h5md": _trajectory,
    "simulation/job*.h5md": _simulation,
    "model.safetensors": _model,
    "prior/prior.json": _prior,
    "beads/mapping.json": _mapping,
    "*comparison.json": _comparison,
}
"""By pattern of the path; a file may have several."""
