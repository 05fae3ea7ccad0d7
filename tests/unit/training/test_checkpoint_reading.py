"""A checkpoint that the system cannot read now is no reason to begin anew."""

import pytest
import torch

from cgpipe.data import tensors
from cgpipe.errors import DataError
from cgpipe.training.checkpoint import load_state


def test_a_read_error_of_the_system_is_raised(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    path.write_bytes(b"whole, for all that is known")

    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(tensors, "safe_open", fail)
    with pytest.raises(DataError, match="Input/output error"):
        load_state(path, fingerprint="f", device=torch.device("cpu"))


def test_none_is_none(tmp_path):
    assert load_state(tmp_path / "absent", fingerprint="f", device=torch.device("cpu")) is None
