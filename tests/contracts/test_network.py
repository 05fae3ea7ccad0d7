"""What only a network promises: locality, a smooth cutoff, faithful tables, gradients of the parameters."""

import pytest
import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.model.edges import Edges

_CUTOFF = 1.0


def _part_of(network, beads):
    """The same network on some of its beads."""
    part = type(network)(network.section, bead_types=[0] * len(beads), energy_scale=network.energy_scale)
    part.bead_types, part.edges = network.bead_types[list(beads)], Edges(len(beads))
    part.embedding, part.blocks = network.embedding, network.blocks
    part.head_inner, part.head_outer = network.head_inner, network.head_outer
    return part


def _pair(network, distance):
    """Energy and force of two beads at a distance."""
    positions = torch.zeros(1, 2, 3, dtype=torch.float64)
    positions[0, 1, 0] = distance
    energy, forces = _part_of(network, [0, 1]).energy_and_forces(positions)
    return float(energy.detach()), float(forces.detach()[0, 1, 0])


def test_a_bead_beyond_the_cutoff_is_felt_by_none(either_network, frames):
    far = frames.clone()
    far[:, 5] = far[:, 4] + 3.0 * torch.eye(3, dtype=torch.float64)[0]
    energy, forces = (values.detach() for values in either_network.energy_and_forces(far))
    cluster, cluster_forces = _part_of(either_network, range(5)).energy_and_forces(frames[:, :5])
    alone = _part_of(either_network, [5]).energy(frames[:, 5:])
    torch.testing.assert_close(energy, cluster + alone, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(forces[:, :5], cluster_forces, rtol=1e-10, atol=1e-10)
    assert float(forces[:, 5].abs().max()) < 1e-12
    assert float((either_network.energy(frames) - energy).detach().abs().min()) > 1e-3, "control: nearby it is felt"


def test_distant_copies_add(network, frames):
    """Two copies of a molecule, far apart, have twice the energy of one."""
    both = _part_of(network, [*range(6), *range(6)])
    energy = both.energy(torch.cat([frames, frames + 50.0], dim=1))
    torch.testing.assert_close(energy, 2 * network.energy(frames), rtol=1e-12, atol=1e-12)


def test_equal_beads_can_be_exchanged(network, frames):
    """Beads 1 and 3 have one type, beads 1 and 2 have not."""
    network.requires_grad_(requires_grad=False)
    energy = network.energy(frames)
    torch.testing.assert_close(network.energy(frames[:, [0, 3, 2, 1, 4, 5]]), energy, rtol=1e-12, atol=1e-12)
    assert float((network.energy(frames[:, [0, 2, 1, 3, 4, 5]]) - energy).abs().max()) > 1e-3


def test_the_force_fades_linearly_at_the_cutoff(either_network):
    """The envelope is quadratic at the cutoff, so the force at a gap is proportional to the gap."""
    inside = abs(_pair(either_network, 0.6 * _CUTOFF)[1])
    gaps = [1e-3, 1e-4, 1e-5]
    per_gap = [_pair(either_network, _CUTOFF - gap)[1] / gap for gap in gaps]
    assert inside > 0.1, "control: there is a force inside the cutoff"
    assert abs(per_gap[-1]) * gaps[-1] < 1e-3 * inside
    assert per_gap[2] == pytest.approx(per_gap[1], rel=1e-2)


def test_the_energy_is_continuous_at_the_cutoff(either_network):
    beyond = _pair(either_network, 1.5 * _CUTOFF)
    assert _pair(either_network, _CUTOFF - 1e-6)[0] == pytest.approx(beyond[0], abs=1e-9)
    assert abs(beyond[1]) < 1e-14


def test_a_table_gives_the_forces_of_the_network(network, table, frames):
    energy, forces = (values.detach() for values in network.energy_and_forces(frames))
    table_energy, table_forces = table.energy_and_forces(frames)
    scale = float((forces**2).mean().sqrt())
    assert float((table_forces - forces).abs().max()) < 1e-5 * scale
    torch.testing.assert_close(table_energy, energy, rtol=1e-6, atol=1e-6)


def _force_loss(forces):
    return (forces - torch.linspace(-5, 5, forces.numel(), dtype=forces.dtype).view_as(forces)).square().mean()


def _gradients(network, forces):
    """Gradient of the loss by the name of each parameter."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    gradients = torch.autograd.grad(_force_loss(forces), parameters, allow_unused=True)
    return dict(zip(names, gradients, strict=True))


def _gradients_by_double_backward(network, frames):
    positions = frames.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.energy(positions).sum(), positions, create_graph=True)
    return _gradients(network, -gradient)


def _assert_gradients_agree(network, frames, *, tolerance):
    expected = _gradients_by_double_backward(network, frames)
    for name, gradient in _gradients(network, network.energy_and_forces(frames)[1]).items():
        assert gradient is not None, f"{name} has no gradient"
        distance = float((gradient - expected[name]).norm() / expected[name].norm())
        assert distance < tolerance, f"gradient of {name} is off by {distance:.2g} of its norm"


def test_parameter_gradients_equal_those_by_double_backward(network, frames):
    _assert_gradients_agree(network, frames, tolerance=1e-10)


def test_the_table_of_training_gives_the_forces_of_the_network(network, many_frames):
    energy, forces = (values.detach() for values in network.energy_and_forces(many_frames))
    exact = [network.energy_and_forces(frame)[1].detach() for frame in many_frames.split(4)]
    difference = (forces - torch.cat(exact)).abs().max()
    assert float(difference) < 1e-3 * float(forces.square().mean().sqrt())
    assert float(difference) > 0, "control: the exact road was not taken twice"
    torch.testing.assert_close(energy, network.energy(many_frames).detach(), rtol=1e-5, atol=1e-5)


def test_the_table_of_training_gives_the_parameter_gradients(network, many_frames):
    _assert_gradients_agree(network, many_frames, tolerance=1e-3)


def test_forces_by_the_table_of_training_are_the_gradient_of_its_energy(network, many_frames):
    shift = torch.zeros_like(many_frames)
    shift[:, 2, 1] = 1e-5
    low, high = (network.energy_and_forces(many_frames + sign * shift)[0].detach() for sign in (-1, 1))
    forces = network.energy_and_forces(many_frames)[1].detach()
    assert float(((low - high) / 2e-5 - forces[:, 2, 1]).abs().max() / forces.abs().max()) < 1e-6


def test_the_number_of_blocks_matters(network, frames):
    """Control for the trace of the blocks: with one block fewer the forces differ."""
    section = NetworkSection(**{**network.section.model_dump(), "n_blocks": 2})
    shallow = type(network)(section, bead_types=network.bead_types.tolist(), energy_scale=network.energy_scale)
    shallow.double().load_state_dict(network.state_dict(), strict=False)
    difference = shallow.energy_and_forces(frames)[1] - network.energy_and_forces(frames)[1]
    assert float(difference.detach().abs().max()) > 0.1
