"""The file of a bias, as `cgpipe bias` writes it and others read it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.data.damage import named_damage
from cgpipe.data.files import load_json, save_json
from cgpipe.data.plain import from_plain
from cgpipe.reference.bias import Bias
from cgpipe.reference.variables import Variable


@dataclass(frozen=True)
class _Plain:
    """A bias as types."""

    variables: tuple[Variable, ...]
    table_kJ_per_mol: list[float] | list[list[float]]


def save_bias(path: Path, bias: Bias, provenance: dict[str, Any]) -> None:
    """Write a bias."""
    variables = [asdict(variable) for variable in bias.variables]
    table = bias.table.tolist()
    save_json(path, {"variables": variables, "table_kJ_per_mol": table, "provenance": provenance})


def load_bias(path: Path) -> Bias:
    """Bias from its file. Raises DataError if it is missing or damaged."""
    content = from_plain(_Plain, load_json(path), source=str(path))
    with named_damage(path, expected="a bias", remedy="delete it and run again"):
        table = np.array(content.table_kJ_per_mol, dtype=np.float64)
        if table.shape != (len(table),) * len(content.variables):
            raise ValueError(f"a table of {table.shape} points for {len(content.variables)} variables")
    return Bias(content.variables, table)
