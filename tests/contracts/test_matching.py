"""The compiled force loss is the loss, and its derivatives are those of the loss."""

import numpy as np
import pytest
import torch
from known_potentials import far_apart, make_network, overlapping

from cgpipe.config.sections import NetworkSection
from cgpipe.errors import CgpipeError
from cgpipe.model import native
from cgpipe.model.force_field import known_types
from cgpipe.model.matching import MatchingNetwork, bind_training
from cgpipe.model.schnet import SchNet
from cgpipe.training.batches import Frames
from cgpipe.training.loss import force_loss, mean_loss

_DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
_SIZES = pytest.mark.parametrize(
    ("n_features", "n_blocks", "n_radial"), [(16, 1, 12), (20, 2, 12), (7, 3, 9), (64, 2, 40), (24, 5, 12)], ids=str
)


def _section(n_features, n_blocks, n_radial):
    return NetworkSection(n_features=n_features, n_blocks=n_blocks, n_radial=n_radial, cutoff_nm=1.0)


def _chain():
    """Thirty-seven chains of random walks: whole tiles and a rest; some pairs are beyond the cutoff."""
    steps = np.random.default_rng(2).normal(scale=0.2, size=(37, 6, 3))
    return np.cumsum(steps, axis=1)


def _collinear():
    return np.arange(6.0)[None, :, None] * np.array([0.2, 0.03, -0.05]) * np.linspace(0.5, 2, 7)[:, None, None]


def _overlapping():
    return overlapping(_chain(), 1e-2)


def _far_apart():
    return far_apart(_chain())


def _target(positions):
    return torch.from_numpy(np.random.default_rng(3).normal(scale=20.0, size=positions.shape)).to(positions.dtype)


def _plain_loss(network, positions):
    """By the filters themselves and two rounds of automatic differentiation."""
    positions = positions.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.energy(positions).sum(), positions, create_graph=True)
    return ((-gradient - _target(positions)) ** 2).mean()


def _gradient(loss, network):
    """With respect to all parameters, one vector, float64."""
    parts = torch.autograd.grad(loss, list(network.parameters()))
    return torch.cat([part.flatten() for part in parts]).double()


@_DTYPES
@_SIZES
def test_loss_and_gradient_are_those_of_the_plain_evaluation(n_features, n_blocks, n_radial, dtype):
    section = _section(n_features, n_blocks, n_radial)
    positions = torch.from_numpy(_chain()).to(dtype)
    exact = make_network(section=section)
    expected_loss = _plain_loss(exact, positions.double())
    expected = _gradient(expected_loss, exact)
    network = make_network(section=section).to(dtype)
    loss = MatchingNetwork(network).force_loss(positions, _target(positions))
    assert float(loss.detach()) == pytest.approx(float(expected_loss.detach()), rel=1e-6)
    error = (_gradient(loss, network) - expected).norm() / expected.norm()
    assert float(error) < 1e-5


@pytest.mark.parametrize("configuration", [_collinear, _overlapping, _far_apart])
def test_odd_configurations_are_no_exception(configuration):
    positions = torch.from_numpy(configuration())
    network = make_network()
    expected = _gradient(_plain_loss(network, positions), network) if configuration is not _far_apart else 0.0
    found = _gradient(MatchingNetwork(network).force_loss(positions, _target(positions)), network)
    scale = float(found.norm()) or 1.0
    assert float((found - expected).norm()) < 1e-5 * scale
    assert bool(found.any()) == (configuration is not _far_apart)


@_SIZES
def test_the_gradient_is_that_of_the_loss_itself_to_rounding(n_features, n_blocks, n_radial):
    """Tables included: differences of the loss along random directions, Richardson's extrapolation of two steps."""
    network = make_network(section=_section(n_features, n_blocks, n_radial))
    matching, positions = MatchingNetwork(network), torch.from_numpy(_chain())
    gradient = _gradient(matching.force_loss(positions, _target(positions)), network)
    for seed in range(3):
        direction = torch.from_numpy(np.random.default_rng(seed).standard_normal(len(gradient)))
        direction *= gradient.abs().mean() / gradient.norm()
        expected = float(gradient @ direction)
        coarse, fine = (_slope(matching, positions, direction, step) for step in (2e-4, 1e-4))
        assert (4 * fine - coarse) / 3 == pytest.approx(expected, rel=1e-5, abs=1e-7 * float(gradient.norm()))


