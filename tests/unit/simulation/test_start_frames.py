"""Replicas start from frames of the reference, drawn by their statistical weight."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.cli.simulate import _start_frames
from cgpipe.data.trajectory import Trajectory

_WEIGHTS = np.array([0.6, 0.25, 0.15, 0.0])
_N_REPLICAS = 20_000


@pytest.fixture
def frames(pair_topology):
    """Maker of four frames, each with its number in every coordinate, weighted or not."""
    positions = np.broadcast_to(np.arange(4.0)[:, None, None], (4, 2, 3))

    def make(*, weighted):
        with np.errstate(divide="ignore"):
            log_weights = np.log(_WEIGHTS) + 100.0 if weighted else None
        return Trajectory(pair_topology, positions, None, log_weights)

    return make


@pytest.mark.parametrize("weighted", [True, False])
def test_start_frames_are_drawn_by_weight(frames, weighted):
    drawn = _start_frames(frames(weighted=weighted), _N_REPLICAS, seed=1)[:, 0, 0]
    expected = _WEIGHTS if weighted else np.full(4, 0.25)
    shares = (drawn[:, None] == np.arange(4)).mean(0)
    error = np.sqrt(np.maximum(expected * (1 - expected), 1e-12) / _N_REPLICAS)
    assert_agrees(shares, error=error, expected=expected, what="share of a frame", n_samples=_N_REPLICAS)


def test_start_frames_depend_on_the_seed_alone(frames):
    first, again, other = (_start_frames(frames(weighted=True), 50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
