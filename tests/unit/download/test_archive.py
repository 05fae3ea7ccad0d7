"""Archives are unpacked whole or not at all, and never outside their folder."""

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from cgpipe.download import archive, members
from cgpipe.download.archive import unpack
from cgpipe.errors import DataError

_FILES = {"a.npy": b"first" * 1000, "deep/er/b.npy": b"", "deep/c.npy": b"x" * 3_000_000, "./d é.npy": bytes(512)}
_KINDS = [".tar", ".tar.gz", ".tgz", ".zip", ".npz"]
_TARS = [".tar", ".tar.gz"]
_LIMIT = 10_000_000


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "unpacked"


@pytest.fixture
def pack(tmp_path):
    """Maker of an archive of some kind, from names and contents."""

    def make(suffix, files):
        path = tmp_path / f"data{suffix}"
        if suffix in {".zip", ".npz"}:
            _zip(path, files)
        else:
            _tar(path, [(_info(name, size=len(content)), content) for name, content in files])
        return path

    return make


def _info(name, *, size=0, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info


def _tar(path, entries):
    with tarfile.open(path, "w:" if path.suffix == ".tar" else "w:gz") as file:
        for info, content in entries:
            file.addfile(info, io.BytesIO(content))


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            file.writestr(name, content)


def _refused(path, folder, match, *, max_bytes=_LIMIT):
    before = sorted(folder.parent.iterdir())
    with pytest.raises(DataError, match=match):
        unpack(path, folder, max_bytes=max_bytes)
    assert sorted(folder.parent.iterdir()) == before


@pytest.mark.parametrize("suffix", _KINDS)
def test_files_come_back_in_their_folders(pack, folder, suffix):
    paths = unpack(pack(suffix, _FILES.items()), folder, max_bytes=_LIMIT)
    assert paths == [folder / name for name in _FILES]
    assert [path.read_bytes() for path in paths] == list(_FILES.values())
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(_FILES)
    assert sorted(path.name for path in folder.parent.iterdir()) == [f"data{suffix}", "unpacked"]


def test_arrays_of_numpy_come_back(tmp_path, folder):
    np.savez(tmp_path / "x.npz", coordinates=np.arange(6.0).reshape(2, 3))
    (path,) = unpack(tmp_path / "x.npz", folder, max_bytes=_LIMIT)
    assert path == folder / "coordinates.npy"
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("suffix", _TARS)
def test_folders_and_long_names_are_no_obstacle(tmp_path, folder, suffix):
    name = f"{'f' * 200}/{'g' * 200}/x"
    _tar(tmp_path / f"x{suffix}", [(_info(".", kind=tarfile.DIRTYPE), b""), (_info(name, size=3), b"abc")])
    assert unpack(tmp_path / f"x{suffix}", folder, max_bytes=3) == [folder / name]


def test_an_empty_folder_may_exist(pack, folder):
    folder.mkdir()
    assert unpack(pack(".tar", [("a", b"abc")]), folder, max_bytes=3)[0].read_bytes() == b"abc"


def test_what_stands_in_the_folder_is_not_touched(pack, folder):
    folder.mkdir()
    (folder / "mine").touch()
    _refused(pack(".tar", [("a", b"abc")]), folder, "exists and is not an empty folder; delete it first")
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_what_an_interruption_left_does_not_matter(pack, folder):
    leftover = folder.with_name(".unpacked.partial")
    leftover.mkdir()
    (leftover / "a").touch()
    assert unpack(pack(".zip", [("a", b"abc")]), folder, max_bytes=3)[0].read_bytes() == b"abc"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../out", "leads outside"),
        ("a/../../out", "leads outside"),
        ("/etc/out", "leads outside"),
        ("..\\out", "leads outside"),
        ("a\nb", "not printable"),
        ("n" * 256, "name of more than 255 bytes"),
        ("/".join(["n" * 200] * 6), "path of more than 1024 bytes"),
        ("a.npy/b", "stands in the way"),
        ("a.npy/b/c", "stands in the way"),
        ("a.npy", "twice in the archive"),
        ("./a.npy", "twice in the archive"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unsafe_names_are_refused(pack, folder, suffix, name, reason):
    path = pack(suffix, [("a.npy", b"abc"), (name, b"out")])
    _refused(path, folder, rf"cannot unpack .*data{suffix}: member .*{reason}.*ask its publisher")


@pytest.mark.parametrize("suffix", _TARS)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
        (b"Z", "device"),
    ],
)
def test_only_files_and_folders_are_unpacked(tmp_path, folder, suffix, kind, reason):
    path = tmp_path / f"x{suffix}"
    _tar(path, [(_info("a", size=3), b"abc"), (_info("b", kind=kind, target="a"), b"")])
    _refused(path, folder, f"member 'b' is a {reason}")


@pytest.mark.parametrize(("mode", "reason"), [(0o120777, "symbolic link"), (0o020644, "device"), (0o010644, "device")])
def test_only_files_are_unpacked_from_zip(tmp_path, folder, mode, reason):
    info = zipfile.ZipInfo("b")
    info.external_attr = mode << 16
    _zip(tmp_path / "x.zip", [("a", b"abc"), (info, b"/etc/passwd")])
    _refused(tmp_path / "x.zip", folder, f"member 'b' is a {reason}")


