"""Forces on atoms that are held, averaged over all others: labels of force matching without most of their noise.

The average converges to the mean force of the same map, because forces and constraints stay those of the free molecule
(Ciccotti et al. 2005, DOI 10.1002/cphc.200400669). Held atoms count as infinitely heavy in the metric of constraints
that share one, which weighs angles like H-C-H by some 0.01 kT otherwise. A start drawn from a trajectory, biased on the
beads or not, has all other atoms in equilibrium already, so that even a short average is unbiased.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import openmm
from numpy.typing import NDArray

from cgpipe.config.reference import MeanForceSection
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import UnstableError
from cgpipe.progress import Progress
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.system import AtomisticSystem
from cgpipe.seeding import integer_seed

_HELD_MASS = 1e15
"""amu, so that thermal motion is 1e-7 nm; OpenMM holds massless atoms exactly, but allows them no constraints."""


def with_held(atomistic: AtomisticSystem, atoms: NDArray[np.intp]) -> AtomisticSystem:
    """The system with some atoms too heavy to move."""
    system = openmm.XmlSerializer.clone(atomistic.system)
    for atom in atoms:
        system.setParticleMass(int(atom), _HELD_MASS)
    return replace(atomistic, system=system)


@dataclass(frozen=True)
class Lead:
    """Where held atoms are led before an average, in a straight line, while all others follow."""

    atoms: NDArray[np.intp]
    """(n_held,)."""
    targets: NDArray[np.float64]
    """(n_configurations, n_held, 3), nm."""
    duration: float
    """ps."""


def superposed_on(
    positions: NDArray[np.floating], atoms: NDArray[np.intp], target: NDArray[np.floating]
) -> NDArray[np.float64]:
    """All positions, (n_atoms, 3), nm, moved as a rigid body so that some atoms lie nearest to a target, (n_held, 3).

    Kabsch 1976, DOI 10.1107/S0567739476001873.
    """
    centre, goal = positions[atoms].mean(axis=0), target.mean(axis=0)
    u, _, vh = np.linalg.svd((positions[atoms] - centre).T @ (target - goal))
    u[:, 2] *= np.sign(np.linalg.det(u @ vh))  # a rotation, no reflection
    return np.asarray((positions - centre) @ (u @ vh) + goal, dtype=np.float64)


@dataclass(frozen=True)
class MeanForce:
    """Forces of one configuration."""

    mean: NDArray[np.float64]
    """(n_atoms, 3), kJ/mol/nm."""
    deviation: NDArray[np.float64]
    """Half the difference of the means of both halves, (n_atoms, 3). Its square estimates the variance of the mean: too
    low for what moves more slowly than the average is long, such as rotamers, which are the same in both halves; too
    high for vibrations that the halves see in opposite phase."""


def record_mean_forces(
    dynamics: Dynamics,
    section: MeanForceSection,
    starts: NDArray[np.floating],
    *,
    name: str,
    root_seed: int,
    per_segment: int,
    store: SegmentStore,
    lead: Lead | None = None,
) -> None:
    """Mean forces of all configurations into `store`, from where an earlier run stopped.

    starts : (n_configurations, n_atoms, 3), nm
    lead   : whither the held atoms of each start are led first; the forces of one that cannot be led are NaN
    A segment holds positions, forces and deviations, (n_configurations, n_atoms, 3) each.
    """
    firsts = range(0, len(starts), per_segment)
    done = min(store.n_segments * per_segment, len(starts))
    with Progress(name, total=len(starts), unit="configurations", done=done) as progress:
        for first in firsts[store.n_segments :]:
            dynamics.renew(integer_seed(root_seed, name, first))
            chosen = starts[first : first + per_segment].astype(np.float64)
            part = None if lead is None else replace(lead, targets=lead.targets[first : first + per_segment])
            seed = integer_seed(root_seed, name, "velocities", first)
            found = list(_mean_forces(dynamics, section, chosen, seed, part))
            if part is not None:
                chosen[:, part.atoms] = part.targets
            frames = {
                "positions": chosen.astype(np.float32),
                "forces": np.array([force.mean for force in found], dtype=np.float32),
                "deviations": np.array([force.deviation for force in found], dtype=np.float32),
            }
            store.append(frames, {})
            progress.update(len(chosen))


def _mean_forces(
    dynamics: Dynamics, section: MeanForceSection, starts: NDArray[np.floating], seed: int, lead: Lead | None
) -> Iterator[MeanForce]:
    for index, positions in enumerate(starts):
        if lead is None:
            dynamics.place(positions, seed + index)
            yield _average(dynamics, section)
            continue
        target = lead.targets[index]
        dynamics.place(superposed_on(positions, lead.atoms, target), seed + index, centred=False)
        try:
            dynamics.lead(lead.atoms, target, lead.duration)
            yield _average(dynamics, section)
        except UnstableError:
            nothing = np.full(positions.shape, np.nan)
            yield MeanForce(nothing, nothing)


def _average(dynamics: Dynamics, section: MeanForceSection) -> MeanForce:
    if section.equilibration_ps:
        dynamics.step(section.equilibration_ps)
    n_half = max(1, round(section.length_ps / section.sample_interval_ps / 2))
    halves = [_mean_of(dynamics, section.sample_interval_ps, n_half) for _ in range(2)]
    return MeanForce((halves[0] + halves[1]) / 2, (halves[0] - halves[1]) / 2)


def _mean_of(dynamics: Dynamics, interval: float, n_samples: int) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.zeros(())
    for _ in range(n_samples):
        dynamics.step(interval)
        total = total + dynamics.frame()[1]
    return total / n_samples
