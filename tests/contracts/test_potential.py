"""What training and simulation may rely on in every potential."""

import numpy as np
import pytest
import torch
from known_potentials import far_apart, overlapping
from scipy.spatial.transform import Rotation

from cgpipe.potential import Potential

_STEP = 1e-5
_MIRROR = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)


def _relative(difference, scale):
    return float(difference.abs().max() / scale.abs().max())


def test_shapes(potential, frames):
    energy, forces = potential.energy_and_forces(frames)
    assert energy.shape == (len(frames),)
    assert forces.shape == frames.shape
    assert potential.energy(frames).shape == (len(frames),)


def test_the_frames_are_a_fair_trial(potential, frames):
    """Control: forces that vanish would pass every test below."""
    forces = potential.energy_and_forces(frames)[1]
    assert float(forces.abs().amax((0, 2)).min()) > 1.0
    assert float(potential.energy(frames).std()) > 0.1


def test_forces_are_the_negative_numerical_gradient(potential, frames):
    forces = potential.energy_and_forces(frames)[1]
    numerical = torch.zeros_like(forces)
    for bead, axis in np.ndindex(frames.shape[1:]):
        shift = torch.zeros_like(frames)
        shift[:, bead, axis] = _STEP
        numerical[:, bead, axis] = (potential.energy(frames - shift) - potential.energy(frames + shift)) / (2 * _STEP)
    assert _relative(numerical - forces, forces) < 1e-6


def test_forces_are_the_gradient_of_the_energy_to_rounding(potential, frames):
    energy, forces = potential.energy_and_forces(frames)
    expected_energy, expected = Potential.energy_and_forces(potential, frames)
    assert _relative(forces - expected, expected) < 1e-12
    assert _relative(energy - expected_energy, expected_energy) < 1e-12


def test_forces_do_not_push_or_turn_the_molecule(potential, frames):
    forces = potential.energy_and_forces(frames)[1]
    torque = torch.linalg.cross(frames - frames.mean(1, keepdim=True), forces).sum(1)
    assert _relative(forces.sum(1), forces) < 1e-12
    assert _relative(torque, forces) < 1e-12


def test_energy_is_invariant_under_translation_and_rotation(potential, frames):
    turn = torch.from_numpy(Rotation.from_rotvec([0.4, -1.1, 2.0]).as_matrix())
    moved = frames @ turn.T + torch.tensor([1.5, -0.7, 3.0], dtype=torch.float64)
    energy, forces = potential.energy_and_forces(frames)
    turned_energy, turned_forces = potential.energy_and_forces(moved)
    assert _relative(turned_energy - energy, energy) < 1e-10
    assert _relative(turned_forces - forces @ turn.T, forces) < 1e-10


def test_only_dihedral_terms_tell_mirror_images_apart(case, frames):
    change = (case.potential.energy(frames * _MIRROR) - case.potential.energy(frames)).abs()
    if case.is_chiral:
        assert float(change.min()) > 1e-3
    else:
        assert float(change.max()) < 1e-10


def test_a_batch_gives_what_single_frames_give(potential, frames):
    energy, forces = potential.energy_and_forces(frames)
    singles = [potential.energy_and_forces(frame[None]) for frame in frames]
    assert _relative(torch.cat([e for e, _ in singles]) - energy, energy) < 1e-12
    assert _relative(torch.cat([f for _, f in singles]) - forces, forces) < 1e-12


def test_frames_do_not_feel_each_other(potential, frames):
    changed = frames.clone()
    changed[0] *= 1.3
    before, after = potential.energy_and_forces(frames), potential.energy_and_forces(changed)
    assert float((after[0] - before[0])[0].abs()) > 1e-3, "control: the changed frame has another energy"
    assert _relative((after[0] - before[0])[1:], before[0]) < 1e-13
    assert _relative((after[1] - before[1])[1:], before[1]) < 1e-13


def _random():
    return np.random.default_rng(11).normal(scale=0.3, size=(4, 6, 3))


def _line():
    return np.arange(6.0)[None, :, None] * np.array([0.2, 0.03, -0.05])


def _axis():
    return np.arange(6.0)[None, :, None] * np.array([0.25, 0.0, 0.0])


def _overlapping():
    return overlapping(_random(), 1e-3)


def _far_apart():
    return far_apart(_random())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("configuration", [_random, _line, _axis, _overlapping, _far_apart])
def test_energies_and_forces_are_finite(potential, configuration, dtype):
    positions = torch.from_numpy(configuration()).to(dtype)
    energy, forces = potential.to(dtype).energy_and_forces(positions)
    assert torch.isfinite(energy).all()
    assert torch.isfinite(forces).all()
    assert forces.dtype == dtype


def test_single_precision_is_close_to_double(potential, frames):
    expected = potential.energy_and_forces(frames)[1]
    forces = potential.float().energy_and_forces(frames.float())[1]
    assert _relative(forces.double() - expected, expected) < 1e-4
