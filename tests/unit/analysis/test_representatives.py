"""Frames that stand for a macrostate are drawn by their weight, wherever the stream is cut."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.representatives import Representatives

_WEIGHTS = np.array([1.0, 2.0, 3.0, 6.0])
_N_TRIALS = 4000


def _numbered(n_frames):
    """Frames of one residue that hold their own number, (n_frames, 1, 3)."""
    return np.repeat(np.arange(n_frames, dtype=float), 3).reshape(n_frames, 1, 3)


def _numbers(chosen, state=0):
    """Numbers of the frames chosen for a macrostate, the NaN rows left out."""
    values = chosen.frames[state, :, 0, 0]
    return values[np.isfinite(values)].astype(int)


def _draw(weights, n_each, rng):
    chosen = Representatives(1, n_each, 1, rng)
    chosen.offer(_numbered(len(weights)), np.zeros(len(weights), dtype=np.intp), np.asarray(weights, dtype=float))
    return _numbers(chosen)


def _judge(counts, shares, what):
    """Chi-square of counts that are independent binomials but for their sum, and each count by itself."""
    error = np.sqrt(shares * (1 - shares) / _N_TRIALS)
    assert_agrees(counts / _N_TRIALS, error=error, expected=shares, what=what, n_samples=_N_TRIALS)


def test_a_single_frame_is_drawn_by_its_weight(rng):
    """The chance of each is its share of the weight; the chi-square has three degrees of freedom."""
    counts = np.bincount([_draw(_WEIGHTS, 1, rng)[0] for _ in range(_N_TRIALS)], minlength=4)
    shares = _WEIGHTS / _WEIGHTS.sum()
    _judge(counts, shares, "share of a frame")
    chi_square = ((counts - _N_TRIALS * shares) ** 2 / (_N_TRIALS * shares)).sum()
    assert_agrees(chi_square, error=np.sqrt(6), expected=3, what="chi-square", n_samples=_N_TRIALS)
    equal = np.full(4, 0.25)
    control = ((counts - _N_TRIALS * equal) ** 2 / (_N_TRIALS * equal)).sum()
    assert control > 100, "control: equal chances would be seen"


def test_two_frames_are_drawn_one_after_another_without_putting_back(rng):
    """The chance to be among two: p_i + sum over the first j of p_j p_i / (1 - p_j)."""
    counts = np.bincount(np.concatenate([_draw(_WEIGHTS, 2, rng) for _ in range(_N_TRIALS)]), minlength=4)
    p = _WEIGHTS / _WEIGHTS.sum()
    _judge(counts, p + p * ((p / (1 - p)).sum() - p / (1 - p)), "share of a pair")


def test_the_scale_of_the_weights_does_not_matter():
    first, second = (_draw(scale * _WEIGHTS, 2, np.random.default_rng(3)) for scale in (1.0, 1e-6))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("n_pieces", [2, 7, 60])
def test_a_stream_in_pieces_gives_what_the_whole_gives(n_pieces):
    """Nothing is lost at a cut: the same random numbers choose the same frames in the same order."""
    source = np.random.default_rng(5)
    weights, states = source.uniform(0.1, 5, 60), source.integers(0, 3, 60)
    whole, pieces = (Representatives(3, 5, 1, np.random.default_rng(6)) for _ in range(2))
    whole.offer(_numbered(60), states, weights)
    for part in np.array_split(np.arange(60), n_pieces):
        pieces.offer(_numbered(60)[part], states[part], weights[part])
    np.testing.assert_array_equal(pieces.frames, whole.frames)


def test_no_frame_is_chosen_twice_and_each_stands_for_its_own_state(rng):
    states = np.arange(40) % 3
    chosen = Representatives(3, 8, 1, rng)
    for part in np.array_split(np.arange(40), 4):
        chosen.offer(_numbered(40)[part], states[part], np.ones(len(part)))
    for state in range(3):
        numbers = _numbers(chosen, state)
        assert len(set(numbers)) == len(numbers) == 8
        assert (states[numbers] == state).all()


def test_fewer_frames_than_asked_for_leave_nan_rows(rng):
    chosen = Representatives(2, 4, 1, rng)
    chosen.offer(_numbered(3), np.zeros(3, dtype=np.intp), np.ones(3))
    assert sorted(_numbers(chosen)) == [0, 1, 2]
    assert np.isfinite(chosen.frames[0]).all(axis=(1, 2)).tolist() == [True, True, True, False]
    assert np.isnan(chosen.frames[1]).all()


@pytest.mark.parametrize("n_frames", [3, 30])
def test_a_frame_without_weight_is_never_chosen(n_frames, rng):
    """Not even where nothing else is there."""
    weights = np.zeros(n_frames)
    weights[1] = 1e-3
    assert _draw(weights, 8, rng).tolist() == [1]


def test_no_macrostates_are_no_error(rng):
    chosen = Representatives(0, 8, 1, rng)
    chosen.offer(_numbered(3), np.zeros(3, dtype=np.intp), np.ones(3))
    assert chosen.frames.shape == (0, 8, 1, 3)
