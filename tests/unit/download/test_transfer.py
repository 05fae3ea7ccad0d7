"""A download ends with the whole, right file, or with a clear error and no file."""

import hashlib
import os
import random
import signal
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from cgpipe.data.exclusive import exclusive
from cgpipe.download import request, transfer
from cgpipe.download.transfer import Receipt, download
from cgpipe.errors import DataError

_CUT = 1_000_000
_DATED = (("Last-Modified", "Sat, 03 Jan 1970 00:00:00 GMT"),)
_OTHER = random.Random(8).randbytes(2_000_000)


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _get(server, path, *, max_bytes=10**9, sha256=None):
    return download(f"{server.url}/frames.npz", path, max_bytes=max_bytes, sha256=sha256)


def _fails(server, path, match, **arguments):
    with pytest.raises(DataError, match=match):
        _get(server, path, **arguments)
    assert not path.exists()


@pytest.mark.parametrize(
    "reply",
    [{}, {"content": b""}, {"claimed": 0}, {"headers": ()}, {"ranges": False}],
    ids=["plain", "empty", "without length", "without version", "without ranges"],
)
def test_a_file_arrives_whole_and_alone(server, path, left, content, reply):
    server.answer(reply)
    content = reply.get("content", content)
    assert _get(server, path) == Receipt(_sha256(content), len(content))
    assert path.read_bytes() == content
    assert left() == [path.name]


def test_progress_is_shown(server, path, capsys):
    _get(server, path)
    assert "download frames.npz: 100 % | 3 of 3 MB" in capsys.readouterr().err


@pytest.mark.parametrize("headers", [(("ETag", '"1"'),), _DATED], ids=["tag", "date"])
def test_a_cut_transfer_goes_on_where_it_stopped(server, path, content, headers):
    server.answer({"headers": headers, "cut_after": _CUT}, {"headers": headers})
    assert _get(server, path).n_bytes == len(content)
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={_CUT}-"]
    assert server.requests[1]["if-range"] == headers[0][1]


def test_a_server_without_ranges_sends_all_again(server, path, content):
    server.answer({"ranges": False, "cut_after": _CUT}, {"ranges": False})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={_CUT}-"]


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_parts_of_two_versions_are_never_joined(server, path, heeds_if_range):
    changed = {"content": _OTHER, "headers": (("ETag", '"2"'),), "heeds_if_range": heeds_if_range}
    server.answer({"cut_after": _CUT}, changed)
    _get(server, path)
    assert path.read_bytes() == _OTHER


@pytest.mark.parametrize("headers", [(), (("ETag", 'W/"1"'),)], ids=["none", "weak"])
def test_without_a_version_all_is_sent_again(server, path, content, headers):
    server.answer({"headers": headers, "cut_after": _CUT}, {"headers": headers})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges == [None, None]


def test_without_a_version_a_known_checksum_allows_to_go_on(server, path, content):
    server.answer({"headers": (), "cut_after": _CUT}, {"headers": ()})
    _get(server, path, sha256=_sha256(content))
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={_CUT}-"]


def test_parts_that_do_not_fit_are_fetched_once_more_in_one_piece(server, path):
    server.answer({"headers": (), "cut_after": _CUT}, {"headers": (), "content": _OTHER})
    _get(server, path, sha256=_sha256(_OTHER))
    assert path.read_bytes() == _OTHER
    assert server.ranges == [None, f"bytes={_CUT}-", None]


def test_another_part_than_the_one_asked_for_is_not_joined(server, path, content):
    server.answer({"cut_after": _CUT}, {"shift": 10}, {})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={_CUT}-", None]


def test_the_end_of_a_file_is_missed_even_if_the_connection_closes_in_order(server, path, content):
    server.answer({"cut_after": _CUT}, {"cut_after": _CUT, "claimed": 0}, {})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={_CUT}-", f"bytes={2 * _CUT}-"]


