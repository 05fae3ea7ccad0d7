"""The sections of a system's configuration; every default of cgpipe stands here and nowhere else.

Sections are frozen, refuse unknown keys and carry units in their key names. A stage receives only its own.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
AtomName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+?[0-9]+:[A-Za-z0-9'*+-]+$")]
"""Residue name, its number counted from 1, a colon, atom name: `ALA2:CA`."""


class Section(BaseModel):
    """A frozen set of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


def _require_whole_steps(intervals: dict[str, float], timestep_fs: float) -> None:
    """Raises ValueError for an interval (ps) that is no whole number of timesteps: frames would carry a wrong time."""
    for key, interval in intervals.items():
        n_steps = interval * 1000.0 / timestep_fs
        if abs(n_steps - round(n_steps)) > 1e-6 or round(n_steps) < 1:
            near = max(1, round(n_steps)) * timestep_fs / 1000.0
            raise ValueError(
                f"{key} {interval:g} is {n_steps:g} timesteps of {timestep_fs:g} fs, expected a whole number; "
                f"write {near:g}, for instance"
            )


class BiasSection(Section):
    """Well-tempered metadynamics that builds a bias on torsions, then holds it fixed while frames are recorded.

    Each walker builds its own bias; production runs under their mean, which no longer changes, so the weight
    exp(V/kT) of a frame is exact. Method: Barducci et al. 2008, DOI 10.1103/PhysRevLett.100.020603.
    """

    torsions: Annotated[list[Annotated[list[AtomName], Field(min_length=4, max_length=4)]], Field(max_length=2)]
    """One or two torsions, each of four atoms that are all beads of the CG model."""
    n_walkers: Count = 2
    """Independent walkers that build the bias."""
    build_length_ns: Positive = 3.0
    """Length of each walker while the bias grows."""
    hill_interval_ps: Positive = 1.0
    hill_height_kJ_per_mol: Positive = 1.2
    hill_width_deg: Positive = 20.0
    bias_factor: Annotated[float, Field(gt=1)] = 10.0
    """Ratio of the effective temperature of the biased torsions to the temperature."""
    n_grid_points: Annotated[int, Field(ge=12)] = 60
    """Points of the bias table along each torsion."""


class UnbiasedCheckSection(Section):
    """Plain trajectories of the same system: an independent check of the reweighted reference."""

    n_trajectories: Count = 4
    length_ns: Positive = 25.0


class OpenMMReferenceSection(Section):
    """Atomistic molecular dynamics by OpenMM, recorded with unbiased, unconstrained forces."""

    kind: Literal["openmm"] = "openmm"
    sequence: str | None = None
    """Three-letter residues from the N terminus, such as `ACE ALA NME`; caps are optional."""
    structure: str | None = None
    """PDB file of the start structure; give this or `sequence`."""
    force_field: list[str] = ["amber99sbildn.xml", "amber99_obc.xml"]
    """OpenMM force field files; the default selects the native GBSA-OBC kernel."""
    temperature_K: Positive = 300.0
    timestep_fs: Positive = 4.0
    friction_per_ps: Positive = 1.0
    hydrogen_mass_amu: Positive = 3.0
    constraints: Literal["none", "h_bonds"] = "h_bonds"
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL"] = "auto"
    """`auto` measures every platform once per system and keeps the fastest."""
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

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sequence is None) == (self.structure is None):
            raise ValueError("give exactly one of `sequence` and `structure`")
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        intervals = {"frame_interval_ps": self.frame_interval_ps}
        if self.bias is not None:
            intervals["bias.hill_interval_ps"] = self.bias.hill_interval_ps
        _require_whole_steps(intervals, self.timestep_fs)
        return self


class MappingSection(Section):
    """Which atoms become beads, and how atomic forces become bead forces."""

    beads: Literal["ca", "ca_cb", "backbone_cb", "heavy"] | list[AtomName] | str = "ca"
    """A preset, a list of atoms such as `ALA2:CA`, or a selection in MDTraj's language."""
    force_map: Literal["optimised", "aggregate", "slice"] = "optimised"
    """`optimised`: least noise (Kraemer et al. 2023, DOI 10.1021/acs.jpclett.3c00444)."""


class SplitSection(Section):
    """Deterministic split of trajectory blocks into a test part and folds."""

    n_folds: Annotated[int, Field(ge=2)] = 2
    n_blocks_per_trajectory: Count = 10
    test_fraction: Fraction = 0.05
    """Share of the blocks that neither the prior nor any fold sees."""


class PriorSection(Section):
    """Classical terms that hold the model together where there are no data."""

    dihedrals: bool = True
    n_fourier: Count = 3
    """Multiplicities 1..n of each dihedral."""
    repulsion: bool = True
    repulsion_exponent: Count = 6
    min_separation: Annotated[int, Field(ge=4)] = 4
    """Repulsion acts between beads at least this many bonds apart."""


class NetworkSection(Section):
    """CGSchNet: continuous-filter convolutions over all pairs inside the cutoff."""

    n_features: Count = 64
    n_blocks: Count = 2
    n_radial: Annotated[int, Field(ge=4)] = 40
    cutoff_nm: Positive = 1.0


class TrainingSection(Section):
    """Force matching of one fold."""

    batch_size: Count = 512
    n_epochs: Count = 20
    learning_rate: Positive = 1e-3
    final_learning_rate: Positive = 1e-5
    """Reached by a cosine from `learning_rate` over `n_epochs`."""
    patience: Count = 8
    """Epochs without a better validation loss before training stops."""
    gradient_clip: Positive = 1.0
    """Largest norm of the gradient of the loss, which is in units of the label variance."""
    precision: Literal["float32", "float64"] = "float32"


class SimulationSection(Section):
    """Langevin dynamics of many independent replicas of the CG model."""

    n_replicas: Count = 256
    n_jobs: Count = 2
    """Jobs that share the replicas and run side by side; it changes the replicas by rounding errors at most."""
    length_ps: Positive = 100.0
    timestep_fs: Positive = 4.0
    friction_per_ps: Positive = 1.0
    frame_interval_ps: Positive = 0.2
    segment_ps: Positive = 10.0
    """A killed simulation resumes from its last whole segment."""
    n_table_knots: Annotated[int, Field(ge=64)] = 2048
    """Knots of the cubic table that replaces the filter networks."""
    max_bond_stretch: Annotated[float, Field(gt=1)] = 2.0
    """A bond longer than this many times its rest length has left the physical range."""
    precision: Literal["float32", "float64"] = "float32"

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        _require_whole_steps({"frame_interval_ps": self.frame_interval_ps}, self.timestep_fs)
        return self


class AnalysisSection(Section):
    """Free energies, their errors and the comparison of model and reference."""

    n_bins: Annotated[int, Field(ge=10)] = 60
    """Bins along each of phi and psi."""
    n_blocks_per_trajectory: Count = 10
    """Blocks of a trajectory that the bootstrap draws."""
    n_bootstrap: Annotated[int, Field(ge=20)] = 200


class SystemConfig(Section):
    """Everything that cgpipe knows about one system."""

    description: str = ""
    reference: OpenMMReferenceSection
    mapping: MappingSection = MappingSection()
    split: SplitSection = SplitSection()
    prior: PriorSection = PriorSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    simulation: SimulationSection = SimulationSection()
    analysis: AnalysisSection = AnalysisSection()
