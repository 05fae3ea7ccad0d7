"""Result records on disk: named arrays in HDF5 with a JSON header."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cgpipe.data.damage import named_damage
from cgpipe.data.files import whole_file
from cgpipe.data.hdf5 import new_hdf5, require_present


def save_record(path: Path, arrays: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    """Write arrays and header."""
    with whole_file(path) as temporary, new_hdf5(temporary) as file:
        file.attrs["header"] = json.dumps(header, sort_keys=True, allow_nan=False)
        for name, values in arrays.items():
            file.create_dataset(name, data=values, track_times=False, compression="gzip", fletcher32=values.ndim > 0)


def load_record(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and header. Raises DataError if the file is missing or damaged."""
    damage = named_damage(path, expected="a record of cgpipe", remedy="delete it and run again")
    with damage, h5py.File(path, "r") as file:
        arrays = {name: np.asarray(require_present(file[name])) for name in file}
        return arrays, dict(json.loads(file.attrs["header"]))