def _slope(matching, positions, direction, step):
    """Central difference of the loss along a direction in the space of all parameters."""
    losses = []
    for sign in (1, -1):
        _shift(matching.network, sign * step * direction)
        losses.append(float(matching.force_loss(positions, _target(positions)).detach()))
        _shift(matching.network, -sign * step * direction)
    return (losses[0] - losses[1]) / (2 * step)


@torch.no_grad()
def _shift(network, change):
    parts = change.split([parameter.numel() for parameter in network.parameters()])
    for parameter, part in zip(network.parameters(), parts, strict=True):
        parameter.add_(part.view_as(parameter))


def test_threads_change_the_gradient_by_rounding_only():
    positions, network = torch.from_numpy(_chain()).float(), make_network().float()
    found = []
    for n_threads in (1, 3, 3):
        torch.set_num_threads(n_threads)
        try:
            found.append(_gradient(MatchingNetwork(network).force_loss(positions, _target(positions)), network))
        finally:
            torch.set_num_threads(1)
    assert torch.equal(found[1], found[2]), "the same threads give the same bits"
    assert float((found[0] - found[1]).norm()) < 1e-5 * float(found[0].norm())


def test_without_gradients_the_loss_is_the_same():
    positions, network = torch.from_numpy(_chain()), make_network()
    loss = MatchingNetwork(network).force_loss(positions, _target(positions))
    with torch.no_grad():
        alone = MatchingNetwork(network).force_loss(positions, _target(positions))
    assert float(loss.detach()) == float(alone)
    assert not alone.requires_grad


def test_the_loss_of_training_goes_through_it_and_means_the_same():
    positions, network = torch.from_numpy(_chain()), make_network()
    frames = Frames(positions, _target(positions))
    assert isinstance(force_loss(MatchingNetwork(network), frames), torch.Tensor)
    assert mean_loss(MatchingNetwork(network), frames) == pytest.approx(mean_loss(network, frames), rel=1e-6)


@pytest.mark.parametrize("change", [torch.Tensor.float, lambda part: part[:, :5], lambda part: part[:3]])
def test_labels_that_do_not_fit_the_positions_are_refused(change):
    """C++ would read past their end."""
    positions = torch.from_numpy(_chain())
    with pytest.raises(CgpipeError, match="share precision and molecule"):
        MatchingNetwork(make_network()).force_loss(positions, change(_target(positions)))


def test_weights_of_another_precision_are_refused():
    positions = torch.from_numpy(_chain())
    with pytest.raises(CgpipeError, match="share precision and molecule"):
        MatchingNetwork(make_network().float()).force_loss(positions, _target(positions))


def test_the_loss_of_no_frames_is_no_number():
    blank = torch.zeros(0, 6, 3, dtype=torch.float64)
    assert torch.isnan(MatchingNetwork(make_network()).force_loss(blank, blank))


def test_labels_that_are_not_numbers_make_the_loss_none():
    positions, network = torch.from_numpy(_chain()), make_network()
    target = _target(positions)
    target[3, 2, 1] = float("nan")
    assert torch.isnan(MatchingNetwork(network).force_loss(positions, target))


def test_the_weights_are_shared_with_the_network_that_it_was_bound_to(chain, monkeypatch):
    section = NetworkSection(n_features=16, n_blocks=2, n_radial=12, cutoff_nm=1.0)
    types = known_types([chain.topology])
    torch.manual_seed(1)
    network = SchNet(section, bead_types=[0] * 6, energy_scale=2.5, n_types=len(types))
    bound = bind_training(network, chain.topology, types=types)
    assert isinstance(bound, MatchingNetwork)
    own = {id(parameter) for parameter in network.parameters()}
    assert {id(parameter) for parameter in bound.parameters()} == own
    monkeypatch.setattr(native, "_library", lambda: None)
    assert isinstance(bind_training(network, chain.topology, types=types), SchNet)
