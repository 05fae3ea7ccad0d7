"""Histograms of one ensemble, reference or model, in the coordinates of the comparison.

Frames carry their weights; of simulated replicas the time before equilibrium is left out, by the rule of Chodera (2016)
on the mean potential energy.

example: cgpipe analyse --section analysis.yaml --beads b0.h5md b1.h5md --output analysis/reference.h5
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.ensemble import Ensemble, histogram_unit, join
from cgpipe.analysis.features import backbone_torsions, chains
from cgpipe.analysis.uncertainty import equilibration_start
from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import save_record
from cgpipe.data.trajectory import Trajectory
from cgpipe.provenance import provenance

_MAX_REPLICA_GROUPS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe analyse`."""
    add_section(parser, what="`analysis`")
    add_inputs(parser, "beads", what="bead trajectories of one ensemble, mapped or simulated")
    add_output(parser, what="HDF5 record of the histograms")


def run(args: argparse.Namespace) -> None:
    """Write the histograms."""
    section = parse_section(AnalysisSection, args.section)
    series = _series(args.beads)
    start = equilibration_start(series["potential_energy"][:, 0]) if series else 0
    ensemble = _histograms(args.beads, section, start)
    with H5mdFile(args.beads[0]) as file:
        topology, interval, n_times = file.topology, file.frame_interval, file.n_frames // file.n_replicas
    header = {
        "residues": [torsion.residue for torsion in backbone_torsions(topology)],
        "bonds": [" - ".join(topology.labels[k] for k in bond) for bond in topology.bonds],
        "angles": [" - ".join(topology.labels[k] for k in angle) for angle in chains(topology)],
        "frame_interval_ps": interval,
        "duration_ps": (n_times - start) * interval,
        "equilibration_ps": start * interval,
        "provenance": provenance("analyse", {"analysis": plain(section)}, seed=0, inputs=args.beads),
    }
    arrays = {name: getattr(ensemble, name) for name in Ensemble.__dataclass_fields__}
    save_record(args.output, arrays | {f"series_{name}": values for name, values in series.items()}, header)
    print(
        f"{ensemble.n_frames.sum()} frames, {ensemble.n_effective:.0f} effective by weight, "
        f"{start * interval:g} ps discarded"
    )


def _series(paths: list[Path]) -> dict[str, NDArray[np.float64]]:
    """Mean and standard deviation over replicas of what a simulation logged, (n_times, 2) each; empty for others."""
    collected: dict[str, list[NDArray[Any]]] = {}
    for path in paths:
        with H5mdFile(path) as file:
            for name in ("potential_energy", "kinetic_temperature", "bond_stretch"):
                if (values := file.observable(name)) is not None:
                    collected.setdefault(name, []).append(values.reshape(-1, file.n_replicas))
    joined = {name: np.concatenate(parts, axis=1).astype(np.float64) for name, parts in collected.items()}
    return {name: np.column_stack([v.mean(1), v.std(1)]) for name, v in joined.items()}


def _histograms(paths: list[Path], section: AnalysisSection, start: int) -> Ensemble:
    """Ensemble of all files from a frame of each replica on."""
    parts = []
    highest = max(_highest_weight(path) for path in paths)
    offset = 0
    for path in paths:
        with H5mdFile(path) as file:
            replicas = file.n_replicas
            frames = file.frames(start * replicas)
            stretches = np.array_split(np.arange(file.n_frames // replicas - start), section.n_blocks_per_trajectory)
            groups = np.array_split(np.arange(replicas), min(replicas, _MAX_REPLICA_GROUPS))
            for group, members in enumerate(groups, start=offset):
                for time, times in enumerate(stretches):
                    unit = _select(frames, (times[:, None] * replicas + members).ravel())
                    cluster = group if replicas > 1 else group * len(stretches) + time
                    weights = _weights(unit, highest)
                    labels = {"group": group, "time": time, "cluster": cluster}
                    parts.append(histogram_unit(unit, weights, n_bins=section.n_bins, **labels))
            offset += len(groups)
    return join(parts)


def _highest_weight(path: Path) -> float:
    with H5mdFile(path) as file:
        values = file.observable("log_weight")
        return 0.0 if values is None else float(values.max())


def _select(trajectory: Trajectory, index: NDArray[np.intp]) -> Trajectory:
    weights = trajectory.log_weights
    return Trajectory(
        trajectory.topology, trajectory.positions[index], None, None if weights is None else weights[index]
    )


def _weights(trajectory: Trajectory, highest: float) -> NDArray[np.float64]:
    """Weights on a scale on which the heaviest frame of all files has weight one."""
    if trajectory.log_weights is None:
        return np.ones(trajectory.n_frames)
    return np.exp(trajectory.log_weights.astype(np.float64) - highest)
