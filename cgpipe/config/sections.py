"""The sections of a system's configuration; every default of cgpipe stands here and nowhere else.

Sections are frozen, refuse unknown keys and carry units in their key names. A stage receives only its own.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cgpipe.config.base import (
    AtomName,
    Count,
    Fraction,
    NotNegative,
    Positive,
    Section,
    require_rising,
    require_whole_steps,
)
from cgpipe.config.reference import MeanForceSection, ReferenceSection
from cgpipe.units import PICOSECONDS_PER_NANOSECOND


class MappingSection(Section):
    """Which atoms become beads, and how atomic forces become bead forces."""

    beads: Literal["ca", "ca_cb", "backbone_cb", "heavy"] | list[AtomName] | str = "ca"
    """A preset, a list of atoms such as `ALA2:CA`, or a selection in MDTraj's language."""
    force_map: Literal["optimised", "aggregate", "slice"] = "optimised"
    """`optimised`: least noise (Kraemer et al. 2023, DOI 10.1021/acs.jpclett.3c00444)."""
    n_neighbour_residues: Count = 5
    """How far from its residue a bead sees atoms in the optimised map; the noise that they share is local."""


class SplitSection(Section):
    """Deterministic split of trajectory blocks into a test part and folds."""

    n_folds: Annotated[int, Field(ge=2)] = 2
    n_blocks_per_trajectory: Count = 10
    test_fraction: Fraction = 0.05
    """Share of the blocks that neither the prior nor any fold sees."""


class PriorSection(Section):
    """Classical terms that hold the model together where there are no data."""

    dihedrals: bool = True
    impropers: bool = True
    """Handedness of the beads that branch, which a network of distances does not know."""
    n_fourier: Count = 3
    """Multiplicities 1..n of each dihedral and improper."""
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

    labels: Literal["instantaneous", "mean_force", "both"] = "instantaneous"
    """Forces of the recorded frames, forces averaged with the beads held (`reference.mean_force`), or both, each kind
    weighted by the inverse variance of what the prior leaves of its forces."""
    noise_nm: NotNegative = 0.0
    """Standard deviation of noise on the positions, whose score is mixed into the forces; 0 for none.

    It lowers the noise of instantaneous labels, and widens what the model learns, so the prior is fitted to the moved
    frames too. Only for frames without weights."""
    flatten: bool = False
    """Draw frames into an epoch by one over their density, so that barriers count as much as basins.

    The forces that are learned stay the same for a perfect network; a real one errs where it sees little, and the free
    energies of basins hang on what lies between them. For references without a bias; a good bias is flat already."""
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

    @model_validator(mode="after")
    def _noise(self) -> Self:
        if self.noise_nm and self.labels != "instantaneous":
            raise ValueError("`noise_nm` mixes the score of noise into instantaneous forces; mean forces need none")
        return self


class TemperingSection(Section):
    """Parallel tempering: every replica gets copies at these temperatures, and neighbours exchange at each frame.

    What is recorded has no kinetics. Hot copies can invert chiral centres where `prior.impropers` is off.
    """

    temperatures_K: Annotated[list[Positive], Field(min_length=1)]
    """Rising, all above the model's temperature, which need not be named."""


class SimulationSection(Section):
    """Langevin dynamics of many independent replicas of the CG model."""

    n_replicas: Count = 256
    n_jobs: Count = 2
    """Jobs that share the replicas and run side by side; it changes the replicas by rounding errors at most."""
    length_ps: Positive = 100.0
    timestep_fs: Positive = 4.0
    friction_per_ps: Positive = 1.0
    frame_interval_ps: Positive = 0.2
    tempering: TemperingSection | None = None
    """Over high barriers; each temperature costs as much as the replicas alone."""
    segment_ps: Positive = 10.0
    """A killed simulation resumes from its last whole segment."""
    n_table_knots: Annotated[int, Field(ge=64)] = 2048
    """Knots of the cubic table that replaces the filter networks."""
    max_bond_stretch: Annotated[float, Field(gt=1)] = 2.0
    """A bond longer than this many times its rest length has left the physical range."""
    precision: Literal["float32", "float64"] = "float32"

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        require_whole_steps({"frame_interval_ps": self.frame_interval_ps}, self.timestep_fs)
        return self

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.n_jobs > self.n_replicas:
            raise ValueError(f"{self.n_jobs} jobs cannot share {self.n_replicas} replicas; lower n_jobs")
        return self


