"""Frames of a biased reference, with their logarithms of weights in files, give the unbiased ensemble."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.compare import basin_populations
from cgpipe.cli.ensembles import Scale, analyse_frames
from cgpipe.cli.units import layout
from cgpipe.config.sections import AnalysisSection
from cgpipe.data.h5md import create_h5md

_N_FRAMES = 20_000


@pytest.fixture
def files(frames_of, rng, tmp_path):
    """Two trajectories: one saw only phi < 0, the other only phi > 0; V/kT = 3 + 2 sin(phi) flattened both."""
    paths = []
    for number, sign in enumerate((-1, 1)):
        phi = sign * rng.uniform(0, np.pi, _N_FRAMES)
        frames = frames_of(phi, rng.uniform(-np.pi, np.pi, _N_FRAMES), 3.0 + 2.0 * np.sin(phi))
        paths.append(tmp_path / f"{number}.h5md")
        with create_h5md(paths[-1], frames.topology, frame_interval=1.0, provenance={}) as writer:
            writer.append(frames.positions, None, frames.log_weights)
    return paths


def _ensemble(files):
    section = AnalysisSection(n_bins=12)
    plan = layout(files, n_blocks=section.n_blocks_per_trajectory, simulated=False)
    return analyse_frames(
        plan, Scale(12, None, by_time=True), section, name="reference", root_seed=1, interval=1.0, start=0
    )[0]


def test_files_share_one_scale_of_weights(files):
    """Were each file normalised by itself, both halves of the plane would weigh the same."""
    ensemble = _ensemble(files)
    population = basin_populations(ensemble.torsions.sum(0))[0, 2]
    grid = np.linspace(-np.pi, np.pi, 100_000, endpoint=False)
    density = np.exp(2.0 * np.sin(grid))
    expected = density[grid > 0].sum() / density.sum()
    halves = [np.exp(2.0 * np.sin(grid[part])) for part in (grid > 0, grid < 0)]
    relative = np.hypot(*(half.std() / half.mean() for half in halves)) / np.sqrt(_N_FRAMES)
    assert_agrees(
        population,
        error=relative * expected * (1 - expected),
        expected=expected,
        what="share of phi > 0",
        n_samples=round(ensemble.n_effective),
    )


def test_effective_frames_by_the_weights(files):
    """Kish: (sum w)^2 / sum w^2, known from the weights alone."""
    ensemble = _ensemble(files)
    grid = np.linspace(-np.pi, np.pi, 100_000)
    weights = np.exp(2.0 * np.sin(grid))
    assert ensemble.n_effective == pytest.approx(2 * _N_FRAMES * weights.mean() ** 2 / (weights**2).mean(), rel=0.03)
