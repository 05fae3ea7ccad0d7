"""The record of frames refuses arrays that do not belong together; weights are normalised safely."""

import numpy as np
import pytest

from cgpipe.data.trajectory import Trajectory, normalised_weights
from cgpipe.errors import DataError


@pytest.mark.parametrize(
    ("name", "shape"),
    [("positions", (30, 5, 3)), ("positions", (30, 4)), ("forces", (29, 4, 3)), ("forces", (30, 4, 2))],
)
def test_a_mismatched_array_is_refused(topology, frames, name, shape):
    with pytest.raises(DataError, match=r"have shape .* expected .*4, 3"):
        Trajectory(topology, **{**frames, name: np.zeros(shape)})


def test_a_missing_weight_is_refused(topology, frames):
    with pytest.raises(DataError, match="29 weights for 30 frames"):
        Trajectory(topology, **{**frames, "log_weights": np.zeros(29)})


def test_equal_weights_where_none_are_given():
    assert (normalised_weights(None, 4) == 0.25).all()


def test_weights_of_any_size_are_normalised():
    """exp(1000) is no float64."""
    weights = normalised_weights(np.array([1000.0, 1000.0 + np.log(3.0)]), 2)
    np.testing.assert_allclose(weights, [0.25, 0.75], rtol=1e-12)
