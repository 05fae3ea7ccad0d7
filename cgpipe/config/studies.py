"""Studies: one system varied along several axes, each point with several seeds, all against one judge.

Every seed has atomistic data of its own; the points of a seed share them. Points are systems like any other, so the
rules know nothing of studies but their names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from cgpipe.config.base import Section
from cgpipe.config.project import ProjectConfig, complete, load_system, merge, plain, read_yaml, require_shareable
from cgpipe.config.reference import OpenMMReferenceSection, SharedReferenceSection
from cgpipe.config.sections import SystemConfig
from cgpipe.errors import ConfigError
from cgpipe.units import PICOSECONDS_PER_NANOSECOND

PointName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+$")]


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("seeds must differ from one another")
    return seeds


class AxisSection(Section):
    """One thing that is varied."""

    label: str
    """What the figure writes at the axis."""
    points: Annotated[dict[PointName, dict[str, Any]], Field(min_length=1)]
    """Changes to the system, by the value that the figure shows; numbers make an axis of numbers."""


class StudySection(Section):
    """The content of a file under `config/studies/`."""

    description: str = ""
    base: str
    """System that is varied; its reference is simulated once for each seed."""
    judged_by: str
    """System whose reference judges all points; it must not share data with them."""
    seeds: Annotated[list[int], Field(min_length=1), AfterValidator(_distinct)]
    overrides: dict[str, Any] = {}
    """Changes to the system that all points have."""
    axes: Annotated[dict[PointName, AxisSection], Field(min_length=1)]


@dataclass(frozen=True)
class Point:
    """One system of a study: its model, or the frames that models learn from."""

    axis: str
    value: str
    seed: int
    system: str
    atomistic_ns: float
    """Atomistic simulation that its training data took: biases, trajectories as far as used, mean forces."""
    unchanged: bool = False
    """Whether it is the system that all other points are changes of."""
    own_data: bool = False
    """Whether it is no model but the recorded frames of a seed, with their weights."""


@dataclass(frozen=True)
class Study:
    """A study and the systems that it consists of."""

    section: StudySection
    points: tuple[Point, ...]
    systems: dict[str, SystemConfig]
    """The points, and the base of every seed; the judge is a system of the project."""


def load_study(project: ProjectConfig, name: str, *, folder: Path, systems: Path) -> Study:
    """The study of a file under `folder`. Raises ConfigError if it or one of its points is not valid."""
    path = folder / f"{name}.yaml"
    section = complete(StudySection, read_yaml(path), source=str(path))
    base = plain(load_system(project, section.base, folder=systems))
    points, derived = [], {}
    for seed in section.seeds:
        root = f"studies/{name}/seed{seed}"
        own = {"seed": seed, "judged_by": section.judged_by}
        origin = _system(merge(merge(base, section.overrides), own), path)
        if not isinstance(origin.reference, OpenMMReferenceSection):
            raise ConfigError(
                f"{path}: {section.base} has a reference of kind {origin.reference.kind}, expected openmm"
            )
        derived[root] = origin
        shared = SharedReferenceSection(system=root, temperature_K=origin.reference.temperature_K)
        for axis, value, changes in _points(section):
            system = f"studies/{name}/{axis}={value}/seed{seed}"
            values = merge({**plain(origin), "reference": plain(shared)}, changes)
            derived[system] = point = _system(values, path)
            if not isinstance(point.reference, SharedReferenceSection):
                raise ConfigError(f"{path}: {system} changes reference.kind; vary the base instead")
            require_shareable(system, point.reference, origin.reference, labels=point.training.labels)
            ns = atomistic_ns(point.training.labels, point.reference, origin.reference)
            points.append(Point(axis, value, seed, system, ns, unchanged=not changes))
        if not origin.analysis.reweights:  # by states of its own, where those of the judge compare
            ns = atomistic_ns("instantaneous", shared, origin.reference)
            points.append(Point("own data", "frames", seed, root, ns, own_data=True))
    return Study(section, tuple(points), derived)


def _points(section: StudySection) -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, value, changes) for name, axis in section.axes.items() for value, changes in axis.points.items()]


def _system(values: dict[str, Any], path: Path) -> SystemConfig:
    return complete(SystemConfig, values, source=str(path))


def atomistic_ns(labels: str, shared: SharedReferenceSection, origin: OpenMMReferenceSection) -> float:
    """Atomistic simulation behind the labels of a system that shares a reference, ns; labels as in `training`.

    Mean forces start from frames of all trajectories, so all of those count then. The force map is a property of the
    data that are shared, and was fitted to all their frames. What another system's slow coordinates took, along which
    a bias acts, does not count.
    """
    bias = origin.bias
    averaged = labels != "instantaneous"
    recorded = (origin.n_frames if averaged else shared.n_frames or origin.n_frames) * origin.frame_interval_ps
    walkers = 0 if bias is None or bias.windows is not None else bias.n_walkers
    total = recorded + sum(_preparation_ps(origin, k) for n in (origin.n_trajectories, walkers) for k in range(n))
    if origin.exchange is not None:
        total += (1 + len(origin.exchange.temperatures_K)) * (
            origin.exchange.length_ns * PICOSECONDS_PER_NANOSECOND + origin.equilibration_ps
        )
    if bias is not None:
        total += walkers * bias.build_length_ns * PICOSECONDS_PER_NANOSECOND
    if averaged and origin.mean_force is not None:
        each = origin.mean_force.equilibration_ps + origin.mean_force.length_ps
        total += each * (shared.n_mean_forces or origin.mean_force.n_configurations)
    return total / PICOSECONDS_PER_NANOSECOND


def _preparation_ps(origin: OpenMMReferenceSection, index: int) -> float:
    """What the trajectory, or walker, of a number takes before it is recorded, or builds its bias."""
    heating = origin.heating.length_ps if origin.start_of(index) == "heated" else 0.0
    pressure = 0.0 if origin.solvent is None else origin.solvent.pressure_equilibration_ps
    return heating + pressure + origin.equilibration_ps
