"""Each frame comes once an epoch, with its own forces."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cgpipe.training.batches import Frames, frames_on


@pytest.fixture
def frames():
    """Ten frames that carry their number in positions and, tenfold, in forces."""
    numbers = torch.arange(10.0)[:, None, None].expand(10, 2, 3)
    return Frames(numbers, 10 * numbers)


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)], ids=["in order", "shuffled"])
@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 2]), (10, [10]), (100, [10])])
def test_batches_hold_every_frame_once(frames, rng, size, sizes):
    batches = list(frames.batches(size, rng))
    assert [len(batch) for batch in batches] == sizes
    numbers = torch.cat([batch.positions[:, 0, 0] for batch in batches])
    assert sorted(numbers.tolist()) == list(range(10))
    assert (rng is None) == (numbers.tolist() == list(range(10)))


def test_forces_stay_with_their_positions(frames):
    for batch in frames.batches(3, np.random.default_rng(1)):
        assert torch.equal(batch.forces, 10 * batch.positions)


def test_select_takes_frames_in_the_order_given(frames):
    chosen = frames.select(np.array([7, 2, 2]))
    assert chosen.positions[:, 0, 0].tolist() == [7, 2, 2]
    assert torch.equal(chosen.forces, 10 * chosen.positions)


def test_frames_take_the_precision_of_the_training():
    positions, forces = np.zeros((2, 3, 3), dtype=np.float32), torch.zeros(2, 3, 3, dtype=torch.float64)
    frames = frames_on(positions, forces, dtype=torch.float32, device=torch.device("cpu"))
    assert frames.positions.dtype == frames.forces.dtype == torch.float32


def test_frames_come_as_often_as_their_chances_say(frames):
    """To less than one in an epoch, and exactly in the mean of many."""
    chances = torch.arange(10.0, dtype=torch.float64)
    drawn = np.array(
        [
            torch.cat([b.positions[:, 0, 0] for b in replace(frames, chances=chances).batches(4, rng)]).numpy()
            for rng in map(np.random.default_rng, range(400))
        ]
    )
    counts = (drawn[:, :, None] == np.arange(10)).sum(1)
    expected = 10 * np.arange(10) / 45
    assert (np.abs(counts - expected) < 1).all()
    assert np.abs(counts.mean(0) - expected).max() < 4 * 0.5 / np.sqrt(400)
    assert len({tuple(row) for row in drawn}) > 390, "in another order every time"


def test_validation_frames_are_drawn_once(frames):
    flat = replace(frames, chances=torch.tensor([0.0] * 5 + [1.0] * 5)).flattened()
    assert flat.chances is None
    assert sorted(flat.positions[:, 0, 0].tolist()) == [5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert torch.equal(flat.forces, 10 * flat.positions)
    assert frames.flattened() is frames


def test_selected_frames_keep_their_chances(frames):
    chosen = replace(frames, chances=torch.arange(10.0)).select(np.array([7, 2]))
    assert chosen.chances.tolist() == [7, 2]
