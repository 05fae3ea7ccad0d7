"""Capped alanine with torsions of choice, and ensembles drawn from a known density."""

import numpy as np
import pytest

from cgpipe.analysis.ensemble import histogram_unit, join
from cgpipe.data.topology import Topology
from cgpipe.data.trajectory import Trajectory


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture(scope="session")
def alanine():
    """The six beads of capped alanine."""
    return Topology(
        names=("C", "N", "CA", "CB", "C", "N"),
        elements=("C", "N", "C", "C", "C", "N"),
        residue_names=("ACE", "ALA", "ALA", "ALA", "ALA", "NME"),
        residue_numbers=(1, 2, 2, 2, 2, 3),
        masses=(12.0, 14.0, 12.0, 12.0, 12.0, 14.0),
        bonds=((0, 1), (1, 2), (2, 3), (2, 4), (4, 5)),
    )


@pytest.fixture(scope="session")
def frames_of(alanine):
    """Maker of frames with given phi and psi (n_frames,), rad, and logarithms of weights."""
    from known_systems import build_chain, place  # noqa: PLC0415 (the path is set above)

    def make(phi, psi, log_weights=None):
        n = len(phi)
        chain = build_chain(np.full((n, 4), 0.14), np.full((n, 3), 1.95), np.column_stack([phi, psi]))
        carbonyl, nitrogen, alpha = chain[:, 0], chain[:, 1], chain[:, 2]
        beta = place(carbonyl, nitrogen, alpha, np.full(n, 0.153), np.full(n, 1.91), phi - 2.1)  # L-alanine
        positions = np.insert(chain, 3, beta, axis=1)
        return Trajectory(alanine, positions.astype(np.float32), None, log_weights)

    return make


@pytest.fixture(scope="session")
def ensemble_of(frames_of):
    """Maker of an ensemble: torsions (n_groups, n_times, n_frames, 2) and weights (n_groups, n_times, n_frames).

    Units are the stretches of time of every group; each is a cluster of its own.
    """

    def make(torsions, weights=None, *, n_bins=12):
        n_groups, n_times, n_frames, _ = torsions.shape
        weights = np.ones((n_groups, n_times, n_frames)) if weights is None else weights
        return join(
            [
                histogram_unit(
                    frames_of(*torsions[group, time].T),
                    weights[group, time],
                    n_bins=n_bins,
                    group=group,
                    time=time,
                    cluster=group * n_times + time,
                )
                for group in range(n_groups)
                for time in range(n_times)
            ]
        )

    return make


@pytest.fixture(scope="session")
def draw_torsions():
    """Maker of independent torsions with the density exp(2 cos phi + sin psi), wrapped to [-pi, pi]."""
    from known_systems import draw  # noqa: PLC0415 (the path is set above)

    grid = np.linspace(-np.pi, np.pi, 4001)

    def make(shape, rng):
        phi = draw(grid, np.exp(2 * np.cos(grid)), int(np.prod(shape)), rng)
        psi = draw(grid, np.exp(np.sin(grid)), int(np.prod(shape)), rng)
        return np.stack([phi, psi], axis=-1).reshape(*shape, 2)

    return make
