"""The BAOAB step: each letter by itself, then the distributions that the whole step samples.

With omega h = 1.5 of at most 2, any other splitting is far off: OBABO, for one, has kT/k / (1 - (omega h)^2/4), 2.3
times too much.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from judgement import assert_agrees, relative_error_of_variance
from known_systems import HarmonicPair
from langevin_samples import MASS, difference, pair_at_rest, snapshots

from cgpipe.simulation.langevin import drift, kick, langevin_step, thermostat

_KT = 2.5
_STIFFNESS = 600.0
_TIMESTEP = 0.15  # ps, so that omega h = 1.5
_FRICTION = 1.0 / _TIMESTEP
_N_REPLICAS = 4096
_N_SNAPSHOTS = 12


@pytest.fixture(scope="module")
def well():
    return HarmonicPair(_STIFFNESS)


@pytest.fixture(scope="module")
def samples(well):
    """Independent states: 20 steps apart, over which every correlation decays to e^-10; the start is left out."""
    states = snapshots(
        well,
        pair_at_rest(well, _N_REPLICAS),
        n_snapshots=_N_SNAPSHOTS + 2,
        steps_between=20,
        seed=1,
        timestep=_TIMESTEP,
        friction=_FRICTION,
        thermal_energy=_KT,
    )
    return list(states)[2:]


@pytest.fixture
def moving(well):
    """A state with random positions and velocities and their forces."""
    generator = torch.Generator().manual_seed(5)
    state = pair_at_rest(well, 3)
    positions, velocities = torch.randn(2, 3, 2, 3, generator=generator, dtype=torch.float64)
    return replace(state, positions=positions, velocities=velocities, forces=well.energy_and_forces(positions)[1])


def _step(state, well, *, timestep=0.01, friction=0.0, thermal_energy=0.0):
    noise = torch.zeros_like(state.positions)
    return langevin_step(state, well, noise=noise, timestep=timestep, friction=friction, thermal_energy=thermal_energy)


def test_kick_changes_momenta_by_the_impulse(moving):
    after = kick(moving, 0.02)
    torch.testing.assert_close(MASS * (after.velocities - moving.velocities), 0.02 * moving.forces)
    assert torch.equal(after.positions, moving.positions)


def test_drift_moves_along_the_velocities(moving):
    after = drift(moving, 0.02)
    torch.testing.assert_close(after.positions - moving.positions, 0.02 * moving.velocities)
    assert torch.equal(after.velocities, moving.velocities)


def test_thermostat_without_noise_decays(moving):
    after = thermostat(moving, torch.zeros_like(moving.positions), timestep=0.1, friction=2.0, thermal_energy=_KT)
    torch.testing.assert_close(after.velocities, np.exp(-0.2) * moving.velocities)


def test_thermostat_adds_the_noise_that_keeps_the_temperature(moving):
    at_rest = replace(moving, velocities=torch.zeros_like(moving.velocities))
    after = thermostat(at_rest, torch.ones_like(at_rest.positions), timestep=0.1, friction=2.0, thermal_energy=_KT)
    expected = np.sqrt(_KT * (1 - np.exp(-0.4)) / MASS)
    torch.testing.assert_close(after.velocities, torch.full_like(after.velocities, expected))


def test_the_state_ends_with_the_energy_and_forces_of_its_positions(moving, well):
    after = _step(moving, well)
    energy, forces = well.energy_and_forces(after.positions)
    assert torch.equal(after.energy, energy)
    assert torch.equal(after.forces, forces)


def test_without_friction_the_step_can_be_walked_back(moving, well):
    state = moving
    for _ in range(50):
        state = _step(state, well)
    state = replace(state, velocities=-state.velocities)
    for _ in range(50):
        state = _step(state, well)
    torch.testing.assert_close(state.positions, moving.positions, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(-state.velocities, moving.velocities, rtol=1e-9, atol=1e-9)


def test_without_friction_the_step_is_of_second_order(moving, well):
    """Energy error after one time unit falls fourfold when the step is halved."""
    errors = [_energy_error(moving, well, timestep) for timestep in (0.02, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


def _energy_error(state, well, timestep):
    total = [_total_energy(state, well)]
    for _ in range(round(0.4 / timestep)):
        state = _step(state, well, timestep=timestep)
        total.append(_total_energy(state, well))
    return float((torch.stack(total) - total[0]).abs().max())


def _total_energy(state, well):
    return well.energy(state.positions) + 0.5 * MASS * state.velocities.square().sum((1, 2))


def test_position_variance_in_a_harmonic_well_is_exact(samples):
    squares = np.concatenate([difference(state.positions).square().flatten().numpy() for state in samples])
    expected = _KT / _STIFFNESS
    error = expected * relative_error_of_variance(len(squares))
    assert_agrees(squares.mean(), error=error, expected=expected, what="<r^2>, nm^2", n_samples=len(squares))


def test_momenta_at_the_end_of_a_step_read_cold_as_they_must(samples, well):
    """m kT (1 - (omega h)^2/4), here 0.44 of m kT; that is no fault of the program."""
    squares = np.concatenate([difference(state.velocities).square().flatten().numpy() for state in samples])
    reduced = (well.frequency(MASS) * _TIMESTEP) ** 2 / 4
    expected = 2 * _KT / MASS * (1 - reduced)
    error = expected * relative_error_of_variance(len(squares))
    assert reduced == pytest.approx(0.5625)
    assert_agrees(squares.mean(), error=error, expected=expected, what="<v^2>, nm^2/ps^2", n_samples=len(squares))


def test_positions_and_momenta_are_uncorrelated(samples):
    products = torch.cat([(difference(s.positions) * difference(s.velocities)).flatten() for s in samples]).numpy()
    error = products.std() / np.sqrt(len(products))
    assert_agrees(products.mean(), error=error, expected=0.0, what="<r v>", n_samples=len(products))


@pytest.mark.parametrize("n_steps", [1, 3, 8])
def test_momenta_of_a_free_particle_forget_at_the_rate_of_friction(well, n_steps):
    """The centre of a pair feels no force: <v(0) v(t)>/<v^2> = exp(-gamma t) at any step."""
    start = pair_at_rest(well, _N_REPLICAS)
    parameters = {"timestep": 0.05, "friction": 2.0, "thermal_energy": _KT, "steps_between": n_steps, "seed": 2}
    states = list(snapshots(well, start, n_snapshots=80 // n_steps, **parameters))[40 // n_steps :]
    centres = [0.5 * state.velocities.sum(1).flatten().numpy() for state in states]
    products = np.mean([a * b for a, b in pairwise(centres)], axis=0) / (_KT / (2 * MASS))
    assert_agrees(
        products.mean(),
        error=products.std() / np.sqrt(len(products)),
        expected=np.exp(-2.0 * 0.05 * n_steps),
        what=f"velocity correlation after {n_steps} steps",
        n_samples=len(products),
    )
