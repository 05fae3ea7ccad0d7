"""Proposals: chances as the spread says, and the nearest frame by structure, not by distances alone."""

import numpy as np
import pytest

from cgpipe.analysis.proposals import draw_uncertain, nearest_frames
from cgpipe.errors import FitError


def test_chances_are_in_proportion_to_the_spread():
    """One of ten frames has half of the spread; over repeated draws its share is 1/2, in standard errors."""
    spread = np.ones(10)
    spread[3] = 9.0
    n = 4000
    drawn = [int(draw_uncertain(spread, 1, np.random.default_rng(k))[0]) for k in range(n)]
    assert abs(np.mean(np.array(drawn) == 3) - 0.5) < 3.5 * np.sqrt(0.25 / n)


def test_no_frame_is_drawn_twice_nor_one_that_is_certain():
    spread = np.array([1.0, 0.0, 2.0, 3.0])
    assert draw_uncertain(spread, 3, np.random.default_rng(1)).tolist() == [0, 2, 3]
    with pytest.raises(FitError, match=r"4 new configurations cannot be drawn .* lower improve\.n_configurations"):
        draw_uncertain(spread, 4, np.random.default_rng(1))


def test_the_nearest_frame_is_no_mirror_image():
    """Among turned copies of a structure and its mirror image, whose distances are equal, and others further away."""
    rng = np.random.default_rng(5)
    structure = rng.standard_normal((6, 3))
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    others = structure + 0.5 * rng.standard_normal((20, 6, 3))
    frames = np.concatenate([(structure * [1, 1, -1])[None], others, (structure @ turn + 2.0)[None]])
    chosen, rmsd = nearest_frames(np.stack([structure, others[4]]), frames)
    assert chosen.tolist() == [21, 5]
    np.testing.assert_allclose(rmsd, 0.0, atol=1e-6)
