# Configuration of all systems, and the functions that the rules share.
import json
import re
import shlex
from dataclasses import asdict
from pathlib import Path

from cgpipe.config.project import (
    data_of,
    load_project,
    load_systems,
    section_argument,
)
from cgpipe.config.improvement import load_rounds
from cgpipe.config.studies import load_study
from cgpipe.config.structures import (
    downloads,
    file_name,
    native_structure,
    structure_file,
)
from cgpipe.errors import ConfigError
from snakemake.exceptions import WorkflowError

try:
    PROJECT = load_project(config)
    FOLDER = Path("config/systems")
    STUDIES = {
        name: load_study(PROJECT, name, folder=Path("config/studies"), systems=FOLDER)
        for name in PROJECT.studies
    }
    POINTS = {
        name: system
        for study in STUDIES.values()
        for name, system in study.systems.items()
    }
    IMPROVED = {
        base: load_rounds(PROJECT, base, folder=FOLDER) for base in PROJECT.improve
    }
    ROUNDS = {
        name: system
        for rounds in IMPROVED.values()
        for name, system in rounds.systems.items()
    }
    SYSTEMS = load_systems(PROJECT, folder=FOLDER, points=POINTS | ROUNDS)
    DOWNLOADS = {name: downloads(system) for name, system in SYSTEMS.items()}
except ConfigError as error:
    raise WorkflowError(str(error)) from None

REQUESTED = PROJECT.systems
RESULTS = PROJECT.results
DEVICE = PROJECT.device
N_PROCESSES = PROJECT.training_processes
TORCHRUN = (
    "OMP_NUM_THREADS=1 torchrun --standalone --local-ranks-filter 0"
    f" --nproc-per-node {N_PROCESSES} -m cgpipe.cli.main"
)
MIRROR = PROJECT.mirror
FIGURES = [
    "free_energy",
    "distributions",
    "prior_bonds",
    "prior_angles",
    "prior_dihedrals",
    "prior_repulsion",
    "learning_curves",
    "convergence",
    "diagnostics",
]
PEPTIDE_FIGURES = ["marginals"]
PROTEIN_FIGURES = ["coordinates", "structures", "contacts"]
KINETIC_FIGURES = ["timescales", "chapman_kolmogorov", "transitions"]


def one_of(names):
    """Pattern of a wildcard that takes these values; without any, it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def has_beads_only(system):
    """Whether a system's reference consists of beads already, so that nothing is left to map."""
    return getattr(SYSTEMS[system].reference, "layout", None) == "htmd_calpha"


SHARED = [name for name in SYSTEMS if SYSTEMS[name].reference.kind == "shared"]
SIMULATED = [name for name in SYSTEMS if SYSTEMS[name].reference.kind == "openmm"]
CONVERTED = [name for name in SYSTEMS if name not in SIMULATED + SHARED]
TRANSFERRED = [name for name in SYSTEMS if SYSTEMS[name].train_on]
BEADS_ONLY = [name for name in CONVERTED if has_beads_only(name)]


# Bookkeeping and what needs the network run where Snakemake does, on no node of a cluster.
localrules:
    all,
    figures,
    paper,
    download,
    summary,
    index,
    benchmark,
    benchmarks,


wildcard_constraints:
    system=one_of(SYSTEMS),
    file=r"[^/]+",
    fold=r"\d+",
    index=r"\d+",
    job=r"\d+",
    run=r"(trajectory|check)\d+",
    study=one_of(STUDIES),
    base=one_of(PROJECT.improve),
    ensemble="reference|model|check|data",


def growing(amount):
    """Memory (MB) or time (min) that a job asks for: as much again with every attempt (`retries` of a profile)."""
    return lambda wildcards, attempt: amount * attempt


def gpus(count):
    """GPUs that a job asks for, where the config lets it compute on them."""
    return {} if DEVICE == "cpu" else {"gpu": count, "gpu_manufacturer": "nvidia"}


