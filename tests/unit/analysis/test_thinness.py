"""Thinness: one over the density of frames, where that is known."""

import numpy as np

from cgpipe.analysis.thinness import thinness


def _turned(angles, rng):
    """Four beads whose last turns about the bond of the middle ones, with some vibration."""
    beads = np.array([[0.1, 0.1, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.15], [0.0, 0.0, 0.2]]) + np.zeros(
        (len(angles), 4, 3)
    )
    beads[:, 3, 0], beads[:, 3, 1] = 0.1 * np.cos(angles), 0.1 * np.sin(angles)
    return beads + 0.001 * rng.standard_normal(beads.shape)


def test_data_are_thin_where_few_frames_were_recorded():
    """One tenth of the frames lies evenly between two basins that hold the others, a twentieth as dense as they are."""
    rng = np.random.default_rng(8)
    recorded = _turned(
        np.concatenate([rng.uniform(0, 0.5, 450), rng.uniform(2.5, 3, 450), rng.uniform(0.5, 2.5, 100)]), rng
    )
    within, between = _turned(rng.uniform(0.1, 0.4, 300), rng), _turned(rng.uniform(0.8, 2.2, 300), rng)
    found = thinness(np.concatenate([within, between]), recorded)
    assert np.median(found[300:]) > 6 * np.median(found[:300])


def test_evenly_filled_space_is_equally_thin_away_from_its_rim(rng):
    """Three beads whose three distances fill a cube; half of the cube has twice the frames."""
    low, high = rng.uniform(0, 1, (8000, 3)) * [0.5, 1, 1], rng.uniform(0, 1, (4000, 3)) * [0.5, 1, 1] + [0.5, 0, 0]
    sides = 3 + np.concatenate([low, high])
    a, b, c = sides.T
    x = (a**2 + b**2 - c**2) / (2 * a)
    zero = np.zeros(len(a))
    frames = np.stack(
        [np.stack([zero, zero, zero], 1), np.stack([a, zero, zero], 1), np.stack([x, np.sqrt(b**2 - x**2), zero], 1)], 1
    )
    inner = ((sides > 3.15) & (sides < 3.85)).all(1) & (np.abs(a - 3.5) > 0.15)
    found = thinness(frames, frames)
    dense, sparse = (np.mean(1 / found[inner & part]) for part in (a < 3.5, a > 3.5))
    assert abs(dense / sparse - 2) < 0.2


def test_a_frame_that_lies_alone_is_no_region(rng):
    frames = rng.standard_normal((200, 3, 3))
    frames[7] += 1000 * rng.standard_normal((3, 3))
    assert thinness(frames, frames)[7] == 1000.0
