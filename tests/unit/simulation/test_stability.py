"""Which replica left the physical range, and where."""

import numpy as np
import pytest
import torch

from cgpipe.data.topology import Topology
from cgpipe.simulation.stability import bond_limits, bond_stretch, find_failure


@pytest.fixture
def limits():
    """Three beads in a line, 0.1 and 0.2 nm apart on average, which may stretch threefold."""
    topology = Topology(("A", "B", "C"), ("C",) * 3, ("GLY",) * 3, (1, 2, 3), (12.0,) * 3, ((0, 1), (1, 2)))
    frames = np.array([_line(0.1, 0.25), _line(0.1, 0.15)])
    return bond_limits(topology, frames, 3.0)


def _line(first, second):
    return [[0.0, 0.0, 0.0], [first, 0.0, 0.0], [first + second, 0.0, 0.0]]


def _stretch(limits, *lines):
    return bond_stretch(torch.tensor([_line(*line) for line in lines]), limits)


def test_limits_are_mean_lengths(limits):
    np.testing.assert_allclose(limits.lengths, [0.1, 0.2], rtol=1e-12)


def test_stretch_is_length_over_mean(limits):
    np.testing.assert_allclose(_stretch(limits, (0.1, 0.1), (0.3, 0.2)), [[1.0, 0.5], [3.0, 1.0]], rtol=1e-6)


def test_sane_replicas_do_not_fail(limits):
    assert find_failure(_stretch(limits, (0.29, 0.59), (0.01, 0.01)), limits) is None


def test_the_first_failing_replica_and_its_bond_are_named(limits):
    failure = find_failure(_stretch(limits, (0.1, 0.2), (0.1, 0.7), (0.5, 0.2)), limits)
    assert failure.replica == 1
    assert "GLY2:B and GLY3:C are 0.7 nm apart" in failure.reason
    assert "3 times 0.2 nm" in failure.reason


def test_of_several_bonds_the_worst_is_named(limits):
    failure = find_failure(_stretch(limits, (0.5, 9.0)), limits)
    assert "GLY2:B and GLY3:C are 9 nm apart" in failure.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_fail(limits, value):
    assert find_failure(_stretch(limits, (0.1, 0.2), (value, 0.2)), limits).replica == 1
