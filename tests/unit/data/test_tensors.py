"""Arrays with a header in one safetensors file."""

import errno

import numpy as np
import pytest
from safetensors import SafetensorError

from cgpipe.data import tensors
from cgpipe.data.tensors import load_tensors, save_tensors
from cgpipe.errors import DataError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


def test_arrays_and_header_come_back(path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2])}
    save_tensors(path, arrays, {"seed": 3, "list": [1, 2]})
    loaded, header = load_tensors(path)
    assert header == {"seed": 3, "list": [1, 2]}
    assert {key: (value.dtype, value.tolist()) for key, value in loaded.items()} == {
        key: (value.dtype, value.tolist()) for key, value in arrays.items()
    }


def test_a_full_disk_is_an_error_with_the_name_of_the_file(path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError(f"I/O error: No space left on device (os error {errno.ENOSPC})")

    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(DataError, match=r"cannot write .*m\.safetensors: .*No space left"):
        save_tensors(path, {"a": np.zeros(2)}, {})
    assert list(path.parent.iterdir()) == []


def test_a_header_with_nan_is_refused(path):
    with pytest.raises(ValueError, match="JSON compliant"):
        save_tensors(path, {"a": np.zeros(2)}, {"loss": float("nan")})
