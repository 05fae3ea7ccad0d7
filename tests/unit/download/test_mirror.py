"""A mirror stands for the beginning of an address, and nothing outside it can be reached."""

import pytest

from cgpipe.download.mirror import redirect
from cgpipe.errors import ConfigError, DataError

_URL = "https://data.org/sets/ala2/frames.npz"


@pytest.fixture
def folder(tmp_path):
    """A folder that mirrors https://data.org/sets; beside it a file that must not be reached."""
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "my mirror"
    (folder / "ala2").mkdir(parents=True)
    (folder / "ala2" / "frames.npz").touch()
    (folder / "50% done.npz").touch()
    (folder / "leak").symlink_to(tmp_path / "secret")
    return folder


@pytest.mark.parametrize("url", [_URL, "http://data.org/x", "ftp://data.org/x", "HTTPS://data.org/x"])
def test_without_a_mirror_the_address_stays(url):
    assert redirect(url, {"https://elsewhere.org": "/nowhere"}) == url


@pytest.mark.parametrize(
    ("prefix", "mirror", "expected"),
    [
        ("https://data.org", "http://127.0.0.1:80", "http://127.0.0.1:80/sets/ala2/frames.npz"),
        ("https://data.org/", "http://127.0.0.1:80/m/", "http://127.0.0.1:80/m/sets/ala2/frames.npz"),
        ("https://data.org/sets/ala2", "ftp://m.org/x", "ftp://m.org/x/frames.npz"),
        (_URL, "https://m.org/y.npz", "https://m.org/y.npz"),
        ("https://data.org/set", "https://m.org", _URL),
        ("https://data.or", "https://m.org", _URL),
    ],
)
def test_the_beginning_is_replaced_at_a_slash(prefix, mirror, expected):
    assert redirect(_URL, {prefix: mirror}) == expected


def test_the_longest_beginning_counts():
    mirrors = {"https://data.org": "https://a.org", "https://data.org/sets": "https://b.org", "https://x.org": "/x"}
    assert redirect(_URL, mirrors) == "https://b.org/ala2/frames.npz"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (_URL, "ala2/frames.npz"),
        (f"{_URL}?download=1", "ala2/frames.npz"),
        ("https://data.org/sets/50%25%20done.npz", "50% done.npz"),
    ],
)
def test_a_folder_mirrors_paths(folder, url, name):
    assert redirect(url, {"https://data.org/sets": str(folder)}) == (folder / name).as_uri()


def test_a_file_mirrors_one_address(folder):
    file = folder / "ala2" / "frames.npz"
    assert redirect(_URL, {_URL: str(file)}) == file.as_uri()


def test_a_relative_folder_is_resolved(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert redirect(_URL, {"https://data.org/sets": "."}) == (folder / "ala2" / "frames.npz").as_uri()


@pytest.mark.parametrize("rest", ["../secret", "ala2/../../secret", "%2e%2e/secret", "..%2fsecret", "%2E./secret"])
@pytest.mark.parametrize("remote", [True, False])
def test_the_mirror_cannot_be_left(folder, rest, remote):
    mirror = "https://m.org/sets" if remote else str(folder)
    with pytest.raises(ConfigError, match=r"leaves the address.*write it without"):
        redirect(f"https://data.org/sets/{rest}", {"https://data.org/sets": mirror})


def test_a_link_cannot_leave_it_either(folder):
    with pytest.raises(ConfigError, match="a link that leaves"):
        redirect("https://data.org/sets/leak", {"https://data.org/sets": str(folder)})


@pytest.mark.parametrize("name", ["ala2/forces.npz", "ala2", "", "%252e%252e/secret"])
def test_a_file_that_is_not_there_is_named(folder, name):
    with pytest.raises(DataError, match=r"there is no file .*my mirror.*put it there"):
        redirect(f"https://data.org/sets/{name}", {"https://data.org/sets": str(folder)})


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://data.org/x", "/etc/passwd", "x.npz", "https:///x", ""])
def test_other_addresses_are_refused(url):
    with pytest.raises(ConfigError, match=r"cannot download from .*expected an address"):
        redirect(url, {})


@pytest.mark.parametrize(("prefix", "mirror"), [("data.org", "/x"), ("https://data.org", "file:///etc")])
def test_a_mirror_that_is_no_address_is_refused(prefix, mirror):
    with pytest.raises(ConfigError, match="expected an address"):
        redirect(_URL, {prefix: mirror})
