"""Reference forces minus those of a known potential."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from known_systems import known_chain

import cgpipe.training.targets as targets_module
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import DataError
from cgpipe.training.targets import residual_forces


@pytest.fixture
def chain():
    return known_chain(4, cosine=(1.0,))


@pytest.fixture
def beads(chain):
    """Frames whose forces are those of the chain plus ten times the number of the frame."""
    positions = chain.sample(25, np.random.default_rng(0))
    forces = chain.potential.energy_and_forces(torch.from_numpy(positions))[1].numpy()
    return Trajectory(chain.topology, positions, forces + 10.0 * np.arange(25)[:, None, None])


@pytest.mark.parametrize("at_once", [7, 25, 1000])
def test_what_the_known_potential_leaves(beads, chain, monkeypatch, at_once):
    monkeypatch.setattr(targets_module, "frames_at_once", lambda _: at_once)
    residual = residual_forces(beads, chain.potential)
    assert residual.dtype == torch.float64
    expected = 10.0 * np.broadcast_to(np.arange(25)[:, None, None], (25, 4, 3))
    np.testing.assert_allclose(residual, expected, atol=1e-9)


def test_frames_without_forces_are_refused(beads, chain):
    with pytest.raises(DataError, match="carry no forces"):
        residual_forces(replace(beads, forces=None), chain.potential)


def test_a_potential_that_gives_no_number_is_refused(beads, chain):
    positions = beads.positions.copy()
    positions[3, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        residual_forces(replace(beads, positions=positions), chain.potential)
