"""From the files of a project to typed sections: read, merge, complete, explain what is wrong."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import Field, ValidationError

from cgpipe.config.base import Section
from cgpipe.config.reference import OpenMMReferenceSection, SharedReferenceSection
from cgpipe.config.sections import SystemConfig
from cgpipe.errors import ConfigError

S = TypeVar("S", bound=Section)
T = TypeVar("T", bound=Section)


class ProjectConfig(Section):
    """The content of `config/config.yaml`."""

    systems: list[str]
    """Names of files under `config/systems/`."""
    studies: list[str] = []
    """Names of files under `config/studies/`, made by `snakemake study`."""
    improve: list[str] = []
    """Systems whose models `snakemake improve` makes better, round by round."""
    seed: int = 2020
    """Root of all randomness."""
    results: str = "results"
    """Folder of the results."""
    device: str = "cpu"
    """Where training and simulation compute: cpu, cuda, or auto for the GPU where there is one."""
    training_processes: Annotated[int, Field(ge=1)] = 1
    """Processes that share every batch of a training, on GPUs one a device; it changes results by rounding errors."""
    mirror: dict[str, str] = Field(default_factory=dict)
    """Where to fetch instead: from the beginning of an address to another address, or to a folder."""
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Changes to a system's file, by system, merged section by section."""

    def seed_of(self, system: SystemConfig) -> int:
        """Root of a system's randomness."""
        return self.seed if system.seed is None else system.seed


def read_yaml(path: Path) -> dict[str, Any]:
    """Mapping in a YAML file. Raises ConfigError if it is missing, not YAML or not a mapping."""
    if not _is_file(path):
        raise ConfigError(
            f"there is no file {str(path)[:200]}; `cgpipe new NAME --sequence SEQ` writes a system's config"
        )
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:  # dates that are none, bytes, deep nesting
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds {type(content).__name__}, expected a mapping of sections")
    return content


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long: perhaps JSON that lost its beginning
        return False


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Base with the changes laid over it; mappings are merged key by key, other values replaced.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def complete(section: type[S], values: Mapping[str, Any], source: str) -> S:
    """Section with all defaults filled in. Raises ConfigError that names the source, the key and the remedy."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(section, item, source) for item in error.errors())) from error


def _explain(section: type[Section], item: Any, source: str) -> str:
    keys, known = _walk(section, item["loc"])
    key = ".".join(keys)
    if item["type"] != "extra_forbidden":
        return f"{source}: `{key}`: {item['msg']} (given: {item['input']!r})"
    return f"{source}: unknown key `{key}`; known here: {', '.join(known)}"


def _walk(section: type[Section], location: tuple[str | int, ...]) -> tuple[list[str], list[str]]:
    """Keys of a location without the tags of alternatives, and the keys known where it ends."""
    keys, here = [], [section]
    for part in location:
        if len(here) > 1:  # alternatives, told apart by `kind`
            here = [option for option in here if part in get_args(option.model_fields["kind"].annotation)]
            continue
        keys.append(str(part))
        field = here[0].model_fields.get(str(part))
        here = (_sections_in(field.annotation) if field else []) or here
    return keys, list(here[0].model_fields)


def _sections_in(annotation: Any) -> list[type[Section]]:
    """Sections that a field may hold, alternatives and optional ones included."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _sections_in(argument)]


def load_project(values: Mapping[str, Any], *, source: str = "config/config.yaml") -> ProjectConfig:
    """Project settings from the mapping that Snakemake or a file gives."""
    return complete(ProjectConfig, values, source=source)


def load_system(project: ProjectConfig, name: str, *, folder: Path) -> SystemConfig:
    """Completed configuration of one system: its file under `folder`, then the project's overrides."""
    path = folder / f"{name}.yaml"
    system = complete(SystemConfig, merge(read_yaml(path), project.overrides.get(name, {})), source=str(path))
    if system.improves is not None:
        raise ConfigError(f"{path}: `improves` is set by the rounds of `snakemake improve`; leave it out")
    return system


