"""What all sections of the configuration share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
AtomName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+?[0-9]+:[A-Za-z0-9'*+-]+$")]
"""Residue name, its number counted from 1, a colon, atom name: `ALA2:CA`."""


class Section(BaseModel):
    """A frozen set of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


def require_whole_steps(intervals: dict[str, float], timestep_fs: float) -> None:
    """Raises ValueError for an interval (ps) that is no whole number of timesteps: frames would carry a wrong time."""
    for key, interval in intervals.items():
        n_steps = interval * 1000.0 / timestep_fs
        if abs(n_steps - round(n_steps)) > 1e-6 or round(n_steps) < 1:
            near = max(1, round(n_steps)) * timestep_fs / 1000.0
            raise ValueError(
                f"{key} {interval:g} is {n_steps:g} timesteps of {timestep_fs:g} fs, expected a whole number; "
                f"write {near:g}, for instance"
            )


def require_rising(section: str, lowest: float, others: list[float]) -> None:
    """Raises ValueError if temperatures do not rise from that of the ensemble that is wanted, K."""
    ladder = [lowest, *others]
    if sorted(set(ladder)) != ladder:
        raise ValueError(f"{section}: temperatures must rise from the system's {lowest:g} K: {ladder}")
