"""Steps on arrays that stay in place are the steps of the loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from known_systems import HarmonicPair
from langevin_samples import pair_at_rest

from cgpipe.simulation.langevin import langevin_steps
from cgpipe.simulation.replay import Replay, stepper

_CONSTANTS = {"timestep": 0.01, "friction": 2.0, "thermal_energy": 2.5}


@pytest.fixture
def well():
    return HarmonicPair(600.0)


@pytest.fixture
def state(well):
    generator = torch.Generator().manual_seed(5)
    positions = torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)
    rest = pair_at_rest(well, 4)
    return replace(rest, positions=positions, forces=well.energy_and_forces(positions)[1])


def _noise(n_steps):
    return torch.from_numpy(np.random.default_rng(2).standard_normal((n_steps, 4, 2, 3)))


def test_unrecorded_steps_have_the_bits_of_the_loop(well, state):
    expected = langevin_steps(state, well, noise=_noise(7), **_CONSTANTS)
    replay = Replay(state, well, **_CONSTANTS)
    found = replay.advance(replay.advance(state, _noise(7)[:3]), _noise(7)[3:])
    for name in ("positions", "velocities", "forces", "energy"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


def test_states_that_were_given_and_returned_are_left_alone(well, state):
    before = state.positions.clone()
    replay = Replay(state, well, **_CONSTANTS)
    first = replay.advance(state, _noise(2))
    kept = first.positions.clone()
    replay.advance(first, _noise(2))
    assert torch.equal(state.positions, before)
    assert torch.equal(first.positions, kept)


def test_on_a_cpu_the_loop_is_taken(well, state):
    advance = stepper(state, well, **_CONSTANTS)
    expected = langevin_steps(state, well, noise=_noise(3), **_CONSTANTS)
    assert torch.equal(advance(state, _noise(3)).positions, expected.positions)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_recorded_steps_are_the_steps_of_the_loop(well, state):
    """On a GPU, within rounding."""
    cuda = replace(state, **{name: getattr(state, name).cuda() for name in vars(state)})
    expected = langevin_steps(state, well, noise=_noise(50), **_CONSTANTS)
    found = stepper(cuda, well, **_CONSTANTS)(cuda, _noise(50).cuda())
    torch.testing.assert_close(found.positions.cpu(), expected.positions, rtol=1e-10, atol=1e-10)
