"""A bias that makes an atomistic simulation visit what it would rarely see."""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from cgpipe.config.base import AtomName, Count, Positive, Section

_METADYNAMICS = {
    "n_walkers", "build_length_ns", "hill_interval_ps", "hill_height_kJ_per_mol", "hill_width_deg", "bias_factor",
}  # fmt: skip
"""Keys that only metadynamics reads."""


class ContactsSection(Section):
    """Fraction of native contacts between C-alpha atoms, from 0 to 1: Best et al. 2013, DOI 10.1073/pnas.1311599110."""

    contact_nm: Positive = 0.8
    """C-alpha atoms three residues or more apart that are nearer than this in the native structure touch."""
    hill_width: Positive = 0.05


class RmsdSection(Section):
    """RMSD of the C-alpha atoms from the native structure, after superposition."""

    max_nm: Positive = 0.8
    """The bias is constant beyond."""
    hill_width_nm: Positive = 0.04


class SlowSection(Section):
    """Slow coordinates (TICA) of another system of the project, of the same protein, that has `analysis.markov`."""

    system: str
    n_tics: Annotated[int, Field(ge=1, le=2)] = 1
    hill_width: Positive = 0.1
    """The coordinates have variances of at most one (kinetic map)."""


class WindowsSection(Section):
    """Umbrella windows: harmonic potentials, evenly spaced over the range of one variable, instead of metadynamics.

    Trajectories are dealt to the windows in turn; their frames are weighted together by MBAR (Shirts and Chodera 2008,
    DOI 10.1063/1.2978177). The figure `bias` shows what these weights are worth, by halves of the trajectories and by
    leaving trajectories out; metrics against such a reference have no errors.
    """

    n_windows: Annotated[int, Field(ge=2)] = 12
    width_in_spacings: Positive = 1.0
    """Standard deviation of a window on flat ground over the distance between windows; it makes them overlap."""


class BiasSection(Section):
    """A bias on torsions, contacts, RMSD or slow coordinates; all are functions of the beads alone.

    Without `windows`, well-tempered metadynamics builds it (Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603):
    each walker builds its own; production runs under their mean, which no longer changes, so the weight exp(V/kT) of a
    frame is exact.
    """

    torsions: (
        Annotated[list[Annotated[list[AtomName], Field(min_length=4, max_length=4)]], Field(min_length=1, max_length=2)]
        | None
    ) = None
    """One or two torsions, each of four atoms that are all beads of the CG model."""
    contacts: ContactsSection | None = None
    rmsd: RmsdSection | None = None
    tics: SlowSection | None = None
    windows: WindowsSection | None = None
    n_walkers: Count = 2
    """Independent walkers that build the bias."""
    build_length_ns: Positive = 3.0
    """Length of each walker while the bias grows."""
    hill_interval_ps: Positive = 1.0
    hill_height_kJ_per_mol: Positive = 1.2
    hill_width_deg: Positive = 20.0
    """Of torsions."""
    bias_factor: Annotated[float, Field(gt=1)] = 10.0
    """Ratio of the effective temperature of the biased variables to the temperature."""
    n_grid_points: Annotated[int, Field(ge=12)] = 60
    """Points of the bias table along each variable."""

    @property
    def hill_width(self) -> float:
        """In units of the variable: rad, nm or none."""
        if self.contacts is not None:
            return self.contacts.hill_width
        if self.rmsd is not None:
            return self.rmsd.hill_width_nm
        return math.radians(self.hill_width_deg) if self.tics is None else self.tics.hill_width

    @property
    def n_biases(self) -> int:
        """Bias files: of the walkers whose mean acts, or of the windows that act one at a time."""
        return self.n_walkers if self.windows is None else self.windows.n_windows

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("torsions", "contacts", "rmsd", "tics") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of `torsions`, `contacts`, `rmsd` and `tics`; given: {given}")
        n_variables = len(self.torsions) if self.torsions else self.tics.n_tics if self.tics else 1
        defaults = {name: type(self).model_fields[name].default for name in _METADYNAMICS}
        ignored = sorted(name for name, default in defaults.items() if getattr(self, name) != default)
        if self.windows is not None and ignored:
            raise ValueError(
                f"`windows` need no metadynamics, so {', '.join(ignored)} would do nothing; leave them out"
            )
        if self.windows is not None and n_variables > 1:
            raise ValueError(f"`windows` stand along one variable; {n_variables} are given")
        return self
