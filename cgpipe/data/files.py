"""Writing so that a name exists only when its content is whole."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cgpipe.data.damage import named_damage
from cgpipe.errors import DataError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Path to write to; renamed to `path` if the block succeeds, removed if it fails.

    Raises DataError if the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {_reason(error)}; nothing was left there") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _reason(error: OSError) -> str:
    """What the system said, also where HDF5 wraps it in its own words."""
    wrapped = re.search(r"error message = '([^']*)'", str(error))
    return wrapped[1] if wrapped else error.strerror or str(error)


def save_json(path: Path, content: Any) -> None:
    """Content as readable JSON; NaN is refused, because JSON has none."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def load_json(path: Path) -> Any:
    """Content of a JSON file. Raises DataError if it is missing or damaged."""
    with named_damage(path, remedy="delete it and run the pipeline again"):
        return json.loads(path.read_text())
