"""The state of a training, saved and loaded."""

import pytest
import torch
from safetensors.torch import save_file

from cgpipe.training.checkpoint import Epoch, TrainingState, adam_tensors, load_state, restore_adam, save_state

_CPU = torch.device("cpu")


@pytest.fixture
def optimiser():
    """Adam after three steps on two parameters."""
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in [(3,), (2, 2)]]
    optimiser = torch.optim.Adam(parameters, lr=0.1)
    for _ in range(3):
        _step(optimiser)
    return optimiser


def _step(optimiser):
    optimiser.zero_grad()
    sum((p**2).sum() for p in _parameters(optimiser)).backward()
    optimiser.step()


def _parameters(optimiser):
    return optimiser.param_groups[0]["params"]


def _state(losses, optimiser):
    weights = {"a": torch.randn(3), "b": torch.arange(4)}
    history = [Epoch(k, 0.1, 2.0, loss) for k, loss in enumerate(losses)]
    return TrainingState(weights, {"a": torch.randn(3)}, adam_tensors(optimiser), history)


def test_a_state_comes_back_bit_for_bit(optimiser, checkpoint, assert_same_bits):
    state = _state([3.0, 1.0 / 3.0], optimiser)
    save_state(checkpoint, state, fingerprint="mine")
    assert_same_bits(load_state(checkpoint, fingerprint="mine", device=_CPU), state)


def test_a_state_of_another_fingerprint_does_not(optimiser, checkpoint):
    save_state(checkpoint, _state([3.0], optimiser), fingerprint="mine")
    assert load_state(checkpoint, fingerprint="theirs", device=_CPU) is None


def test_a_missing_state_is_none(checkpoint):
    assert load_state(checkpoint, fingerprint="mine", device=_CPU) is None


def test_a_failed_save_keeps_the_older_state(optimiser, checkpoint, monkeypatch):
    save_state(checkpoint, _state([3.0], optimiser), fingerprint="mine")
    before = checkpoint.read_bytes()
    monkeypatch.setattr("cgpipe.data.tensors.save_file", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_state(checkpoint, _state([2.0], optimiser), fingerprint="mine")
    assert checkpoint.read_bytes() == before
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


@pytest.mark.parametrize(("losses", "best"), [([3.0, 2.0, 4.0], 1), ([1.0, 2.0], 0), ([2.0, 2.0], 0)])
def test_the_best_epoch_has_the_lowest_validation_loss(losses, best, optimiser):
    assert _state(losses, optimiser).best_epoch == best


def test_a_restored_optimiser_takes_the_same_step(optimiser):
    copies = [torch.nn.Parameter(p.detach().clone()) for p in _parameters(optimiser)]
    other = torch.optim.Adam(copies, lr=0.1)
    restore_adam(other, {key: value.clone() for key, value in adam_tensors(optimiser).items()})
    _step(optimiser)
    _step(other)
    assert all(torch.equal(a, b) for a, b in zip(_parameters(optimiser), copies, strict=True))


def test_another_file_of_cgpipe_is_no_state(checkpoint):
    """A force field carries its header under the same key."""
    save_file({"weights/a": torch.ones(3)}, checkpoint, metadata={"cgpipe": '{"temperature_K": 300}'})
    assert load_state(checkpoint, fingerprint="mine", device=_CPU) is None
