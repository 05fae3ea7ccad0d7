"""The record of checksums: readable, sorted, and whole whoever writes at the same time."""

import json
import multiprocessing

import pytest

from cgpipe.download.lock import known_checksum, record_checksum
from cgpipe.download.transfer import Receipt
from cgpipe.errors import DataError

_URL = "https://data.org/frames.npz"
_RECEIPT = Receipt(sha256="ab" * 32, n_bytes=12)


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "config" / "downloads.lock"


def test_nothing_is_known_at_first(lock):
    assert known_checksum(lock, _URL) is None
    assert not lock.exists()


def test_a_checksum_comes_back(lock):
    record_checksum(lock, _URL, _RECEIPT)
    assert known_checksum(lock, _URL) == _RECEIPT.sha256
    assert known_checksum(lock, f"{_URL}2") is None


def test_the_record_is_readable_sorted_and_alone(lock):
    for url in ("https://b.org/x", "https://a.org/x", "ftp://c.org/x"):
        record_checksum(lock, url, _RECEIPT)
    text = lock.read_text()
    entry = {"sha256": _RECEIPT.sha256, "n_bytes": 12}
    assert list(json.loads(text).items()) == [
        ("ftp://c.org/x", entry),
        ("https://a.org/x", entry),
        ("https://b.org/x", entry),
    ]
    assert text.startswith('{\n  "ftp://c.org/x": {\n')
    assert [file.name for file in lock.parent.iterdir()] == [lock.name]


def test_the_same_file_may_be_recorded_again(lock):
    record_checksum(lock, _URL, _RECEIPT)
    record_checksum(lock, _URL, _RECEIPT)
    assert known_checksum(lock, _URL) == _RECEIPT.sha256


def test_another_file_at_a_known_address_is_refused(lock):
    record_checksum(lock, _URL, _RECEIPT)
    with pytest.raises(DataError, match=rf"{_URL} gave .*cd.*already knows .*ab.*delete its entry"):
        record_checksum(lock, _URL, Receipt(sha256="cd" * 32, n_bytes=12))
    assert known_checksum(lock, _URL) == _RECEIPT.sha256


def test_no_record_is_lost_between_processes(lock):
    urls = [f"https://data.org/{number:03}" for number in range(40)]
    with multiprocessing.get_context("fork").Pool(6) as pool:
        pool.starmap(record_checksum, [(lock, url, _RECEIPT) for url in urls], chunksize=1)
    assert list(json.loads(lock.read_text())) == urls


@pytest.mark.parametrize(
    "text",
    ['{"a": ', "<<<<<<< HEAD", "[]", '{"u": {}}', '{"u": "ab"}', '{"u": {"sha256": "xyz"}}', '{"u": {"sha256": 7}}'],
)
def test_a_damaged_record_is_named_and_kept(lock, text):
    lock.parent.mkdir()
    lock.write_text(text)
    with pytest.raises(DataError, match=r"cannot read .*downloads\.lock.*restore it"):
        known_checksum(lock, _URL)
    with pytest.raises(DataError, match=r"cannot read .*downloads\.lock.*restore it"):
        record_checksum(lock, _URL, _RECEIPT)
    assert lock.read_text() == text


def test_an_empty_record_knows_nothing(lock):
    lock.parent.mkdir()
    lock.touch()
    assert known_checksum(lock, _URL) is None


def test_a_place_that_cannot_be_written_is_named(lock):
    lock.parent.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write .*downloads\.lock"):
        record_checksum(lock, _URL, _RECEIPT)