def section(name):
    """Function of the wildcards: the named config section of the system as an argument."""
    return lambda wildcards: section_argument(getattr(SYSTEMS[wildcards.system], name))


def seed(wildcards):
    """Root of the system's randomness."""
    return PROJECT.seed_of(SYSTEMS[wildcards.system])


def simulated_reference(wildcards):
    """The reference section as far as the simulations of it read it: mean forces come after them."""
    reference = origin(wildcards.system)
    return section_argument(reference.model_copy(update={"mean_force": None}))


def temperature(wildcards):
    """Temperature of the system, K."""
    return SYSTEMS[wildcards.system].reference.temperature_K


def noise_argument(wildcards):
    """Option of `cgpipe prior` for the noise on the frames that the network will train on."""
    noise = SYSTEMS[wildcards.system].training.noise_nm
    return f"--noise {noise}" if noise else ""


def numbered(system, pattern, count):
    """Paths of a system with `{}` running from 0 to count - 1."""
    return [f"{RESULTS}/{system}/{pattern.format(number)}" for number in range(count)]


def owner(system):
    """System whose data a system has: itself, or the one whose reference it shares."""
    return SYSTEMS[system].reference.system if system in SHARED else system


def origin(system):
    """Reference section of the system whose beads a system has: its own, or the one that it shares."""
    return data_of(SYSTEMS[system], SYSTEMS).reference


def n_trajectories(system):
    """Trajectory files of a reference; converted ones are joined in a single file."""
    return getattr(origin(system), "n_trajectories", 1)


def share_arguments(wildcards):
    """Options of `cgpipe share`: how many of another system's frames one file gets."""
    reference, spread = SYSTEMS[wildcards.system].reference, wildcards.run.startswith(
        "mean"
    )
    total = reference.n_mean_forces if spread else reference.n_frames
    n_files = (
        origin(wildcards.system).mean_force.n_jobs
        if spread
        else n_trajectories(wildcards.system)
    )
    index = int(wildcards.run.removeprefix("meanforce" if spread else "trajectory"))
    count = total // n_files + (index < total % n_files)
    return f"--frames {count}" + (" --spread" if spread else "")


def shared_beads(wildcards):
    """Beads of another system that one file shares."""
    return f"{RESULTS}/{owner(wildcards.system)}/beads/{wildcards.run}.h5md"


def judge(system):
    """System whose reference judges the model."""
    return SYSTEMS[system].judged_by or system


def reference_histograms(wildcards):
    """Histograms of the reference that judges the model."""
    return f"{RESULTS}/{judge(wildcards.system)}/analysis/reference.h5"


def downloaded(system, url):
    """Path of a file from the network."""
    return f"{RESULTS}/{system}/download/{file_name(url)}"


def download_arguments(wildcards):
    """Options of `cgpipe download` for one file."""
    wanted = DOWNLOADS[wildcards.system][wildcards.file]
    checksum = ["--sha256", wanted.sha256] if wanted.sha256 else []
    return shlex.join(
        ["--url", wanted.url, "--max-gb", f"{wanted.max_GB:g}", *checksum]
    )


def structure_path(system, structure):
    """Path of a structure that the config names by path, address or RCSB identifier."""
    return str(
        structure_file(structure, downloaded=Path(f"{RESULTS}/{system}/download"))
    )


def start_structure(wildcards):
    """PDB file that a simulated reference starts from, or nothing where it has a sequence."""
    structure = SYSTEMS[wildcards.system].reference.structure
    return [structure_path(wildcards.system, structure)] if structure else []


def native(wildcards):
    """PDB file of the native structure, or nothing."""
    name = owner(judge(wildcards.system))
    structure = native_structure(SYSTEMS[name])
    return [structure_path(name, structure)] if structure else []


