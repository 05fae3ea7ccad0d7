"""Named arrays with a JSON header in one safetensors file, which holds no code and loads none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cgpipe.data.damage import named_damage
from cgpipe.data.files import whole_file

_KEY = "cgpipe"


def save_tensors(path: Path, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
    """Write arrays and header as one whole file."""
    text = json.dumps(header, sort_keys=True, allow_nan=False)
    with whole_file(path) as temporary:
        try:
            save_file(dict(arrays), temporary, metadata={_KEY: text})
        except SafetensorError as error:
            raise OSError(str(error)) from error  # the library has no error of its own for a full disk


def load_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and header. Raises DataError if the file is missing, damaged or not written by cgpipe."""
    damage = named_damage(path, expected="a file of cgpipe", remedy="delete it and run again", also=(SafetensorError,))
    with damage, safe_open(path, framework="numpy") as file:
        header = dict(json.loads(file.metadata()[_KEY]))
        return {key: file.get_tensor(key) for key in file.keys()}, header  # noqa: SIM118 (no mapping)