@pytest.mark.parametrize("suffix", _KINDS)
def test_the_unpacked_size_is_limited(pack, folder, suffix):
    path = pack(suffix, [("a", bytes(5_000_000)), ("b", bytes(5_000_001))])
    _refused(path, folder, r"member 'b' exceeds the limit.*max_unpacked_GB")
    assert len(unpack(path, folder, max_bytes=_LIMIT + 1)) == 2


def test_a_sparse_bomb_is_refused(tmp_path, folder):
    info = _info("bomb", size=512, kind=tarfile.GNUTYPE_SPARSE)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[483:495] = b"%011o\0" % 2**32
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "x.tar").write_bytes(bytes(block) + b"x" * 512 + bytes(1024))
    _refused(tmp_path / "x.tar", folder, "exceeds the limit")


@pytest.mark.parametrize("declared", [10, 4_000_000_000])
def test_a_zip_that_lies_about_sizes_is_refused(pack, folder, declared):
    path = pack(".zip", [("bomb", bytes(20_000_000))])
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 20_000_000), struct.pack("<I", declared)))
    _refused(path, folder, "is damaged|exceeds the limit")


def test_the_number_of_members_is_limited(pack, folder, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_MEMBERS", 3)
    _refused(pack(".tar", [(str(number), b"") for number in range(4)]), folder, "more than 3 members")
    assert len(unpack(pack(".tar", [(str(number), b"") for number in range(3)]), folder, max_bytes=0)) == 3


@pytest.mark.parametrize("suffix", _KINDS)
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_damaged(pack, folder, suffix, kept):
    content = np.random.default_rng(2).bytes(50_000)
    path = pack(suffix, [("a", content), ("b", content)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))] if suffix != ".tar" else whole[: int(kept * 101_000)])
    _refused(path, folder, rf"data{suffix} is damaged: .*download it again")


def test_a_tar_without_its_end_is_damaged(pack, folder):
    path = pack(".tar", [("a", b"x" * 512), ("b", b"x" * 512)])
    path.write_bytes(path.read_bytes()[:1024])  # all of `a`, nothing of `b`
    _refused(path, folder, "is damaged: it ends without the mark of its end")


def test_a_wrong_header_is_not_taken_for_the_end(pack, folder):
    path = pack(".tar", [("a", b"x" * 512), ("b", b"x" * 512)])
    whole = bytearray(path.read_bytes())
    whole[1030] ^= 1  # in the name of `b`, so that its header has a wrong sum
    path.write_bytes(whole)
    _refused(path, folder, "is damaged: .*a header within it is wrong")


@pytest.mark.parametrize("place", [-2, -6])
def test_the_sum_of_gzip_is_checked(pack, folder, place):
    path = pack(".tar.gz", [("a", b"abc")])
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)
    _refused(path, folder, r"is damaged: .*(CRC|length)")


def test_what_cannot_be_decompressed_is_damaged(pack, folder):
    path = pack(".tar.gz", [("a", b"x" * 5000)])
    beginning = gzip.compress(gzip.decompress(path.read_bytes())[:1000])
    path.write_bytes(beginning + gzip.compress(b"")[:10] + b"\7" * 20)  # 7 is no kind of block
    _refused(path, folder, "is damaged: .*invalid block type")


def test_the_sum_of_zip_is_checked(pack, folder):
    path = pack(".zip", [("a", b"abc")])
    crc = struct.pack("<I", zipfile.crc32(b"abc"))
    path.write_bytes(path.read_bytes().replace(crc, b"1234"))
    _refused(path, folder, "is damaged: .*CRC")


@pytest.mark.parametrize("size", [2**30, -512])
def test_a_header_that_lies_about_its_size_is_refused(tmp_path, folder, size):
    header = _info("x", size=size, kind=tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar").write_bytes(header + bytes(10_240))
    _refused(tmp_path / "x.tar", folder, "is damaged: a header claims")


def test_a_file_of_negative_size_does_not_go_round_in_circles(tmp_path, folder):
    first = _info("a", size=512).tobuf(tarfile.GNU_FORMAT) + b"x" * 512
    second = _info("b", size=-512).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar").write_bytes(first + second + bytes(10_240))
    _refused(tmp_path / "x.tar", folder, "is damaged")


def test_padding_without_end_is_refused(pack, folder, monkeypatch):
    monkeypatch.setattr(members, "_MAX_PADDING_READS", 2)
    path = pack(".tar.gz", [("a", b"abc")])
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(10_000_000)))
    _refused(path, folder, "padded without end")


def test_an_encrypted_zip_is_refused(pack, folder):
    path = pack(".zip", [("a", b"abc")])
    whole = bytearray(path.read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)
    _refused(path, folder, "encrypted")


@pytest.mark.parametrize("suffix", _KINDS)
def test_an_archive_without_files_is_refused(pack, folder, suffix):
    _refused(pack(suffix, []), folder, "holds no files")


@pytest.mark.parametrize("suffix", _KINDS)
def test_what_is_no_archive_is_damaged(tmp_path, folder, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"<html>not here</html>" * 100)
    _refused(path, folder, "is damaged")


def test_another_kind_of_file_is_refused(tmp_path, folder):
    (tmp_path / "x.rar").touch()
    _refused(tmp_path / "x.rar", folder, r"expected a name that ends in \.tar")


def test_a_missing_archive_is_named(tmp_path, folder):
    _refused(tmp_path / "none.tar.gz", folder, r"cannot unpack .*none\.tar\.gz.*No such file")


def test_a_full_disk_is_told_and_nothing_is_left(pack, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "sync", full)
    _refused(pack(".zip", [("a", b"abc")]), folder, "No space left on device")
