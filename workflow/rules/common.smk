# Configuration of all systems, and the functions that the rules share.
from pathlib import Path

from cgpipe.config.project import load_project, load_system, section_argument
from cgpipe.errors import ConfigError
from snakemake.exceptions import WorkflowError

try:
    PROJECT = load_project(config)
    SYSTEMS = {
        name: load_system(PROJECT, name, folder=Path("config/systems"))
        for name in PROJECT.systems
    }
except ConfigError as error:
    raise WorkflowError(str(error)) from None

RESULTS = PROJECT.results
SEED = PROJECT.seed
DEVICE = PROJECT.device
FIGURES = [
    "free_energy",
    "marginals",
    "distributions",
    "prior_bonds",
    "prior_angles",
    "prior_dihedrals",
    "prior_repulsion",
    "learning_curves",
    "convergence",
    "diagnostics",
]


wildcard_constraints:
    system="|".join(SYSTEMS),
    fold=r"\d+",
    index=r"\d+",
    job=r"\d+",
    run=r"(trajectory|check)\d+",
    ensemble="reference|model|check",


def section(name):
    """Function of the wildcards: the named config section of the system as an argument."""
    return lambda wildcards: section_argument(getattr(SYSTEMS[wildcards.system], name))


def temperature(wildcards):
    """Temperature of the system, K."""
    return SYSTEMS[wildcards.system].reference.temperature_K


def numbered(system, pattern, count):
    """Paths of a system with `{}` running from 0 to count - 1."""
    return [f"{RESULTS}/{system}/{pattern.format(number)}" for number in range(count)]


def biases(wildcards):
    """Biases that a recorded trajectory runs under."""
    bias = SYSTEMS[wildcards.system].reference.bias
    return numbered(
        wildcards.system, "reference/bias{}.json", bias.n_walkers if bias else 0
    )


def trajectories(wildcards):
    """Atomistic trajectories."""
    return numbered(
        wildcards.system,
        "reference/trajectory{}.h5md",
        SYSTEMS[wildcards.system].reference.n_trajectories,
    )


def bead_trajectories(wildcards):
    """Mapped trajectories."""
    return numbered(
        wildcards.system,
        "beads/trajectory{}.h5md",
        SYSTEMS[wildcards.system].reference.n_trajectories,
    )


def check_beads(wildcards):
    """Mapped unbiased trajectories that check the reference, if the config asks for them."""
    check = SYSTEMS[wildcards.system].reference.unbiased_check
    return numbered(
        wildcards.system, "beads/check{}.h5md", check.n_trajectories if check else 0
    )


def ensemble(wildcards):
    """Bead trajectories of the reference, the model or the unbiased check."""
    sources = {
        "reference": bead_trajectories,
        "model": simulations,
        "check": check_beads,
    }
    return sources[wildcards.ensemble](wildcards)


def check_histograms(wildcards):
    """Histograms of the unbiased check, or nothing."""
    has_check = SYSTEMS[wildcards.system].reference.unbiased_check is not None
    return [f"{RESULTS}/{wildcards.system}/analysis/check.h5"] if has_check else []


def models(wildcards):
    """Force fields of all folds."""
    return numbered(
        wildcards.system,
        "train/fold{}/model.safetensors",
        SYSTEMS[wildcards.system].split.n_folds,
    )


def histories(wildcards):
    """Learning curves of all folds."""
    return numbered(
        wildcards.system,
        "train/fold{}/history.csv",
        SYSTEMS[wildcards.system].split.n_folds,
    )


def simulations(wildcards):
    """CG trajectories of all jobs."""
    return numbered(
        wildcards.system,
        "simulation/job{}.h5md",
        SYSTEMS[wildcards.system].simulation.n_jobs,
    )


def system_figures(system):
    """All figures of a system."""
    return [
        f"{RESULTS}/{system}/figures/{name}.{kind}"
        for name in FIGURES
        for kind in ("png", "pdf")
    ]


def figure_sources(wildcards):
    """Records that a figure draws."""
    if wildcards.figure == "learning_curves":
        return histories(wildcards)
    prior, record = (
        f"{RESULTS}/{wildcards.system}/{name}"
        for name in ("prior/prior.json", "analysis/comparison.h5")
    )
    return [prior] if wildcards.figure.startswith("prior_") else [record]


def all_figures():
    """All figures of all systems."""
    return [path for system in SYSTEMS for path in system_figures(system)]
