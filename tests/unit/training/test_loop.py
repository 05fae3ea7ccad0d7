"""Training recovers known forces, stops when it should, and resumes with the same bits."""

import math

import pytest
import torch

import cgpipe.training.loop as loop_module
from cgpipe.errors import FitError
from cgpipe.training.batches import Frames
from cgpipe.training.checkpoint import load_state
from cgpipe.training.loop import learning_rate
from cgpipe.training.loss import mean_loss


def test_training_recovers_the_forces_of_a_known_potential(toy, network, section, fit):
    """Labels without noise: the loss falls to less than 1/100 of the mean square of the forces."""
    training, validation = toy
    potential = network(n_features=32, n_blocks=2, n_radial=40)
    state = fit(potential, toy, section(n_epochs=20))
    potential.load_state_dict(state.best_weights)
    nothing_learned = float(validation.forces.square().mean())
    assert mean_loss(potential, validation) < 0.01 * nothing_learned
    assert mean_loss(potential, training) < 0.01 * nothing_learned


def test_training_finds_the_exact_minimum_of_one_parameter(spring, spring_frames, section, fit):
    potential = spring(1.0)
    frames = spring_frames(3.0), spring_frames(3.0, 32)
    fit(potential, frames, section(n_epochs=60, learning_rate=0.1, batch_size=16, patience=60))
    assert float(potential.stiffness.detach()) == pytest.approx(3.0, rel=1e-3)


def test_the_best_weights_have_the_lowest_validation_loss_of_the_history(small_toy, network, section, fit):
    potential = network()
    state = fit(potential, small_toy, section(n_epochs=6, learning_rate=0.05))
    potential.load_state_dict(state.best_weights)
    lowest = min(epoch.validation_loss for epoch in state.history)
    assert mean_loss(potential, small_toy[1]) == lowest == state.history[state.best_epoch].validation_loss


def test_the_history_counts_epochs_and_measures_losses(small_toy, network, section, fit):
    state = fit(network(), small_toy, section())
    assert [epoch.epoch for epoch in state.history] == [0, 1, 2, 3]
    nothing_learned = float(small_toy[0].forces.square().mean())
    assert 0.1 * nothing_learned < state.history[0].training_loss < 2 * nothing_learned


def test_early_stopping_counts_epochs_without_improvement(spring, spring_frames, section, fit):
    """Training pulls the stiffness up while validation wants it low: the first epoch is the best."""
    frames = spring_frames(9.0), spring_frames(1.0)
    state = fit(spring(1.0), frames, section(n_epochs=50, patience=3, learning_rate=0.1))
    assert state.best_epoch == 0
    assert len(state.history) == 1 + 3
    assert float(state.best_weights["stiffness"]) < float(state.weights["stiffness"])


def test_training_without_early_stopping_uses_all_epochs(spring, spring_frames, section, fit):
    frames = spring_frames(9.0), spring_frames(9.0, 32)
    assert len(fit(spring(1.0), frames, section(n_epochs=11, patience=3, learning_rate=0.1)).history) == 11


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 1e-2), (0.5, 0.5 * (1e-2 + 1e-4)), (1.0, 1e-4)])
def test_the_learning_rate_follows_a_cosine(section, progress, expected):
    chosen = section(learning_rate=1e-2, final_learning_rate=1e-4)
    assert learning_rate(chosen, progress) == pytest.approx(expected, rel=1e-12)


def test_the_learning_rate_starts_and_ends_as_configured(spring, spring_frames, section, fit):
    chosen = section(n_epochs=20, batch_size=4, learning_rate=1e-2, final_learning_rate=1e-4)
    rates = [epoch.learning_rate for epoch in fit(spring(1.0), (spring_frames(3.0),) * 2, chosen).history]
    last_batch_of_first_epoch = 15 / 16 / 20
    assert rates[0] == learning_rate(chosen, last_batch_of_first_epoch)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_loss_that_is_not_finite_is_an_error(spring, spring_frames, section, fit, checkpoint, part):
    good = spring_frames(3.0)
    bad = Frames(good.positions, good.forces * math.nan)
    frames = (bad, good) if part == "training" else (good, bad)
    with pytest.raises(FitError, match=r"fold 0 stopped being finite in epoch 0; lower training\.learning_rate"):
        fit(spring(1.0), frames, section())
    assert not checkpoint.exists()