class ImproveSection(Section):
    """Rounds of active learning: mean forces at configurations of the CG model where its folds disagree, then again.

    Made by `snakemake improve` for the systems that `improve` of the project names.
    """

    n_rounds: Count = 4
    """At most; it stops before when a round gains too little."""
    n_configurations: Count = 1000
    """New mean forces of each round."""
    n_jobs: Count = 2
    """Jobs that share them."""
    lead_ps: Positive = 2.0
    """In which the beads are led from the nearest recorded frame to a configuration of the CG model."""
    equilibration_ps: NotNegative = 5.0
    """Of all other atoms, before the average."""
    length_ps: Positive = 4.0
    """Of each average."""
    max_rmsd_nm: Positive = 0.03
    """From the nearest recorded frame; configurations further away are left out, as the other atoms would not follow
    them in equilibrium. Large proteins, whose frames are further apart, need more."""
    min_gain: NotNegative = 1.0
    """The first metric must fall by more than so many standard errors for another round."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        _ = self.mean_force  # its own rules hold
        return self

    @property
    def mean_force(self) -> MeanForceSection:
        """How each round averages."""
        return MeanForceSection(
            n_configurations=self.n_configurations,
            n_jobs=self.n_jobs,
            equilibration_ps=self.equilibration_ps,
            length_ps=self.length_ps,
        )

    @property
    def atomistic_ns(self) -> float:
        """Atomistic simulation of one round."""
        each = self.lead_ps + self.equilibration_ps + self.length_ps
        return self.n_configurations * each / PICOSECONDS_PER_NANOSECOND


class MarkovSection(Section):
    """Collective variables, states and Markov model of a protein, fitted to the reference and applied to the model.

    TICA: Perez-Hernandez et al. 2013, DOI 10.1063/1.4811489. Markov models: Prinz et al. 2011, DOI 10.1063/1.3565032.
    """

    lag_ps: Positive
    """Of TICA and of the reference's Markov model."""
    model_lag_ps: Positive
    """Of the CG model's Markov model; CG time runs faster than atomistic time."""
    n_tics: Annotated[int, Field(ge=2)] = 2
    """TICA coordinates that are clustered; the first two carry the free-energy surface."""
    n_clusters: Annotated[int, Field(ge=4)] = 100
    n_macrostates: Annotated[int, Field(ge=2, le=8)] = 3
    lag_factors: Annotated[list[Positive], Field(min_length=2)] = [0.25, 0.5, 1.0, 2.0, 4.0]
    """Lags of the implied timescales and of the Chapman-Kolmogorov test, in units of the lag."""
    reweight: bool = True
    """Weight reference frames by the stationary distribution of the Markov model, unless they carry weights.

    Short trajectories that started out of equilibrium need it; it needs a connected Markov model. Errors and noise
    floors are then those of these weights: the model is estimated again from resamples and halves of trajectories."""
    n_posterior_samples: Annotated[int, Field(ge=10)] = 50
    """Of the Bayesian Markov model (Trendelkamp-Schroer et al. 2015, DOI 10.1063/1.4934536)."""


class AnalysisSection(Section):
    """Free energies, their errors and the comparison of model and reference."""

    n_bins: Annotated[int, Field(ge=10)] = 60
    """Bins along each coordinate of a free-energy surface."""
    n_blocks_per_trajectory: Count = 10
    """Blocks of a trajectory that the bootstrap draws."""
    n_bootstrap: Annotated[int, Field(ge=20)] = 200
    native: str | None = None
    """PDB file, URL or RCSB identifier of the native structure, for RMSD and native contacts."""
    folded_rmsd_nm: Positive = 0.25
    """Frames nearer to the native structure count as folded."""
    contact_nm: Positive = 0.8
    """C-alpha atoms nearer than this touch."""
    markov: MarkovSection | None = None
    """States and kinetics; left out for peptides, whose surface is that of phi and psi."""

    @property
    def reweights(self) -> bool:
        """Whether a Markov model gives the frames of the reference their weights."""
        return self.markov is not None and self.markov.reweight


class SystemConfig(Section):
    """Everything that cgpipe knows about one system."""

    description: str = ""
    train_on: list[str] = []
    """Systems whose data train the force field, instead of this system's own, which then only judge it."""
    judged_by: str | None = None
    """System whose reference judges the model, instead of this system's own, which then only trains it."""
    improves: str | None = None
    """System whose model says where this one needs more mean forces; a round of `snakemake improve`."""
    seed: int | None = None
    """Root of this system's randomness, instead of the project's."""
    reference: ReferenceSection
    mapping: MappingSection = MappingSection()
    split: SplitSection = SplitSection()
    prior: PriorSection = PriorSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    simulation: SimulationSection = SimulationSection()
    analysis: AnalysisSection = AnalysisSection()
    improve: ImproveSection = ImproveSection()

    @model_validator(mode="after")
    def _tempered(self) -> Self:
        if self.simulation.tempering is None:
            return self
        require_rising("simulation.tempering", self.reference.temperature_K, self.simulation.tempering.temperatures_K)
        return self