def source_files(wildcards):
    """Files that a converted reference is read from."""
    reference = SYSTEMS[wildcards.system].reference
    if reference.kind == "published":
        return [downloaded(wildcards.system, url) for url in reference.files.values()]
    return [
        reference.topology,
        *reference.trajectories,
        *reference.forces,
        *reference.weights,
    ]


def all_biases(wildcards):
    """Biases of a system: of its walkers, or its umbrella windows."""
    bias = SYSTEMS[wildcards.system].reference.bias
    return numbered(
        wildcards.system, "reference/bias{}.json", bias.n_biases if bias else 0
    )


def biases(wildcards):
    """Biases that a recorded trajectory runs under: all of the walkers, or its own window."""
    found = all_biases(wildcards)
    if not has_windows(wildcards.system):
        return found
    return found[int(wildcards.index) % len(found)]


def exchanged(wildcards):
    """Configurations that the trajectory, check or walker of a number starts from, or nothing."""
    start = SYSTEMS[wildcards.system].reference.start_of(int(wildcards.index))
    path = f"{RESULTS}/{wildcards.system}/reference/exchange.h5"
    return [path] if start == "exchanged" else []


def walker_starts(wildcards):
    """Configurations that the walker of a number starts from; windows are written, not built, and start from none."""
    return [] if has_windows(wildcards.system) else exchanged(wildcards)


def exchanged_argument(wildcards, input):
    """The option that names them."""
    return f"--exchange {input.exchange}" if input.exchange else ""


def slow_coordinates(wildcards):
    """Slow coordinates of another system that the bias acts on, or nothing."""
    bias = SYSTEMS[wildcards.system].reference.bias
    slow = bias and bias.tics
    return [f"{RESULTS}/{slow.system}/analysis/tica.h5"] if slow else []


def is_biased(system):
    """Whether a system's own trajectories ran under a bias."""
    return getattr(SYSTEMS[system].reference, "bias", None) is not None


def follows_dynamics(system, ensemble):
    """Whether the frames of an ensemble follow one another as the system moves, so that they have kinetics."""
    if ensemble == "model":
        return SYSTEMS[system].simulation.tempering is None
    return ensemble == "check" or getattr(origin(system), "bias", None) is None


def has_kinetics(system):
    """Whether model and reference of a system can be compared in their kinetics."""
    ensembles = ((system, "model"), (judge(system), "reference"))
    return all(follows_dynamics(name, ensemble) for name, ensemble in ensembles)


def has_windows(system):
    """Whether these trajectories stand in umbrella windows."""
    return is_biased(system) and SYSTEMS[system].reference.bias.windows is not None


def window_weights(wildcards):
    """Weights of the frames of umbrella windows, or nothing."""
    in_window = has_windows(wildcards.system) and wildcards.run.startswith("trajectory")
    return [f"{RESULTS}/{wildcards.system}/reference/weights.h5"] if in_window else []


def trajectories(wildcards):
    """Atomistic trajectories of a system, or of the one whose data it shares."""
    system = owner(wildcards.system)
    return numbered(system, "reference/trajectory{}.h5md", n_trajectories(system))


def bead_trajectories(wildcards):
    """Mapped trajectories."""
    return beads_of(wildcards.system)


def learned_from(system):
    """Systems whose beads train a system's force field."""
    return SYSTEMS[system].train_on or [system]


def holder(system, part):
    """System whose folder has the beads that a system uses: its own if it takes a part of what it shares, by `part`."""
    takes_all = system in SHARED and getattr(SYSTEMS[system].reference, part) is None
    return owner(system) if takes_all else system


def beads_of(system):
    """Mapped trajectories of a system."""
    return numbered(
        holder(system, "n_frames"), "beads/trajectory{}.h5md", n_trajectories(system)
    )


def target_beads(system):
    """A mapped trajectory of a system that learns from others: it tells for which molecule the force field is."""
    return beads_of(system)[:1] if SYSTEMS[system].train_on else []