def load_systems(
    project: ProjectConfig, *, folder: Path, points: Mapping[str, SystemConfig] | None = None
) -> dict[str, SystemConfig]:
    """The systems of a project and the points of its studies, then all that these name.

    Raises ConfigError if a system cannot be made from those that it names.
    """
    known = {name: load_system(project, name, folder=folder) for name in project.systems} | dict(points or {})
    waiting = list(known.values())
    while waiting:
        for other in others_of(waiting.pop()):
            if other not in known:
                known[other] = load_system(project, other, folder=folder)
                waiting.append(known[other])
    for name in known:
        _require_sound(name, known)
        _require_judge(name, known, project)
    return known


def others_of(system: SystemConfig) -> list[str]:
    """Systems that a system names."""
    shared = system.reference.system if isinstance(system.reference, SharedReferenceSection) else None
    names = (*system.train_on, system.judged_by, system.improves, shared, _slow_source(system))
    return [name for name in names if name is not None]


def _slow_source(system: SystemConfig) -> str | None:
    """System whose slow coordinates bias a system's reference, or None."""
    bias = system.reference.bias if isinstance(system.reference, OpenMMReferenceSection) else None
    return None if bias is None or bias.tics is None else bias.tics.system


def _require_sound(name: str, systems: Mapping[str, SystemConfig]) -> None:
    """Raises ConfigError if a system cannot be made from those that it names."""
    system = systems[name]
    for source in system.train_on:
        if systems[source].train_on:
            raise ConfigError(
                f"{name}: train_on names {source}, which is itself trained on others; name "
                f"{', '.join(systems[source].train_on)} instead"
            )
    if isinstance(system.reference, SharedReferenceSection):
        shared = data_of(system, systems)
        same = (shared.mapping, shared.reference.temperature_K) == (system.mapping, system.reference.temperature_K)
        if not isinstance(shared.reference, OpenMMReferenceSection) or not same:
            raise ConfigError(
                f"{name} shares the beads of {system.reference.system}, which must have a reference of kind openmm and "
                "the same `mapping` and temperature"
            )
        require_shareable(name, system.reference, shared.reference, labels=system.training.labels)
    slow = _slow_source(system)
    if slow is not None and (systems[slow].analysis.markov is None or _slow_source(data_of(systems[slow], systems))):
        raise ConfigError(
            f"{name}: reference.bias.tics names {slow}, which has no slow coordinates of its own before {name} is "
            "simulated; name a system of the same protein with analysis.markov, not itself biased along `tics`"
        )
    sources = [systems[source] for source in system.train_on or [name]]
    if system.training.noise_nm and not all(_is_drawn_by_weight(source, systems) for source in sources):
        raise ConfigError(
            f"{name}: training.noise_nm needs frames that follow the Boltzmann distribution; its data are biased, "
            "start from other than native structures or are weighted by a Markov model. Set it to 0"
        )
    if differing := [part for part in system.train_on if systems[part].training.noise_nm != system.training.noise_nm]:
        raise ConfigError(
            f"{name}: training.noise_nm differs from that of {', '.join(differing)}, whose priors it takes over; make "
            "them equal"
        )
    if system.training.labels != "instantaneous" and not all(_makes_mean_forces(s, systems) for s in sources):
        raise ConfigError(
            f"{name}: training.labels is {system.training.labels}, but its reference makes no mean forces; "
            "add reference.mean_force, which needs a reference of kind openmm"
        )


def require_shareable(
    name: str, shared: SharedReferenceSection, source: OpenMMReferenceSection, *, labels: str
) -> None:
    """Raises ConfigError if more is asked of a reference than it has, or too little for each of its files.

    labels : as in `training`
    """
    averages = source.mean_force
    if shared.n_frames is not None and labels != "instantaneous":
        raise ConfigError(
            f"{name}: reference.n_frames leaves out frames, but mean forces start from all of them, so that held-out "
            "labels would lie among the frames that train; leave n_frames out, or set training.labels: instantaneous"
        )
    for key, wanted, n_files, present in (
        ("n_frames", shared.n_frames, source.n_trajectories, source.n_frames),
        (
            "n_mean_forces",
            shared.n_mean_forces,
            1 if averages is None else averages.n_jobs,
            0 if averages is None else averages.n_configurations,
        ),
    ):
        if wanted is not None and wanted > present:
            raise ConfigError(f"{name}: reference.{key} is {wanted}, but the shared reference has {present:g}")
        if wanted is not None and wanted < n_files:
            raise ConfigError(f"{name}: reference.{key} is {wanted}, which {n_files} files cannot share; raise it")


