"""Filters: the envelope, the slope, the table."""

import copy

import numpy as np
import pytest
import torch

from cgpipe.model.radial import FilterNetwork, FilterTable

_CUTOFF = 0.9


@pytest.fixture
def network():
    torch.manual_seed(2)
    return FilterNetwork(10, 6, _CUTOFF).double()


@pytest.fixture
def tabulated(network):
    """Table of the same filter with a number of knots."""
    return lambda n_knots: FilterTable(copy.deepcopy(network), n_knots)


@pytest.fixture
def inside():
    return torch.linspace(0.01, 0.99 * _CUTOFF, 301, dtype=torch.float64)


@pytest.fixture
def beyond():
    return torch.tensor([_CUTOFF, 1.001 * _CUTOFF, 2.0, 1e3, 1e6, torch.inf], dtype=torch.float64)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 0.5), (1 / 3, 0.75), (1.0, 0.0), (2.0, 0.0)])
def test_envelope_is_a_raised_cosine(network, share, expected):
    envelope, _ = network._envelope(torch.tensor([share * _CUTOFF], dtype=torch.float64))
    assert float(envelope) == pytest.approx(expected, abs=1e-15)


def test_slope_of_the_envelope(network):
    _, slope = network._envelope(torch.tensor([0.0, 0.5 * _CUTOFF, _CUTOFF], dtype=torch.float64))
    np.testing.assert_allclose(slope, [0.0, -np.pi / (2 * _CUTOFF), 0.0], atol=1e-15)


def test_value_and_evaluate_are_one_function(network, inside):
    torch.testing.assert_close(network.evaluate(inside)[0], network.value(inside), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", ["network itself", "its table in training", "table"])
def test_slope_is_the_derivative(network, tabulated, inside, kind):
    roads = {"network itself": network.evaluate, "its table in training": network, "table": tabulated(64)}
    inside.requires_grad_()
    value, slope = roads[kind](inside)
    columns = [torch.autograd.grad(column.sum(), inside, retain_graph=True)[0] for column in value.unbind(1)]
    torch.testing.assert_close(slope, torch.stack(columns, 1), rtol=1e-10, atol=1e-12)


def test_table_is_exact_at_its_knots(network, tabulated):
    knots = torch.linspace(0, _CUTOFF, 65, dtype=torch.float64)[:-1]
    for mine, expected in zip(tabulated(65)(knots), network.evaluate(knots), strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-9, atol=1e-11)


def test_few_distances_are_evaluated_and_many_looked_up(network, inside):
    few = inside[:50]
    assert torch.equal(network(few)[0], network.evaluate(few)[0])
    looked_up, exact = network(inside)[0], network.evaluate(inside)[0]
    assert 0 < float((looked_up - exact).detach().abs().max()) < 1e-5


def test_table_converges_with_the_fourth_power_of_the_spacing(network, tabulated, inside):
    errors = [float((tabulated(n)(inside)[0] - network.evaluate(inside)[0]).detach().abs().max()) for n in (65, 129)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_table_values_are_exactly_zero_beyond_the_cutoff(tabulated, beyond, dtype):
    value, _ = tabulated(256).to(dtype)(beyond[1:].to(dtype))
    assert (value == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_table_slopes_are_exactly_zero_beyond_the_cutoff(tabulated, beyond, dtype):
    _, slope = tabulated(256).to(dtype)(beyond[1:].to(dtype))
    assert (slope == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_network_is_zero_to_rounding_beyond_the_cutoff(network, beyond, dtype):
    value, slope = network.to(dtype).evaluate(beyond[:-1].to(dtype))
    assert float(value.detach().abs().max()) < 1e-14
    assert float(slope.detach().abs().max()) < 10 * torch.finfo(dtype).eps


def test_table_follows_the_shape_of_the_distances(tabulated):
    value, slope = tabulated(64)(torch.rand(4, 7, dtype=torch.float64))
    assert value.shape == slope.shape == (4, 7, 6)


def test_table_passes_nan_on(tabulated):
    """A replica that exploded must reach the stability check, which names it, rather than an IndexError."""
    value, _ = tabulated(64)(torch.tensor([0.3, torch.nan], dtype=torch.float64))
    assert torch.isfinite(value[0]).all()
    assert torch.isnan(value[1]).all()
