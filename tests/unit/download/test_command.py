"""`cgpipe download`: what it knows of a file, what it records, and what it refuses."""

import argparse
import hashlib
import json

import pytest

from cgpipe.cli import download as command
from cgpipe.errors import ConfigError, DataError


@pytest.fixture
def call(server, tmp_path, monkeypatch, path):
    """Caller of the command for the server's file, in a project folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)

    def run(*options):
        command.run(parser.parse_args(["--url", f"{server.url}/frames.npz", "--output", str(path), *options]))

    return run


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "config" / "downloads.lock"


def _entry(content):
    return {"sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}


def test_a_new_file_is_recorded(call, server, lock, path, content, capsys):
    call()
    assert path.read_bytes() == content
    assert json.loads(lock.read_text()) == {f"{server.url}/frames.npz": _entry(content)}
    assert "recorded in config/downloads.lock; commit" in capsys.readouterr().out


def test_a_recorded_file_must_not_change(call, server, path):
    call()
    path.unlink()
    server.answer({"content": b"changed"})
    with pytest.raises(DataError, match=r"expected .*config/downloads\.lock"):
        call()
    assert not path.exists()


def test_a_recorded_file_is_not_announced_again(call, capsys):
    call()
    capsys.readouterr()
    call()
    assert capsys.readouterr().out == ""


def test_a_checksum_may_be_given(call, lock, path, content):
    call("--sha256", _entry(content)["sha256"].upper())
    assert path.exists()
    assert not lock.exists()


def test_a_given_checksum_is_checked(call):
    with pytest.raises(DataError, match="has sha256"):
        call("--sha256", "0" * 64)


def test_a_mirror_is_recorded_under_the_first_address(call, server, lock, path, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "frames.npz").write_bytes(b"mirrored")
    call("--mirror", json.dumps({server.url: "m"}), "--lock", str(lock))
    assert path.read_bytes() == b"mirrored"
    assert json.loads(lock.read_text()) == {f"{server.url}/frames.npz": _entry(b"mirrored")}
    assert server.requests == []


def test_the_size_is_limited(call):
    with pytest.raises(DataError, match=r"larger than 0\.002 GB"):
        call("--max-gb", "0.002")


@pytest.mark.parametrize("text", ["{", "[]", '{"https://a.org": 1}'])
def test_a_mirror_that_is_no_mapping_is_refused(call, text):
    with pytest.raises(ConfigError, match=r"--mirror is .*JSON|--mirror is .*expected a mapping"):
        call("--mirror", text)


@pytest.mark.parametrize("digits", ["", "abc", "g" * 64])
def test_a_checksum_that_is_none_is_refused(call, digits):
    with pytest.raises(ConfigError, match="expected 64 hexadecimal digits"):
        call("--sha256", digits)
