"""The one file that is enough to simulate: it comes back bit for bit, and nothing else passes for it."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cgpipe.errors import DataError
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.force_field_file import load_force_field, save_force_field

_CPU = torch.device("cpu")


@pytest.fixture
def saved(force_field, tmp_path):
    path = tmp_path / "model.safetensors"
    save_force_field(path, force_field)
    return path


def _bound(force_field, dtype):
    return bind_force_fields([force_field], dtype=dtype, device=_CPU, n_table_knots=256)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_energies_and_forces_come_back_bit_for_bit(force_field, saved, frames, dtype):
    before = _bound(force_field, dtype).energy_and_forces(frames.to(dtype))
    after = _bound(load_force_field(saved), dtype).energy_and_forces(frames.to(dtype))
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[1], before[1])
    assert after[1].dtype == dtype


def test_everything_else_comes_back(force_field, saved):
    loaded = load_force_field(saved)
    assert replace(loaded, weights={}) == replace(force_field, weights={})
    assert loaded.weights.keys() == force_field.weights.keys()


def test_equal_force_fields_make_equal_files(force_field, saved, tmp_path):
    other = tmp_path / "other.safetensors"
    save_force_field(other, force_field)
    assert other.read_bytes() == saved.read_bytes()


def test_the_file_is_safetensors_and_holds_no_pickle(saved):
    content = saved.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert "cgpipe" in header["__metadata__"]
    assert not content.startswith((b"PK", b"\x80"))


def test_saving_leaves_no_other_file(saved):
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_truncated_file_is_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"model\.safetensors"):
        load_force_field(saved)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        load_force_field(tmp_path / "nowhere.safetensors")


def _text(path):
    path.write_text("not a model")


def _arrays(path):
    with path.open("wb") as file:
        np.savez(file, weights=np.ones(3))


def _no_header(path):
    save_file({"weights": torch.ones(3)}, path)


def _other_header(path):
    save_file({"weights": torch.ones(3)}, path, metadata={"cgpipe": '{"history": []}'})


def _broken_header(path):
    save_file({"weights": torch.ones(3)}, path, metadata={"cgpipe": "{"})


@pytest.mark.parametrize("write", [_text, _arrays, _no_header, _other_header, _broken_header])
def test_a_foreign_file_is_refused(tmp_path, write):
    path = tmp_path / "foreign.safetensors"
    write(path)
    with pytest.raises(DataError, match=r"cannot read .* as a file of cgpipe|not a force field of cgpipe"):
        load_force_field(path)


def test_double_precision_weights_keep_their_bits(force_field, frames):
    """A network trained with `precision: float64` is simulated in float64 with the weights that it learned."""
    singles = {key: value for key, value in force_field.weights.items() if value.dtype == torch.float32}
    nearby = {key: value.double() * (1 + 1e-10) for key, value in singles.items()}
    other = replace(force_field, weights={**force_field.weights, **nearby})
    energies = [_bound(field, torch.float64).energy(frames) for field in (force_field, other)]
    assert not torch.equal(*energies)
