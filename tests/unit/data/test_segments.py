"""Unfinished work on disk: whole segments in order, valid for their own settings only."""

import numpy as np
import pytest

from cgpipe.data.segments import SegmentStore
from cgpipe.errors import DataError


@pytest.fixture
def output(tmp_path):
    return tmp_path / "t.h5md"


@pytest.fixture
def store(output):
    """Three segments of five frames."""
    store = SegmentStore(output, "mine")
    for k in range(3):
        store.append({"positions": np.arange(5) + 5 * k}, {"velocities": np.array([k])})
    return store


def _frames(store):
    return np.concatenate([segment["positions"] for segment in store.frames()])


def test_frames_come_back_in_order(store):
    assert (_frames(store) == np.arange(15)).all()
    assert all(set(segment) == {"positions"} for segment in store.frames())


def test_the_state_is_that_of_the_last_segment(store):
    assert store.state() == {"velocities": 2}


def test_an_empty_store_has_no_state(output):
    assert SegmentStore(output, "mine").state() is None


def test_the_same_work_finds_its_segments(store, output):
    assert SegmentStore(output, "mine").n_segments == store.n_segments == 3


@pytest.mark.usefixtures("store")
def test_other_settings_find_nothing(output):
    assert SegmentStore(output, "other").n_segments == 0
    assert SegmentStore(output, "mine").n_segments == 0, "segments of other settings must not come back"


def test_segments_after_a_gap_do_not_count(store, output):
    (output.parent / ".t.h5md.segments" / "000001.npz").unlink()
    assert store.n_segments == 1
    assert (_frames(store) == np.arange(5)).all()


def test_a_segment_that_was_cut_off_is_no_segment(store, output, monkeypatch):
    def half(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", half)
        with pytest.raises(KeyboardInterrupt):
            store.append({"positions": np.zeros(5)}, {})
    assert store.n_segments == 3
    assert sorted(path.name for path in (output.parent / ".t.h5md.segments").iterdir()) == [
        *(f"00000{k}.npz" for k in range(3)),
        "fingerprint",
    ]


def test_a_damaged_segment_is_named(store, output):
    path = output.parent / ".t.h5md.segments" / "000002.npz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"000002\.npz is damaged"):
        store.state()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_damaged_segment_is_dropped_with_those_after_it(store, output, index):
    path = output.parent / ".t.h5md.segments" / f"00000{index}.npz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="it and those after it were removed, run the same command again"):
        _frames(store)
    assert SegmentStore(output, "mine").n_segments == index


@pytest.mark.usefixtures("store")
def test_a_damaged_end_is_no_part_of_a_store_that_is_opened(output):
    for index in (1, 2):
        (output.parent / ".t.h5md.segments" / f"00000{index}.npz").write_bytes(b"half of it")
    again = SegmentStore(output, "mine")
    assert (again.n_segments, again.state()) == (1, {"velocities": 0})


def test_a_read_error_of_the_system_drops_nothing(store, output, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(np, "load", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(DataError, match="Input/output error"):
            SegmentStore(output, "mine")
    assert store.n_segments == 3


def test_objects_are_not_loaded(store, output):
    """A pickle in an archive could run code."""
    np.savez(output.parent / ".t.h5md.segments" / "000003.npz", state_x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"000003\.npz"):
        store.state()


def test_a_finished_store_is_removed(store, output):
    store.remove()
    assert list(output.parent.iterdir()) == []