def data_of(system: SystemConfig, systems: Mapping[str, SystemConfig]) -> SystemConfig:
    """The system whose beads a system has: itself, or the one whose reference it shares."""
    reference = system.reference
    return systems[reference.system] if isinstance(reference, SharedReferenceSection) else system


def _require_judge(name: str, systems: Mapping[str, SystemConfig], project: ProjectConfig) -> None:
    """Raises ConfigError if a system's judge looks at other things, or at the data that train the system."""
    system = systems[name]
    if system.judged_by is None:
        return
    judge = systems[system.judged_by]
    for key in ("mapping", "analysis"):
        if getattr(judge, key) != getattr(system, key):
            raise ConfigError(f"{name} is judged by {system.judged_by}, whose `{key}` differs; both must look alike")
    if judge.reference.temperature_K != system.reference.temperature_K:
        raise ConfigError(f"{name} is judged by {system.judged_by}, whose temperature differs")
    judging = data_of(judge, systems)
    for data in (data_of(systems[source], systems) for source in system.train_on or [name]):
        if _are_same_data(judging, data, project):
            raise ConfigError(
                f"{name} is judged by {system.judged_by}, which has the random numbers, or the files, of its own data; "
                "give the judge a `seed` of its own, or other files"
            )


def _are_same_data(first: SystemConfig, second: SystemConfig, project: ProjectConfig) -> bool:
    """Whether the atomistic data of two systems are one, or would have the same random numbers."""
    if isinstance(first.reference, OpenMMReferenceSection) and isinstance(second.reference, OpenMMReferenceSection):
        return project.seed_of(first) == project.seed_of(second)
    return first.reference == second.reference


def _is_drawn_by_weight(system: SystemConfig, systems: Mapping[str, SystemConfig]) -> bool:
    """Whether the frames of a system's data have equal weights, as far as its config tells."""
    data = data_of(system, systems)
    reference = data.reference
    if isinstance(reference, OpenMMReferenceSection) and (
        reference.bias is not None or not {*reference.starts} <= {"native", "exchanged"}
    ):
        return False
    return not data.analysis.reweights


def _makes_mean_forces(system: SystemConfig, systems: Mapping[str, SystemConfig]) -> bool:
    reference = data_of(system, systems).reference
    return isinstance(reference, OpenMMReferenceSection) and reference.mean_force is not None


def plain(section: Section) -> dict[str, Any]:
    """Section as plain values, typed and complete: 290 and 290.0 give the same."""
    return section.model_dump(mode="json")


def section_argument(section: Section) -> str:
    """Section as one line of JSON with sorted keys, as the rules hand it to `cgpipe`."""
    return json.dumps(plain(section), sort_keys=True)


def parse_section(section: type[S], text: str) -> S:
    """Section from the command line: JSON text, or the path of a YAML file that holds it."""
    return complete(section, *_given(text))


def parse_alternative(options: tuple[type[S], type[T]], text: str) -> S | T:
    """Section of the option whose `kind` the text gives; otherwise like `parse_section`."""
    values, source = _given(text)
    kinds = {option.model_fields["kind"].default: option for option in options}
    if values.get("kind") not in kinds:
        raise ConfigError(f"{source}: `kind` is {values.get('kind')!r}, expected one of {', '.join(kinds)}")
    chosen: type[S | T] = kinds[values["kind"]]
    return complete(chosen, values, source)


def _given(text: str) -> tuple[dict[str, Any], str]:
    """Values on the command line, and what to call their source."""
    if not text.lstrip().startswith("{"):
        return read_yaml(Path(text)), text
    try:
        return json.loads(text), "--section"
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--section is neither a file nor JSON: {error}") from error