def test_a_file_that_had_arrived_before_is_not_sent_again(server, path, content):
    server.answer({"claimed": len(content) + 10}, {})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges == [None, f"bytes={len(content)}-"]


def test_a_part_longer_than_the_file_is_dropped(server, path):
    server.answer({"cut_after": len(_OTHER) + 10}, {"content": _OTHER})
    _get(server, path)
    assert path.read_bytes() == _OTHER
    assert server.ranges == [None, f"bytes={len(_OTHER) + 10}-", None]


def test_a_server_that_never_recovers_is_given_up_and_the_next_call_goes_on(server, path, content):
    server.answer({"cut_after": _CUT}, {"cut_after": 0})
    _fails(server, path, r"cannot download http://.*frames\.npz: 5 tries failed.* 1,000,000 bytes arrived and are kept")
    assert len(server.requests) == 5
    server.answer({})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges[-1] == f"bytes={_CUT}-"


@pytest.mark.parametrize("known", [True, False])
def test_what_arrived_from_another_address_is_dropped(server, path, content, known):
    sha256 = _sha256(content) if known else None
    server.answer({"content": _OTHER, "cut_after": _CUT}, {"cut_after": 0})
    _fails(server, path, "5 tries failed")
    server.answer({})
    download(f"{server.url}/other.npz", path, max_bytes=10**9, sha256=sha256)
    assert path.read_bytes() == content
    assert server.ranges[5:] == [None]


