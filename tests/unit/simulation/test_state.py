"""How replicas begin, what is measured on them and what is kept of them."""

import numpy as np
import pytest
import torch
from judgement import assert_agrees, relative_error_of_variance
from known_systems import HarmonicPair

from cgpipe.simulation.state import begin, kinetic_temperature, thermal_velocities, to_arrays
from cgpipe.units import BOLTZMANN

_MASSES = np.array([12.0, 1.0, 30.0])
_KT = 2.5


@pytest.fixture
def start(rng):
    return {"positions": rng.normal(size=(4, 2, 3)) + 50.0, "velocities": rng.normal(size=(4, 2, 3))}


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def _begin(arrays, dtype=torch.float64):
    return begin(arrays, np.array([12.0, 14.0]), HarmonicPair(100.0), dtype=dtype, device=torch.device("cpu"))


def test_first_velocities_are_those_of_maxwell_and_boltzmann():
    n_replicas = 4000
    velocities = thermal_velocities(_MASSES, _KT, rows=[(k,) for k in range(n_replicas)], root_seed=3)
    error = _KT / _MASSES * relative_error_of_variance(3 * n_replicas)
    variance = (velocities**2).mean((0, 2))
    assert_agrees(variance, error=error, expected=_KT / _MASSES, what="<v^2> by bead", n_samples=3 * n_replicas)
    drift_error = np.sqrt(_KT / _MASSES / (3 * n_replicas))
    assert_agrees(velocities.mean((0, 2)), error=drift_error, expected=0.0, what="<v>", n_samples=3 * n_replicas)


def test_first_velocities_of_a_replica_do_not_depend_on_its_job():
    everyone = thermal_velocities(_MASSES, _KT, rows=[(k,) for k in range(6)], root_seed=3)
    some = thermal_velocities(_MASSES, _KT, rows=[(4,), (5,)], root_seed=3)
    assert np.array_equal(everyone[4:], some)
    assert not np.array_equal(everyone, thermal_velocities(_MASSES, _KT, rows=[(k,) for k in range(6)], root_seed=4))


def test_replicas_begin_at_the_origin_and_keep_their_shape(start):
    state = _begin(start)
    torch.testing.assert_close(state.positions.mean(1), torch.zeros(4, 3, dtype=torch.float64), atol=1e-13, rtol=0)
    shape = start["positions"] - start["positions"].mean(1, keepdims=True)
    np.testing.assert_allclose(state.positions, shape, atol=1e-13)


def test_replicas_begin_with_the_forces_of_their_positions(start):
    state = _begin(start)
    energy, forces = HarmonicPair(100.0).energy_and_forces(state.positions)
    assert torch.equal(state.energy, energy)
    assert torch.equal(state.forces, forces)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_state_that_is_kept_and_taken_up_again_is_the_same(start, dtype):
    state = _begin({**start, "positions": start["positions"] - 50.0}, dtype)
    again = _begin(to_arrays(state), dtype)
    torch.testing.assert_close(again.positions, state.positions, rtol=0, atol=4 * torch.finfo(dtype).eps)
    assert torch.equal(again.velocities, state.velocities)
    assert again.positions.dtype == dtype


def test_kinetic_temperature_of_known_velocities(start):
    velocities = np.zeros((4, 2, 3))
    velocities[1] = 1.0
    temperature = kinetic_temperature(_begin({**start, "velocities": velocities}))
    expected = 3 * (12.0 + 14.0) / (6 * BOLTZMANN)  # sum of m v^2 over six degrees of freedom
    np.testing.assert_allclose(temperature, [0, expected, 0, 0], rtol=1e-12)
