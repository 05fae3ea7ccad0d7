"""Locks on files, where the file system has them and where it has none."""

import errno
import fcntl

import pytest

from cgpipe.data.exclusive import BusyError, exclusive


def test_second_holder_is_told(tmp_path):
    path = tmp_path / "lock"
    with exclusive(path, wait=False), pytest.raises(BusyError, match="another process is writing"):
        exclusive(path, wait=False).__enter__()


def test_lock_is_free_again(tmp_path):
    for _ in range(2):
        with exclusive(tmp_path / "lock", wait=False):
            pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks_is_used_without_them(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with exclusive(tmp_path / "lock", wait=True) as file:
        assert file.writable()


def test_another_failure_is_one(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "disk is gone")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="disk is gone"):
        exclusive(tmp_path / "lock", wait=True).__enter__()