@pytest.fixture
def ctrl_c():
    """Ctrl-C interrupts, as on a terminal; a job in the background of a shell ignores it otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_download_goes_on_too(server, path, content, monkeypatch):
    monkeypatch.setattr(request, "_STALL_SECONDS", 25)
    server.answer({"stall_after": _CUT})
    threading.Thread(target=_interrupt, args=[server]).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _get(server, path)
    assert time.monotonic() - start < 15
    server.answer({})
    _get(server, path)
    assert path.read_bytes() == content
    assert server.ranges[-1].startswith("bytes=")


def _interrupt(server):
    """Press Ctrl-C once the server is silent and its bytes have arrived."""
    server.silent.wait(30)
    time.sleep(0.4)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_says_what_to_check(server, path, left, status):
    server.answer({"status": status})
    _fails(server, path, rf"cannot download http://.*frames\.npz: .* {status}; check the address.*`mirror:`")
    assert len(server.requests) == 1
    assert left() == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_passing_failure_is_tried_again(server, path, content, status):
    server.answer({"status": status}, {"status": status}, {})
    _get(server, path)
    assert path.read_bytes() == content
    assert len(server.requests) == 3


def test_waits_grow(server, path, monkeypatch):
    waits = []
    monkeypatch.setattr(transfer, "_FIRST_WAIT_SECONDS", 1.0)
    monkeypatch.setattr(transfer, "time", SimpleNamespace(sleep=waits.append))
    server.answer({"status": 503})
    _fails(server, path, "5 tries failed.* 503")
    assert waits == [1, 3, 9, 27]


@pytest.mark.parametrize("stall_after", [0, _CUT])
def test_a_silent_server_is_given_up(server, path, content, monkeypatch, stall_after):
    monkeypatch.setattr(request, "_STALL_BYTES_PER_SECOND", 10**8)  # libcurl judges the mean of some seconds
    server.answer({"stall_after": stall_after}, {})
    start = time.monotonic()
    _get(server, path)
    assert time.monotonic() - start < 15
    assert path.read_bytes() == content


def test_a_server_that_stays_silent_is_named(server, path, monkeypatch):
    monkeypatch.setattr(transfer, "_TRIES", 1)
    monkeypatch.setattr(request, "_STALL_BYTES_PER_SECOND", 10**8)
    server.answer({"stall_after": _CUT})
    _fails(server, path, r"cannot download http://.*too slow")


def test_a_slow_server_is_awaited(server, path, content):
    server.answer({"seconds_per_part": 0.06})
    _get(server, path)
    assert path.read_bytes() == content
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_named(path, monkeypatch):
    monkeypatch.setattr(transfer, "_TRIES", 2)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/frames.npz"
        with pytest.raises(DataError, match=rf"cannot download {url}: 2 tries failed.*connect"):
            download(url, path, max_bytes=10**9, sha256=None)


@pytest.mark.parametrize("reply", [{"stall_after": 100}, {"claimed": 0}], ids=["declared", "undeclared"])
def test_a_file_that_is_too_large_is_refused_and_not_kept(server, path, left, content, reply):
    server.answer(reply)
    _fails(server, path, r"http://.*larger than 0\.002 GB; raise max_download_GB", max_bytes=2_000_000)
    assert len(server.requests) == 1
    assert left() == []
    server.answer({})
    _get(server, path, max_bytes=len(content))


def test_the_end_of_a_file_that_is_too_large_is_refused(server, path):
    server.answer({"cut_after": _CUT}, {})
    _fails(server, path, "larger than", max_bytes=2_900_000)


@pytest.mark.parametrize("claimed", [100, 4_000_000])
def test_a_length_that_lies_is_seen(server, path, content, claimed):
    server.answer({"claimed": claimed, "ranges": False})
    _fails(server, path, r"expected|tries failed", sha256=_sha256(content))


def test_a_wrong_checksum_is_told_and_leaves_nothing_new(server, path, content):
    path.parent.mkdir()
    path.write_text("older")
    expected = _sha256(b"")
    message = rf"http://.*frames\.npz has sha256 {_sha256(content)}.*expected {expected}.*config/downloads\.lock"
    with pytest.raises(DataError, match=message):
        _get(server, path, sha256=expected)
    assert [(file.name, file.read_text()) for file in path.parent.iterdir()] == [(path.name, "older")]
    assert len(server.requests) == 1


def test_a_redirection_is_followed(server, path, content):
    server.answer({"status": 302, "headers": (("Location", "/moved"),)}, {})
    _get(server, path)
    assert path.read_bytes() == content


def test_a_redirection_to_a_file_is_refused(server, path, tmp_path):
    (tmp_path / "secret").write_text("secret")
    server.answer({"status": 302, "headers": (("Location", f"file://{tmp_path}/secret"),)})
    _fails(server, path, "file.*disabled.*check the address")
    assert len(server.requests) == 1


def test_redirections_without_end_are_refused(server, path):
    server.answer({"status": 302, "headers": (("Location", "/frames.npz"),)})
    _fails(server, path, "redirects.*check the address")
    assert len(server.requests) == 11


def test_a_page_that_is_no_file_is_refused(server, path):
    server.answer({"status": 304})
    _fails(server, path, "304, which holds no data")


@pytest.mark.parametrize("url", ["gopher://127.0.0.1/x", "dict://127.0.0.1/x", "no address"])
def test_other_protocols_are_refused(path, url):
    with pytest.raises(DataError, match=rf"cannot download {url}: .*check the address"):
        download(url, path, max_bytes=10**9, sha256=None)


def test_a_local_file_is_copied(path, tmp_path, content):
    (tmp_path / "source").write_bytes(content)
    download((tmp_path / "source").as_uri(), path, max_bytes=10**9, sha256=None)
    assert path.read_bytes() == content


def test_a_full_disk_is_told(server, path):
    path.parent.mkdir()
    path.with_name(".frames.npz.part").symlink_to("/dev/full")
    _fails(server, path, r"cannot write .*frames\.npz: No space left on device; make room")


def test_two_processes_do_not_write_one_file(server, path):
    path.parent.mkdir()
    with exclusive(path.with_name(".frames.npz.part"), wait=False):
        _fails(server, path, r"another process is writing .*frames\.npz\.part; wait")
    assert server.requests == []
