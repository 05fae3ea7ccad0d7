"""A name exists only when its content is whole."""

import errno

import pytest

from cgpipe.data.files import load_json, save_json, whole_file
from cgpipe.errors import DataError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "result.json"


def _write(path, text):
    with whole_file(path) as temporary:
        temporary.write_text(text)


def _fail(path, error):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


def test_content_appears_under_its_name_alone(path):
    _write(path, "whole")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "whole"


def test_nothing_stands_under_the_name_while_it_is_written(path):
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("bad")])
def test_an_interrupted_write_leaves_what_was_there(path, error):
    _write(path, "older")
    with pytest.raises(type(error)):
        _fail(path, error)
    assert path.read_text() == "older"
    assert len(list(path.parent.iterdir())) == 1


def test_a_full_disk_is_an_error_with_the_name_of_the_file(path):
    with pytest.raises(DataError, match=r"cannot write .*result\.json: No space left on device"):
        _fail(path, OSError(errno.ENOSPC, "No space left on device"))
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_too(path):
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write .*result\.json"):
        _write(path, "whole")


def test_json_comes_back(path):
    save_json(path, {"a": [1, 2.5, None], "b": "nm"})
    assert load_json(path) == {"a": [1, 2.5, None], "b": "nm"}


def test_nan_is_no_json(path):
    with pytest.raises(ValueError, match="JSON compliant"):
        save_json(path, {"a": float("nan")})
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe\x00"])
def test_a_damaged_file_is_named(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*result\.json.*delete it"):
        load_json(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(DataError, match=r"result\.json"):
        load_json(path)
