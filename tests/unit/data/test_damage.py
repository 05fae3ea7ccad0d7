"""A file that kills its reader is an error, not the end."""

import os
import signal

import pytest

from cgpipe.data import damage
from cgpipe.data.damage import require_survivable
from cgpipe.errors import DataError


def test_a_reader_that_dies(tmp_path):
    with pytest.raises(DataError, match=r"bad\.h5md.*dies.*signal 11.*write it again"):
        require_survivable(lambda: os.kill(os.getpid(), signal.SIGSEGV), tmp_path / "bad.h5md", remedy="write it again")


def _for_ever():
    while True:
        pass


def test_a_reader_that_never_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, "_SECONDS", 1)
    (tmp_path / "bad.h5md").touch()
    with pytest.raises(DataError, match=r"bad\.h5md.*goes on for ever"):
        require_survivable(_for_ever, tmp_path / "bad.h5md", remedy="write it again")


def test_errors_are_left_to_the_reading_in_earnest(tmp_path):
    require_survivable(lambda: 1 / 0, tmp_path / "bad.h5md", remedy="write it again")


def test_nothing_goes_on_twice(tmp_path):
    require_survivable((tmp_path / "read").touch, tmp_path / "file", remedy="")
    (tmp_path / "after").open("a").write("once")
    assert (tmp_path / "read").exists()
    assert (tmp_path / "after").read_text() == "once"
