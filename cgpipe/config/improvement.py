"""Rounds of active learning: systems that share the data of one, and add mean forces where its last model is unsure.

Rounds are systems like any other, so the rules know nothing of them but their names and what they improve.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cgpipe.config.project import ProjectConfig, load_system
from cgpipe.config.reference import OpenMMReferenceSection, SharedReferenceSection
from cgpipe.config.sections import SystemConfig
from cgpipe.config.studies import Point, atomistic_ns
from cgpipe.errors import ConfigError


def round_name(base: str, number: int) -> str:
    """Name of a round of a system, which is also its folder of results; round 0 is the system itself."""
    return f"improve/{base}/round{number}" if number else base


@dataclass(frozen=True)
class Rounds:
    """The rounds that a system may need."""

    systems: dict[str, SystemConfig]
    """By name, the first round first."""
    points: tuple[Point, ...]
    """What `cgpipe study` is told of the system itself and of each round."""


def load_rounds(project: ProjectConfig, base: str, *, folder: Path) -> Rounds:
    """All rounds of a system. Raises ConfigError if it cannot be improved."""
    system = load_system(project, base, folder=folder)
    reference, seed = system.reference, project.seed_of(system)
    if not isinstance(reference, OpenMMReferenceSection) or system.training.labels == "instantaneous":
        raise ConfigError(
            f"{base} cannot be improved: rounds add mean forces, so it needs a reference of kind openmm with "
            "`mean_force`, and training.labels mean_force or both"
        )
    if system.train_on:
        raise ConfigError(f"{base} cannot be improved: it learns from {', '.join(system.train_on)}, improve these")
    shared = SharedReferenceSection(system=base, temperature_K=reference.temperature_K)
    names = [round_name(base, number) for number in range(system.improve.n_rounds + 1)]
    changes = {"reference": shared, "seed": seed}
    systems = {name: system.model_copy(update={**changes, "improves": before}) for before, name in pairwise(names)}
    start, each = atomistic_ns(system.training.labels, shared, reference), system.improve.atomistic_ns
    points = [Point("round", str(k), seed, name, start + k * each) for k, name in enumerate(names)]
    return Rounds(systems, tuple(points))
