"""Weights of biased trajectories, and the free energy along their biased variables: of all frames and of halves.

Frames of umbrella windows are weighted together by MBAR; under a metadynamics bias each frame carries its own weight.

example: cgpipe weights --section reference.yaml --biases bias0.json bias1.json --trajectories t0.h5md t1.h5md \\
             --output weights.h5
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.biased import first_halves, mbar_weights, profile, profile_error
from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.cli.bias_file import load_bias
from cgpipe.cli.units import ranks_in_windows
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record, save_record
from cgpipe.errors import ConfigError, DataError, FitError
from cgpipe.provenance import provenance, sha256
from cgpipe.reference.bias import window_energies
from cgpipe.reference.variables import Variable
from cgpipe.units import KCAL, thermal_energy

Array = NDArray[np.float64]
_N_BINS = 50
_POPULATED = 4.0 * KCAL
"""Bins up to this free energy count in the difference of halves and in the error."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe weights`."""
    add_section(parser, what="`reference`")
    add_inputs(parser, "biases", what="what `cgpipe bias` wrote, in order")
    add_inputs(parser, "trajectories", what="all atomistic H5MD files of the system, in order")
    add_output(parser, what="HDF5 record of the weights and free energies")


def run(args: argparse.Namespace) -> None:
    """Write weights and free energies."""
    section = parse_section(OpenMMReferenceSection, args.section)
    if section.bias is None:
        raise ConfigError("reference.bias is not set, so no frame has lost its weight")
    variables = load_bias(args.biases[0]).variables
    columns, own, lengths, window = _read(args.trajectories)
    early = first_halves(lengths)
    parts = [np.ones_like(early), early, ~early]
    arrays: dict[str, NDArray[np.generic]] = {"lengths": np.array(lengths)}
    groups = _groups(lengths, window)
    others = [groups != group for group in range(groups.max() + 1)]
    if section.bias.windows is None:
        log_weights, without = ([own[part] for part in chosen] for chosen in (parts, others))
    else:
        energies = window_energies(variables[0], section.bias.windows, columns[:, 0])
        found = [mbar_weights(energies[:, part], window[part]) for part in parts]
        log_weights, arrays["overlap"] = [weights.log_weights for weights in found], found[0].overlap
        without = [_left(energies[:, part], window[part]) for part in others]
    for number, variable in enumerate(variables):
        edges = np.linspace(*variable.limits, _N_BINS + 1)
        kt = thermal_energy(section.temperature_K)
        rows = [
            profile(columns[part, number], weights, edges, thermal_energy=kt)
            for part, weights in zip(parts, log_weights, strict=True)
        ]
        errors = profile_error(columns[:, number], without, edges, groups, thermal_energy=kt)
        arrays |= {f"edges{number}": edges, f"free_energy{number}": np.array(rows), f"error{number}": errors}
        counts = [np.histogram(column[:, number], edges)[0] for column in np.split(columns, np.cumsum(lengths)[:-1])]
        arrays[f"counts{number}"] = np.array(counts)
        print(
            f"{variable.label}: halves differ by {_difference(rows) / KCAL:.2f} kcal/mol, the standard error over "
            f"trajectories is {_typical(errors, rows[0]) / KCAL:.2f} kcal/mol (root mean squares)"
        )
    record = provenance("weights", {"reference": plain(section)}, seed=0, inputs=[*args.biases, *args.trajectories])
    labels = [_label(variable, number if len(variables) > 1 else None) for number, variable in enumerate(variables, 1)]
    files = [sha256(path) for path in args.trajectories]
    header = {"provenance": record, "labels": labels, "files": files}
    save_record(args.output, {**arrays, "log_weights": log_weights[0]}, header)


def _read(paths: list[Path]) -> tuple[Array, Array, list[int], NDArray[np.intp]]:
    """Biased variables (n_frames, n_variables), own weights and window (n_frames,), and the frames of each file."""
    columns, weights, windows = [], [], []
    for path in paths:
        with H5mdFile(path) as file:
            values, own, window = file.observable("bias_variables"), file.observable("log_weight"), file.array("window")
            if values is None:
                raise DataError(f"{path} was recorded without a bias, or by an older cgpipe; delete it and run again")
            columns.append(values)
            weights.append(np.zeros(len(values)) if own is None else own)
            windows.append(np.full(len(values), 0 if window is None else int(window)))
    lengths = [len(values) for values in columns]
    return np.concatenate(columns), np.concatenate(weights), lengths, np.concatenate(windows)


def _left(energies: Array, window: NDArray[np.intp]) -> Array:
    """Log weights of what is left without one trajectory of each window; not a number where it no longer connects."""
    try:
        return mbar_weights(energies, window).log_weights
    except FitError:
        return np.full(len(window), np.nan)


def _groups(lengths: list[int], window: NDArray[np.intp]) -> NDArray[np.intp]:
    """Independent group of each frame: its trajectory's rank among those of its window, (n_frames,)."""
    firsts = np.cumsum([0, *lengths[:-1]])
    return np.repeat(ranks_in_windows(window[firsts].tolist()), lengths)


def _label(variable: Variable, number: int | None) -> str:
    """What an axis says of a variable: its name, its number among several, its unit."""
    name, bracket, unit = variable.label.partition(" (")
    return "".join([name, "" if number is None else f" {number}", bracket, unit])


def _difference(rows: list[Array]) -> float:
    """Root mean square difference of the free energies of halves, kJ/mol, about their mean; the first row is of all."""
    both = (rows[0] < _POPULATED) & np.isfinite(rows[1]) & np.isfinite(rows[2])
    return float((rows[1][both] - rows[2][both]).std())


def _typical(errors: Array, energies: Array) -> float:
    """Root mean square of the errors that are known, of bins that count, kJ/mol."""
    known = (energies < _POPULATED) & np.isfinite(errors)
    return float(np.sqrt(np.mean(errors[known] ** 2))) if known.any() else np.nan


def weights_of(path: Path, trajectory: Path) -> Array:
    """Logarithms of the weights of the frames of one trajectory, (n_frames,), from what `cgpipe weights` wrote.

    Raises DataError if it did not weigh this trajectory.
    """
    arrays, header = load_record(path)
    known = header.get("files", [])
    if (digest := sha256(trajectory)) not in known:
        raise DataError(f"{path} does not know the frames of {trajectory}; make it again from all trajectories")
    return np.asarray(np.split(arrays["log_weights"], np.cumsum(arrays["lengths"])[:-1])[known.index(digest)])
