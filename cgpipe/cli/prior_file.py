"""The file of a prior, as `cgpipe prior` and `cgpipe transfer` write it and others read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgpipe.data.files import load_json
from cgpipe.data.plain import from_plain
from cgpipe.data.topology import Topology
from cgpipe.prior.prior import PriorParameters
from cgpipe.prior.table import PriorTable, bind_table


@dataclass(frozen=True)
class PriorFile:
    """Classical terms of a molecule, and the table that they came from where they were transferred."""

    parameters: PriorParameters
    fits: list[dict[str, Any]]
    table: PriorTable | None = None
    min_separation: int = 4

    def bound(self, topology: Topology) -> PriorParameters:
        """Terms of a molecule: those of the file, or from its table where it is a transferable prior."""
        if self.table is None:
            return self.parameters
        return bind_table(self.table, topology, like=self.parameters, min_separation=self.min_separation)


def load_prior(path: Path) -> PriorFile:
    """Prior of a file. Raises DataError if it is missing or damaged."""
    return from_plain(PriorFile, load_json(path), source=str(path))