def mean_forces_of(system):
    """Beads of a system with mean forces, and those of the rounds that made it."""
    section = origin(system).mean_force
    own = numbered(
        holder(system, "n_mean_forces"), "beads/meanforce{}.h5md", section.n_jobs
    )
    return own + [path for name in rounds_of(system) for path in explored_in(name)]


def rounds_of(system):
    """The rounds that made a system, the first one first; none for a system that is no round."""
    before = SYSTEMS[system].improves
    return [*rounds_of(before), system] if before else []


def explored_in(system):
    """Mean forces that one round added."""
    n_jobs = SYSTEMS[system].improve.n_jobs
    return numbered(system, "beads/explored{}.h5md", n_jobs)


def labels_of(system):
    """Groups of files whose forces train a system's force field, one a molecule and kind of label."""
    labels, sources = SYSTEMS[system].training.labels, learned_from(system)
    instantaneous = [beads_of(name) for name in sources if labels != "mean_force"]
    return instantaneous + [
        mean_forces_of(name) for name in sources if labels != "instantaneous"
    ]


def judging_labels(wildcards):
    """Labels that judge the uncertainty: those of least noise."""
    return labels_of(wildcards.system)[-1]


def training_beads(wildcards):
    """Beads that train a force field."""
    system = wildcards.system
    sources = [path for group in labels_of(system) for path in group]
    return sources + [path for path in target_beads(system) if path not in sources]


def training_arguments(wildcards):
    """Options of `cgpipe train` that name the molecules."""
    groups = [["--beads", *group] for group in labels_of(wildcards.system)]
    target = [["--target", path] for path in target_beads(wildcards.system)]
    return " ".join(shlex.join(group) for group in groups + target)


def source_priors(wildcards):
    """Priors of the systems that a force field is transferred from."""
    return [
        f"{RESULTS}/{source}/prior/prior.json"
        for source in learned_from(wildcards.system)
    ]


def source_beads(wildcards):
    """One mapped trajectory of each system that a force field is transferred from."""
    return [beads_of(source)[0] for source in learned_from(wildcards.system)]


def unbiased_check(system):
    """The section of unbiased check trajectories, or None."""
    return getattr(SYSTEMS[system].reference, "unbiased_check", None)


def check_beads(wildcards):
    """Mapped unbiased trajectories that check the reference, if the config asks for them."""
    check = unbiased_check(wildcards.system)
    return numbered(
        wildcards.system, "beads/check{}.h5md", check.n_trajectories if check else 0
    )


def states(wildcards):
    """State space of the system, or nothing for peptides."""
    path = f"{RESULTS}/{judge(wildcards.system)}/analysis/states.h5"
    return [path] if SYSTEMS[wildcards.system].analysis.markov else []


def ensemble(wildcards):
    """Bead trajectories of the reference, the model, the unbiased check, or data that another reference judges."""
    sources = {
        "data": bead_trajectories,
        "reference": bead_trajectories,
        "model": simulations,
        "check": check_beads,
    }
    return sources[wildcards.ensemble](wildcards)


def check_histograms(wildcards):
    """Histograms of the unbiased check, or nothing."""
    path = f"{RESULTS}/{judge(wildcards.system)}/analysis/check.h5"
    return [path] if unbiased_check(judge(wildcards.system)) else []


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
    more = PROTEIN_FIGURES if SYSTEMS[system].analysis.markov else PEPTIDE_FIGURES
    if SYSTEMS[system].analysis.markov and has_kinetics(system):
        more = more + KINETIC_FIGURES
    if has_uncertainty(system):
        more = more + ["uncertainty"]
    if is_biased(system):
        more = more + ["bias"]
    return [
        f"{RESULTS}/{system}/figures/{name}.{kind}"
        for name in FIGURES + more
        for kind in ("png", "pdf")
    ]


def has_uncertainty(system):
    """Whether the folds' spread can be judged: on labels of the molecule that were held out."""
    return system not in TRANSFERRED and bool(SYSTEMS[system].split.test_fraction)