def test_the_gradient_is_clipped(spring, spring_frames, section, fit):
    """Adam with a tiny clipped gradient moves by its rate, whatever the size of the forces."""
    frames = (spring_frames(3.0, 16),) * 2
    moved = []
    for clip in (1e-12, 1e3):
        potential = spring(1.0)
        fit(potential, frames, section(n_epochs=1, batch_size=16, gradient_clip=clip), fingerprint=str(clip))
        moved.append(float(potential.stiffness.detach()) - 1.0)
    assert 0 < moved[0] < 0.01 * moved[1]


def test_the_same_seed_gives_the_same_bits(small_toy, network, section, fit, tmp_path, assert_same_bits):
    first, second = (fit(network(), small_toy, section(), path=tmp_path / name) for name in ("one", "two"))
    assert_same_bits(first, second)


def test_another_seed_gives_other_batches(small_toy, network, section, fit, tmp_path):
    states = [fit(network(), small_toy, section(), path=tmp_path / f"{k}", root_seed=k) for k in (1, 2)]
    assert states[0].history != states[1].history


def _interrupted(fit, *arguments, monkeypatch, after, **options):
    """Kill a training when it wants to keep an epoch, after some that it kept."""
    kept = []
    save = loop_module.save_state

    def dying(path, state, *, fingerprint):
        if len(kept) == after:
            raise KeyboardInterrupt
        kept.append(1)
        save(path, state, fingerprint=fingerprint)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "save_state", dying)
        with pytest.raises(KeyboardInterrupt):
            fit(*arguments, **options)


@pytest.mark.parametrize("after", [0, 2, 3])
def test_interrupted_and_resumed_equals_uninterrupted(
    small_toy, network, section, fit, tmp_path, monkeypatch, assert_same_bits, checkpoint, after
):
    """The resumed network starts from other weights: all that counts stands in the checkpoint."""
    uninterrupted = fit(network(), small_toy, section(), path=tmp_path / "whole")
    _interrupted(fit, network(), small_toy, section(), monkeypatch=monkeypatch, after=after)
    assert checkpoint.exists() is (after > 0)
    resumed = fit(network(seed=0 if after == 0 else 99), small_toy, section())
    assert_same_bits(resumed, uninterrupted)


def test_a_finished_training_is_not_run_again(small_toy, network, section, fit, monkeypatch, assert_same_bits):
    first = fit(network(), small_toy, section())
    monkeypatch.delattr(loop_module, "_train_epoch")
    assert_same_bits(fit(network(seed=99), small_toy, section()), first)


def test_early_stopping_survives_a_resume(spring, spring_frames, section, fit, monkeypatch):
    frames = spring_frames(9.0), spring_frames(1.0)
    chosen = section(n_epochs=50, patience=3, learning_rate=0.1)
    _interrupted(fit, spring(1.0), frames, chosen, monkeypatch=monkeypatch, after=2)
    assert len(fit(spring(1.0), frames, chosen).history) == 1 + 3


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scribble(path):
    path.write_text("not a checkpoint")


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_cut, _scribble, _empty])
def test_a_damaged_checkpoint_is_ignored(
    small_toy, network, section, fit, checkpoint, tmp_path, assert_same_bits, damage
):
    fresh = fit(network(), small_toy, section(), path=tmp_path / "fresh")
    fit(network(seed=5), small_toy, section())
    damage(checkpoint)
    assert load_state(checkpoint, fingerprint="mine", device=torch.device("cpu")) is None
    assert_same_bits(fit(network(), small_toy, section()), fresh)


def test_a_checkpoint_of_another_fingerprint_is_ignored(small_toy, network, section, fit, tmp_path, assert_same_bits):
    fresh = fit(network(), small_toy, section(), path=tmp_path / "fresh")
    fit(network(seed=5), small_toy, section(), fingerprint="theirs")
    assert_same_bits(fit(network(), small_toy, section(), fingerprint="mine"), fresh)
