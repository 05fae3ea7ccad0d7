"""Processes that share a batch step by the gradient of the whole batch."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import TORCHRUN, run_command

from cgpipe.errors import DataError
from cgpipe.training.batches import Frames
from cgpipe.training.workers import Workers

CPU = torch.device("cpu")
_SCRIPT = Path(__file__).with_name("gradient_of_share.py")


@pytest.mark.parametrize("n_frames", [1, 2, 7, 64])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_shares_are_the_batch(n_frames, count):
    frames = Frames(torch.arange(n_frames * 3.0).view(n_frames, 1, 3), torch.zeros(n_frames, 1, 3))
    shares = [Workers(rank, count, CPU).share(frames) for rank in range(count)]
    assert torch.equal(torch.cat([share.positions for share in shares]), frames.positions)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("n_frames", [1, 33], ids=["one process has no frame", "odd"])
def test_gradient_of_two_processes_is_that_of_one(tmp_path, n_frames):
    run_command([tmp_path, n_frames], command=(sys.executable, _SCRIPT))
    run_command([_SCRIPT, tmp_path, n_frames], command=(*TORCHRUN, "2"))
    whole, *halves = (np.load(tmp_path / name) for name in ("0_of_1.npy", "0_of_2.npy", "1_of_2.npy"))
    np.testing.assert_array_equal(*halves)
    np.testing.assert_allclose(halves[0], whole, rtol=0, atol=1e-12 * np.abs(whole).max())
    assert np.abs(whole).max() > 0


def test_processes_that_read_different_checkpoints_are_told(monkeypatch):
    sums = iter([5.0 + 3.0, 2.0])  # the other process has read an older checkpoint, of three epochs
    monkeypatch.setattr(Workers, "sum", lambda *_: next(sums))
    with pytest.raises(DataError, match=r"epochs in the checkpoint: process 1 has 5, the mean of all 2 is 4; a file"):
        Workers(1, 2, CPU).require_equal(5, what="epochs in the checkpoint")