def figure_sources(wildcards):
    """Records that a figure draws."""
    if wildcards.figure == "learning_curves":
        return histories(wildcards)
    uncertainty = f"{RESULTS}/{wildcards.system}/analysis/uncertainty.h5"
    if wildcards.figure == "uncertainty":
        return [uncertainty]
    if wildcards.figure == "bias":
        return [f"{RESULTS}/{wildcards.system}/reference/weights.h5"]
    prior, record = (
        f"{RESULTS}/{wildcards.system}/{name}"
        for name in ("prior/prior.json", "analysis/comparison.h5")
    )
    if wildcards.figure.startswith("prior_"):
        return [prior]
    extrapolates = wildcards.figure == "free_energy" and has_uncertainty(
        wildcards.system
    )
    return [record, uncertainty] if extrapolates else [record]


def title(wildcards):
    """What every figure of a system says of it."""
    description = SYSTEMS[wildcards.system].description
    return f"{wildcards.system}: {description}" if description else wildcards.system


def all_figures():
    """All figures of all systems."""
    return [path for system in REQUESTED for path in system_figures(system)]


def study_comparisons(wildcards):
    """Comparisons of all points of a study."""
    points = STUDIES[wildcards.study].points
    return [
        f"{RESULTS}/{point.system}/{'data_' if point.own_data else ''}comparison.json"
        for point in points
    ]


def study_points(wildcards):
    """What `cgpipe study` is told of each point, in the order of the comparisons, as JSON."""
    points = STUDIES[wildcards.study].points
    return json.dumps([asdict(point) for point in points])


def study_title(wildcards):
    """What the figure says of the study."""
    return STUDIES[wildcards.study].section.description or wildcards.study


def study_labels(wildcards):
    """What the figure writes at each axis, as JSON."""
    axes = STUDIES[wildcards.study].section.axes
    return json.dumps({name: axis.label for name, axis in axes.items()})


def models_before(wildcards):
    """Force fields of the folds of the model that a round improves."""
    before = SYSTEMS[wildcards.system].improves
    return numbered(
        before, "train/fold{}/model.safetensors", SYSTEMS[before].split.n_folds
    )


def simulations_before(wildcards):
    """Simulation of the model that a round improves."""
    before = SYSTEMS[wildcards.system].improves
    return numbered(before, "simulation/job{}.h5md", SYSTEMS[before].simulation.n_jobs)


def improve_keys(*names):
    """Function of the wildcards: some keys of the `improve` section as an argument, which others do not rerun."""

    def given(wildcards):
        section = SYSTEMS[wildcards.system].improve
        return json.dumps({name: getattr(section, name) for name in sorted(names)})

    return given


def round_number(wildcards):
    """How many rounds made a system; each draws its own random numbers."""
    return len(rounds_of(wildcards.system))


def origin_file(name):
    """Function of the wildcards: a file of the system whose atomistic data a round shares."""
    return lambda wildcards: f"{RESULTS}/{owner(wildcards.system)}/{name}"


def comparisons_so_far(wildcards):
    """Comparisons of the start and of all rounds up to one."""
    rounds = rounds_of(wildcards.system)
    names = [SYSTEMS[rounds[0]].improves, *rounds]
    return [f"{RESULTS}/{name}/comparison.json" for name in names]


def comparisons_of_rounds(wildcards):
    """Comparisons of the start and of as many rounds as were worth their price; each decides about the next."""
    names = [wildcards.base]
    for name in IMPROVED[wildcards.base].systems:
        names.append(name)
        decision = checkpoints.gain.get(system=name).output[0]
        if not json.loads(Path(decision).read_text())["go_on"]:
            break
    return [f"{RESULTS}/{name}/comparison.json" for name in names]


def points_of_rounds(wildcards, input):
    """What `cgpipe study` is told of the start and each round, as JSON."""
    points = IMPROVED[wildcards.base].points[: len(input)]
    return json.dumps([asdict(point) for point in points])
