"""How much the folds of a force field disagree along its simulation, and what that says of its errors.

The spread of the folds is judged on labels that none of them has seen, drawn on the free-energy surface, and compared
with what it is on the training frames: where it is larger, the model extrapolates.

example: cgpipe uncertainty --models fold0/model.safetensors fold1/model.safetensors --split split.yaml \\
             --analysis analysis.yaml --labels b0.h5md b1.h5md --simulation job0.h5md --output uncertainty.h5
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgpipe.analysis.chain import alpha_carbons
from cgpipe.analysis.disagreement import Calibration, calibrate, fold_spread, known_limit, mean_on_grid
from cgpipe.analysis.features import backbone_torsions, measure_torsions
from cgpipe.cli.arguments import add_inputs, add_output, add_section, add_seed
from cgpipe.cli.beads import evenly, joined, load_beads, split_of_files
from cgpipe.cli.folds import MAX_FRAMES, bind_folds, fold_forces, frame_spread, simulated_frames
from cgpipe.cli.hardware import set_threads
from cgpipe.cli.states import load_states
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import AnalysisSection, SplitSection
from cgpipe.data.records import save_record
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.potential import Potential
from cgpipe.provenance import provenance
from cgpipe.seeding import stream

Array = NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe uncertainty`."""
    add_section(parser, "split", what="`split`")
    add_section(parser, "analysis", what="`analysis`")
    add_seed(parser)
    add_inputs(parser, "models", what="force fields of the folds")
    add_inputs(parser, "labels", what="beads with the forces that trained them, of one molecule and kind")
    add_inputs(parser, "simulation", what="what `cgpipe simulate` wrote")
    parser.add_argument("--states", type=Path, metavar="FILE", help="what `cgpipe states` wrote")
    add_output(parser, what="HDF5 record")


def run(args: argparse.Namespace) -> None:
    """Write the record."""
    set_threads(1)
    split_section, section = parse_section(SplitSection, args.split), parse_section(AnalysisSection, args.analysis)
    trajectories = load_beads(args.labels)
    labels, split = joined(trajectories), split_of_files(args.labels, trajectories, split_section, seed=args.seed)
    folds = bind_folds(args.models)
    test = labels.part(evenly(split.test(), at_most=MAX_FRAMES))
    calibration, test_spread = _calibration(folds, test, stream(args.seed, "calibration"))
    limit = known_limit(frame_spread(folds, labels.part(evenly(split.training(), at_most=MAX_FRAMES))))
    simulated = simulated_frames(args.simulation, stream(args.seed, "simulated frames"))
    spread = frame_spread(folds, simulated)
    beyond = spread > limit
    found = {f"calibration_{name}": value for name, value in asdict(calibration).items()}
    arrays = {"spread": spread} | {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    arrays |= _surface(simulated, spread, beyond, section.n_bins, args.states)
    settings = {"split": plain(split_section), "analysis": plain(section)}
    inputs = [path for path in (*args.models, *args.labels, *args.simulation, args.states) if path]
    header = {name: value for name, value in found.items() if name not in arrays}
    shares = {"share_beyond": float(beyond.mean()), "share_beyond_of_labels": float((test_spread > limit).mean())}
    header |= {"limit": limit, "n_folds": len(folds)} | shares
    header["provenance"] = provenance("uncertainty", settings, seed=args.seed, inputs=inputs)
    save_record(args.output, arrays, header)
    print(
        f"the squared error of the mean force is {calibration.factor:.2f} +- {calibration.factor_error:.2f} times what "
        f"the spread of {len(folds)} folds says; {shares['share_beyond']:.2%} of the simulation is beyond what 99 % of "
        f"the training frames span, {shares['share_beyond_of_labels']:.2%} of the held-out labels"
    )


def _calibration(folds: list[Potential], test: Trajectory, rng: np.random.Generator) -> tuple[Calibration, Array]:
    """Calibration on held-out labels, and the spread of each of their frames."""
    if test.forces is None or not test.n_frames:
        raise DataError("no labels were held out to judge the uncertainty by; set split.test_fraction above 0")
    forces = fold_forces(folds, test.positions)
    spread, deviation = fold_spread(forces), ((forces.mean(axis=0) - test.forces) ** 2).mean(axis=2)
    return calibrate(spread, deviation, rng), spread.mean(axis=1)


def _surface(
    frames: Trajectory, spread: Array, beyond: NDArray[np.bool_], n_bins: int, states: Path | None
) -> dict[str, Array]:
    """Spread and share of frames beyond the training data on the free-energy surface, if the molecule has one."""
    plane = _on_plane(frames, states)
    if plane is None:
        return {}
    points, limits = plane
    return {
        "surface_spread": mean_on_grid(points, spread, limits, n_bins),
        "surface_beyond": mean_on_grid(points, beyond.astype(np.float64), limits, n_bins),
        "surface_limits": limits,
    }


def _on_plane(frames: Trajectory, states: Path | None) -> tuple[Array, Array] | None:
    """Coordinates of frames on the surface, and its limits: first phi and psi, or first two slow coordinates."""
    if torsions := backbone_torsions(frames.topology):
        limits = np.array([[-np.pi, np.pi], [-np.pi, np.pi]])
        return measure_torsions(frames, torsions)[:, 0].astype(np.float64), limits
    if states is None:
        return None
    space = load_states(states)
    return space.project(frames.positions, alpha_carbons(frames.topology))[:, :2], space.limits[:2]
