"""The split: by blocks, complete, without overlap, the same for the same seed."""

import numpy as np
import pytest

from cgpipe.data.split import contiguous_blocks, split_blocks, split_selection
from cgpipe.errors import ConfigError

_LENGTHS = [100, 57, 203]


@pytest.fixture
def make():
    def split(seed=1, **changes):
        settings = {"n_blocks": 10, "n_folds": 3, "test_fraction": 0.1, **changes}
        return split_blocks(_LENGTHS, rng=np.random.default_rng(seed), **settings)

    return split


@pytest.mark.parametrize("seed", [1, 2])
def test_frames_taken_from_trajectories_keep_their_roles(make, seed):
    rng = np.random.default_rng(0)
    trajectory = rng.integers(3, size=200)
    frame = (rng.random(200) * np.array(_LENGTHS)[trajectory]).astype(np.intp)
    settings = {"n_blocks": 10, "n_folds": 3, "test_fraction": 0.1, "rng": np.random.default_rng(seed)}
    part = split_selection(np.stack([trajectory, frame], axis=1), _LENGTHS, **settings)
    joined = np.array([0, 100, 157])[trajectory] + frame
    whole = make(seed)
    assert len(part.test())
    assert set(joined[part.test()]) <= set(whole.test())
    for fold in range(3):
        assert set(joined[part.training(fold)]) <= set(whole.training(fold))
        assert set(joined[part.validation(fold)]) <= set(whole.validation(fold))
        parts = [part.test(), part.training(fold), part.validation(fold)]
        assert sorted(np.concatenate(parts)) == list(range(200))


def test_blocks_are_contiguous_pieces_of_one_trajectory():
    blocks = contiguous_blocks(_LENGTHS, 10)
    assert len(blocks) == 30
    assert (np.concatenate(blocks) == np.arange(360)).all()
    owner = np.repeat(range(3), _LENGTHS)
    for block in blocks:
        assert (np.diff(block) == 1).all()
        assert len(set(owner[block])) == 1


def test_folds_and_test_make_the_whole_without_overlap(make):
    split = make()
    parts = [split.test(), *(split.validation(fold) for fold in range(3))]
    assert (np.sort(np.concatenate(parts)) == np.arange(360)).all()


def test_a_fold_trains_on_what_it_holds_not_out(make):
    split = make()
    for fold in range(3):
        seen = np.concatenate([split.training(fold), split.validation(fold), split.test()])
        assert (np.sort(seen) == np.arange(360)).all()


def test_the_prior_sees_all_but_the_test(make):
    split = make()
    assert (np.sort(np.concatenate([split.training(), split.test()])) == np.arange(360)).all()


def test_the_test_part_has_its_size(make):
    assert (make().roles == -1).sum() == 3
    assert len(make(test_fraction=0.0).test()) == 0


def test_folds_hold_equally_many_blocks(make):
    roles = make().roles
    assert {int((roles == fold).sum()) for fold in range(3)} == {9}


def test_a_seed_decides(make):
    assert (make(1).roles == make(1).roles).all()
    assert (make(1).roles != make(2).roles).any()


def test_too_few_blocks_are_refused(make):
    with pytest.raises(ConfigError, match=r"3 blocks cannot make 3 folds and 1 test blocks; raise split\.n_blocks"):
        make(n_blocks=1)
