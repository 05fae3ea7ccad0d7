"""The force loss by hand, and its mean over batches of unequal size."""

import pytest
import torch

import cgpipe.training.batches as batches_module
import cgpipe.training.loss as loss_module
from cgpipe.potential import Potential
from cgpipe.training.batches import Frames
from cgpipe.training.loss import force_loss, mean_loss


@pytest.fixture
def stretched():
    """Two beads 2 nm apart along x that should feel nothing."""
    positions = torch.tensor([[[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]]], dtype=torch.float64)
    return Frames(positions, torch.zeros_like(positions))


def test_loss_is_the_mean_square_of_a_component(spring, stretched):
    """A stiffness of 3 gives a force of 6 on two of six components: 2 * 36 / 6."""
    assert float(force_loss(spring(3.0), stretched).detach()) == pytest.approx(12.0)


def test_loss_has_the_gradient_of_the_parameter(spring, stretched):
    potential = spring(3.0)
    force_loss(potential, stretched).backward()
    assert float(potential.stiffness.grad) == pytest.approx(8.0)  # d/dk of 2 (2k)^2 / 6


def test_loss_vanishes_for_the_true_potential(spring, spring_frames):
    assert float(force_loss(spring(3.0), spring_frames(3.0)).detach()) == 0.0


@pytest.mark.parametrize("batch", [7, 20, 100])
def test_mean_loss_does_not_depend_on_its_batches(spring, spring_frames, monkeypatch, batch):
    frames = spring_frames(3.0, 20)
    expected = float(force_loss(spring(1.0), frames).detach())
    monkeypatch.setattr(loss_module, "frames_at_once", lambda _: batch)
    assert mean_loss(spring(1.0), frames) == pytest.approx(expected, rel=1e-12)


class _Largest(Potential):
    """Remembers the largest batch that it was given."""

    frames = 0

    def energy_and_forces(self, positions):
        self.frames = max(self.frames, len(positions))
        return positions.sum((1, 2)), 0 * positions


@pytest.mark.parametrize(("n_beads", "expected"), [(2, 100), (5, 10), (30, 1)])
def test_larger_molecules_are_judged_in_smaller_batches(monkeypatch, n_beads, expected):
    """A hundred pairs at once, of which five beads have ten; one frame at least."""
    monkeypatch.setattr(batches_module, "_PAIRS_AT_ONCE", 100)
    potential, blank = _Largest(), torch.zeros(150, n_beads, 3)
    mean_loss(potential, Frames(blank, blank))
    assert potential.frames == expected
