"""Where the atomistic reference comes from: simulated by OpenMM, published data, or the user's own files."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cgpipe.config.base import Count, NotNegative, Positive, Section, require_rising, require_whole_steps
from cgpipe.config.bias import BiasSection
from cgpipe.units import PICOSECONDS_PER_NANOSECOND

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class UnbiasedCheckSection(Section):
    """Plain trajectories of the same system: an independent check of the reweighted reference."""

    n_trajectories: Count = 4
    length_ns: Positive = 25.0


class MeanForceSection(Section):
    """Labels of little noise: beads held, forces on them averaged over all other atoms.

    Configurations are spread evenly over the recorded trajectories. Used where `training.labels` says so.
    """

    n_configurations: Count = 4000
    n_jobs: Count = 2
    """Jobs that share the configurations and run side by side."""
    equilibration_ps: NotNegative = 0.0
    """Before the average; frames of a trajectory at the same temperature are in equilibrium already."""
    length_ps: Positive = 4.0
    """Of each average."""
    sample_interval_ps: Positive = 0.02
    """Short against bond vibrations, which cancel within the average only where their whole course is seen."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.n_jobs > self.n_configurations:
            raise ValueError(f"{self.n_jobs} jobs cannot share {self.n_configurations} configurations; lower n_jobs")
        return self


class HeatingSection(Section):
    """The short hot run, with a random stream of its own, from which each `heated` trajectory starts."""

    temperature_K: Positive = 600.0
    length_ps: Positive = 300.0


class ExchangeSection(Section):
    """Replica exchange between temperatures, before the trajectories: `exchanged` ones start from its coldest copy.

    Sugita and Okamoto 1999, DOI 10.1016/S0009-2614(99)01123-9. The second half of its configurations serves; where hot
    copies came down often by then, they follow the Boltzmann distribution, and so do the trajectories from the start.
    """

    temperatures_K: Annotated[list[Positive], Field(min_length=1)]
    """Rising, all above the reference's temperature, which need not be named."""
    length_ns: Positive = 2.0
    """Of each copy."""
    interval_ps: Positive = 1.0
    """Between exchanges."""


class SolventSection(Section):
    """Explicit water; its parameters must be among `force_field`. It is stripped when frames are written."""

    water_model: Literal["tip3p", "spce", "tip4pew"] = "tip3p"
    padding_nm: Positive = 1.0
    """Smallest distance from the molecule to the wall of the cubic box."""
    ionic_strength_molar: NotNegative = 0.0
    """NaCl beside the ions that neutralise the molecule."""
    cutoff_nm: Positive = 0.9
    """Of the direct part of PME and of Lennard-Jones."""
    pressure_bar: Positive = 1.0
    pressure_equilibration_ps: Positive = 100.0
    """At constant pressure before the equilibration; frames are recorded at constant volume."""


Start = Literal["native", "extended", "heated", "exchanged"]


class OpenMMReferenceSection(Section):
    """Atomistic molecular dynamics by OpenMM, recorded with unbiased, unconstrained forces."""

    kind: Literal["openmm"] = "openmm"
    sequence: str | None = None
    """Three-letter residues from the N terminus, such as `ACE ALA NME`; caps are optional."""
    structure: str | None = None
    """PDB file, URL or RCSB identifier of the native structure; give this or `sequence`."""
    force_field: list[str] = ["amber99sbildn.xml", "amber99_obc.xml"]
    """OpenMM force field files; the default selects the native GBSA-OBC kernel."""
    solvent: SolventSection | None = None
    """Explicit water; without it the force field's implicit solvent acts."""
    temperature_K: Positive = 300.0
    timestep_fs: Positive = 4.0
    friction_per_ps: Positive = 1.0
    hydrogen_mass_amu: Positive = 3.0
    constraints: Literal["none", "h_bonds"] = "h_bonds"
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL"] = "auto"
    """`auto` measures every platform once per system and keeps the fastest."""
    starts: Annotated[list[Start], Field(min_length=1)] = ["native"]
    """Where trajectories start, dealt in turn: the structure as given, an extended chain, after heating, or a
    configuration that `exchange` found."""
    heating: HeatingSection = HeatingSection()
    exchange: ExchangeSection | None = None
    n_trajectories: Count = 4
    length_ns: Positive = 10.0
    """Length of each recorded trajectory."""
    frame_interval_ps: Positive = 0.2
    equilibration_ps: Positive = 50.0
    """Discarded at the start of each trajectory."""
    segment_ps: Positive = 500.0
    """A killed trajectory resumes from its last whole segment."""
    bias: BiasSection | None = None
    unbiased_check: UnbiasedCheckSection | None = None
    mean_force: MeanForceSection | None = None

    @property
    def n_frames(self) -> float:
        """Frames of all recorded trajectories."""
        return self.length_ns * self.n_trajectories * PICOSECONDS_PER_NANOSECOND / self.frame_interval_ps

    def start_of(self, index: int) -> Start:
        """Where the trajectory, or the walker, of a number starts; every umbrella window gets all kinds of starts."""
        windows = None if self.bias is None else self.bias.windows
        return self.starts[(index if windows is None else index // windows.n_windows) % len(self.starts)]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sequence is None) == (self.structure is None):
            raise ValueError("give exactly one of `sequence` and `structure`")
        if self.solvent is not None and "extended" in self.starts:
            raise ValueError("an extended chain needs a box of its own; with `solvent`, start from native and heated")
        if self.solvent is not None and self.mean_force is not None:
            raise ValueError("`mean_force` starts from recorded frames, which have no water; leave out `solvent`")
        return self

    @model_validator(mode="after")
    def _exchanged(self) -> Self:
        if (self.exchange is not None) != ("exchanged" in self.starts):
            raise ValueError("`exchange` makes the `exchanged` among `starts`; give both or none")
        if self.exchange is None:
            return self
        if self.solvent is not None:
            raise ValueError("`exchange` would need a great many temperatures with `solvent`; leave one of them out")
        require_rising("exchange", self.temperature_K, self.exchange.temperatures_K)
        return self

    @model_validator(mode="after")
    def _native_variables(self) -> Self:
        if self.structure is None and self.bias is not None and (self.bias.contacts or self.bias.rmsd):
            raise ValueError(
                "`bias.contacts` and `bias.rmsd` are of a native structure; give `structure` instead of `sequence`"
            )
        return self

    @model_validator(mode="after")
    def _even_windows(self) -> Self:
        windows = None if self.bias is None else self.bias.windows
        if windows is not None and self.n_trajectories % windows.n_windows:
            raise ValueError(
                f"{self.n_trajectories} trajectories cannot be dealt evenly to {windows.n_windows} windows; make "
                "n_trajectories a multiple of bias.windows.n_windows"
            )
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        intervals = {"frame_interval_ps": self.frame_interval_ps}
        if self.exchange is not None:
            intervals["exchange.interval_ps"] = self.exchange.interval_ps
        if self.bias is not None:
            intervals["bias.hill_interval_ps"] = self.bias.hill_interval_ps
        if self.mean_force is not None:
            intervals["mean_force.sample_interval_ps"] = self.mean_force.sample_interval_ps
        require_whole_steps(intervals, self.timestep_fs)
        return self


class PublishedReferenceSection(Section):
    """A published data set with forces, downloaded, checked and converted.

    | layout             | files                                                                                       |
    |--------------------|---------------------------------------------------------------------------------------------|
    | fu_berlin_npz      | frames: npz with `coordinates` and `forces`; topology: PDB                                  |
    | fu_berlin_archives | coordinates, forces: tar.gz of npy pairs; topology: PDB or an archive that holds it;        |
    |                    | weights (optional): npz                                                                     |
    | htmd_calpha        | coordinates, forces, embeddings: npy of C-alpha beads; `sequence` names the residues        |
    """

    kind: Literal["published"] = "published"
    layout: Literal["fu_berlin_npz", "fu_berlin_archives", "htmd_calpha"]
    files: dict[Literal["frames", "coordinates", "forces", "topology", "embeddings", "weights"], str]
    """URL (http, https or ftp) of each file."""
    sha256: dict[str, Sha256] = {}
    """Known checksums by role; others are recorded in config/downloads.lock when a file is first seen."""
    max_download_GB: Positive = 50.0
    """Largest size of one file."""
    max_unpacked_GB: Positive = 100.0
    """Largest size of what one archive unpacks to."""
    topology_member: str | None = None
    """Path of the PDB file inside the archive that is given as topology."""
    sequence: str | None = None
    """One-letter residues of `htmd_calpha` data, checked against the embeddings."""
    temperature_K: Positive
    frame_interval_ps: Positive
    frames_per_trajectory: Count | None = None
    """Length of the independent trajectories that an array joins; without it, the array is one trajectory."""

    @model_validator(mode="after")
    def _roles(self) -> Self:
        needed = {
            "fu_berlin_npz": {"frames", "topology"},
            "fu_berlin_archives": {"coordinates", "forces", "topology"},
            "htmd_calpha": {"coordinates", "forces", "embeddings"},
        }[self.layout]
        if missing := sorted(needed - set(self.files)):
            raise ValueError(f"layout {self.layout} needs `files` for {', '.join(sorted(needed))}; missing: {missing}")
        if unknown := sorted(set(self.sha256) - set(self.files)):
            raise ValueError(f"`sha256` names {unknown}, which `files` does not")
        if (self.layout == "htmd_calpha") != (self.sequence is not None):
            raise ValueError("`sequence` belongs to layout htmd_calpha, and is needed there")
        return self


class FilesReferenceSection(Section):
    """The user's own atomistic trajectories with forces.

    Formats: npz (`positions` or `coordinates`, and `forces`), npy (positions; forces in files of their own), H5MD,
    GROMACS TRR, AMBER NetCDF and LAMMPS dump (the last three through MDAnalysis: `pip install cgpipe[files]`).
    """

    kind: Literal["files"] = "files"
    topology: str
    """PDB file of all atoms, in the order of the trajectories."""
    trajectories: Annotated[list[str], Field(min_length=1)]
    """Independent trajectories, a file each."""
    forces: list[str] = []
    """Forces of each trajectory, npy; only for npy trajectories."""
    weights: list[str] = []
    """Statistical weight of each frame, npy, a file each; without it all frames count the same."""
    length_unit: Literal["nm", "angstrom"] | None = None
    """Of positions; may be left out where the file says it (H5MD) or the format fixes it (TRR, NetCDF)."""
    force_unit: Literal["kJ/mol/nm", "kcal/mol/angstrom"] | None = None
    """Of forces; may be left out likewise."""
    temperature_K: Positive
    frame_interval_ps: Positive

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        for name in ("forces", "weights"):
            if (n_files := len(getattr(self, name))) not in {0, len(self.trajectories)}:
                raise ValueError(f"`{name}` names {n_files} files for {len(self.trajectories)} trajectories")
        return self


class SharedReferenceSection(Section):
    """The beads of another system of the project, or some of them: what other settings make of the same data."""

    kind: Literal["shared"] = "shared"
    system: str
    """Whose beads; both must have the same mapping."""
    temperature_K: Positive
    n_frames: Count | None = None
    """Frames in all, the first of each trajectory alike; without it all."""
    n_mean_forces: Count | None = None
    """Configurations with mean forces in all, spread evenly; without it all."""


ReferenceSection = Annotated[
    OpenMMReferenceSection | PublishedReferenceSection | FilesReferenceSection | SharedReferenceSection,
    Field(discriminator="kind"),
]
