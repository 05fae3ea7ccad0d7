"""The atomistic system, minimised, and the platform that runs it fastest here."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import app, unit

from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.plain import from_plain
from cgpipe.data.topology import Topology, from_mdtraj, to_mdtraj
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.solvent import solvate
from cgpipe.reference.structure import build_peptide, extended_like, force_field_errors, protonate, read_structure
from cgpipe.units import FEMTOSECOND

_TRIAL_SECONDS = 1.0
_PLATFORM_PROPERTIES = {
    "CPU": {"Threads": "1", "DeterministicForces": "true"},
    "CUDA": {"DeterministicForces": "true"},
    "OpenCL": {"Precision": "mixed"},
}
"""One thread a process, because trajectories run side by side; the rest is for equal bits from equal seeds."""


@dataclass(frozen=True)
class AtomisticSystem:
    """Everything that a trajectory needs to start."""

    topology: Topology
    """Of the molecule; water and ions, where there are any, come after its atoms and are never recorded."""
    starts: dict[str, NDArray[np.float64]]
    """By name, (n_particles, 3), nm, minimised."""
    system: openmm.System
    platform: str

    @property
    def constraints(self) -> NDArray[np.intp]:
        """Atom pairs of the molecule held at fixed distance, (n_constraints, 2)."""
        pairs = [self.system.getConstraintParameters(k)[:2] for k in range(self.system.getNumConstraints())]
        inside = [pair for pair in pairs if max(pair) < self.topology.n_sites]
        return np.array(inside, dtype=np.intp).reshape(-1, 2)


def build_system(section: OpenMMReferenceSection, structure: Path | None = None) -> AtomisticSystem:
    """Structure, parameters, minima and platform of a reference system.

    structure : PDB file of the native structure, where the section has no sequence
    Raises ConfigError for unknown force field files, DataError for structures that they do not describe.
    """
    force_field = _force_field(section)
    native = build_peptide(section.sequence) if section.sequence else read_structure(_required(structure))
    heavy = app.Modeller(native.topology, native.positions)
    variants = protonate(native, force_field)
    topology = from_mdtraj(mdtraj.Topology.from_openmm(native.topology))
    if section.solvent is not None:
        solvate(native, force_field, section.solvent)
    system = _parametrise(native, force_field, section)
    starts = {"native": _minimise(system, native.positions)}
    if "extended" in section.starts:
        chain = extended_like(heavy)
        protonate(chain, force_field, variants)
        starts["extended"] = _minimise(system, _in_order_of(native.topology, chain))
    platform = _fastest_platform(system, starts["native"], section) if section.platform == "auto" else section.platform
    return AtomisticSystem(topology, starts, system, platform)


def _required(structure: Path | None) -> Path:
    if structure is None:
        raise ConfigError("the section names a structure; give its file with --structure")
    return structure


def _parametrise(modeller: app.Modeller, force_field: app.ForceField, section: OpenMMReferenceSection) -> openmm.System:
    options: dict[str, Any] = {"nonbondedMethod": app.NoCutoff}
    if section.solvent is not None:
        options = {"nonbondedMethod": app.PME, "nonbondedCutoff": section.solvent.cutoff_nm}
    with force_field_errors(modeller):
        return force_field.createSystem(
            modeller.topology,
            constraints=app.HBonds if section.constraints == "h_bonds" else None,
            hydrogenMass=section.hydrogen_mass_amu,
            removeCMMotion=False,
            **options,
        )


def _in_order_of(topology: app.Topology, chain: app.Modeller) -> NDArray[np.float64]:
    """Positions of a chain of the same residues in the order of another topology, (n_atoms, 3), nm."""
    positions = np.array(chain.positions.value_in_unit(unit.nanometer))
    place = {(atom.residue.index, atom.name): k for k, atom in enumerate(chain.topology.atoms())}
    keys = [(atom.residue.index, atom.name) for atom in topology.atoms()]
    if missing := sorted(set(keys) ^ set(place)):
        raise DataError(
            f"an extended chain of this structure would differ in the atoms {missing[:4]}; disulfide bridges and "
            "ligands cannot be unfolded: leave `extended` out of reference.starts and use `heated`"
        )
    return np.asarray(positions[[place[key] for key in keys]])


def _force_field(section: OpenMMReferenceSection) -> app.ForceField:
    try:
        return app.ForceField(*section.force_field)
    except (ValueError, OSError) as error:
        raise ConfigError(f"reference.force_field {section.force_field} cannot be loaded: {error}") from error


def _minimise(system: openmm.System, positions: Any) -> NDArray[np.float64]:
    platform = "CPU" if system.usesPeriodicBoundaryConditions() else "Reference"  # whose PME is hopelessly slow
    context = create_context(system, openmm.VerletIntegrator(FEMTOSECOND), platform)
    context.setPositions(positions)
    openmm.LocalEnergyMinimizer.minimize(context)
    state = context.getState(positions=True, energy=True)
    if not np.isfinite(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)):
        raise DataError("the start structure has no finite energy after minimisation; check it for overlapping atoms")
    minimised: NDArray[np.float64] = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    return minimised


def create_context(system: openmm.System, integrator: openmm.Integrator, platform: str) -> openmm.Context:
    """Context on a platform. Raises ConfigError that lists the platforms of this machine."""
    with _platform_errors(platform):
        kind = openmm.Platform.getPlatformByName(platform)
        return openmm.Context(system, integrator, kind, _PLATFORM_PROPERTIES.get(platform, {}))


def create_simulation(atomistic: AtomisticSystem, section: OpenMMReferenceSection) -> app.Simulation:
    """What OpenMM's samplers work on. Raises ConfigError that lists the platforms of this machine."""
    topology, integrator = to_mdtraj(atomistic.topology).to_openmm(), langevin(section)
    with _platform_errors(atomistic.platform):
        kind = openmm.Platform.getPlatformByName(atomistic.platform)
        properties = _PLATFORM_PROPERTIES.get(atomistic.platform, {})
        return app.Simulation(topology, atomistic.system, integrator, kind, properties)


@contextmanager
def _platform_errors(platform: str) -> Iterator[None]:
    try:
        yield
    except openmm.OpenMMException as error:
        known = [openmm.Platform.getPlatform(k).getName() for k in range(openmm.Platform.getNumPlatforms())]
        raise ConfigError(f"OpenMM platform {platform!r} does not work here ({error}); present: {known}") from error


def langevin(section: OpenMMReferenceSection) -> openmm.LangevinMiddleIntegrator:
    """Integrator of the section. DOI 10.1021/acs.jpca.9b02771."""
    return openmm.LangevinMiddleIntegrator(
        section.temperature_K, section.friction_per_ps, section.timestep_fs * FEMTOSECOND
    )


def n_steps(duration: float, section: OpenMMReferenceSection) -> int:
    """Steps of the section's integrator in a duration, ps."""
    return round(duration / (section.timestep_fs * FEMTOSECOND))


def _fastest_platform(system: openmm.System, positions: NDArray[np.float64], section: OpenMMReferenceSection) -> str:
    """Platform with most steps a second: the hand-over between threads makes CPU slow for small systems."""
    rates = {}
    for index in range(openmm.Platform.getNumPlatforms()):
        name = openmm.Platform.getPlatform(index).getName()
        try:
            rates[name] = _steps_per_second(system, positions, section, name)
        except (ConfigError, openmm.OpenMMException):
            continue  # a platform whose device is absent
    return max(rates, key=lambda name: rates[name])


def _steps_per_second(
    system: openmm.System, positions: NDArray[np.float64], section: OpenMMReferenceSection, platform: str
) -> float:
    integrator = langevin(section)
    context = create_context(system, integrator, platform)
    context.setPositions(positions)
    integrator.step(5)  # compiles kernels
    n_steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < _TRIAL_SECONDS:
        integrator.step(20)
        context.getState(positions=True)  # waits for devices that work ahead
        n_steps += 20
    return n_steps / elapsed


def to_plain(atomistic: AtomisticSystem) -> dict[str, Any]:
    """As values for JSON; the OpenMM system stands in its own XML text."""
    return {
        "topology": atomistic.topology.to_plain(),
        "starts_nm": {name: positions.tolist() for name, positions in atomistic.starts.items()},
        "platform": atomistic.platform,
        "system": openmm.XmlSerializer.serialize(atomistic.system),
    }


@dataclass(frozen=True)
class _Plain:
    """What `to_plain` gives, as types."""

    topology: Topology
    starts_nm: dict[str, list[tuple[float, float, float]]]
    platform: str
    system: str


def system_from_plain(values: Any, *, source: str) -> AtomisticSystem:
    """From what `to_plain` gave, after a round through JSON. Raises DataError that names the source."""
    plain = from_plain(_Plain, values, source=source)
    try:
        system = openmm.XmlSerializer.deserialize(plain.system)
    except (openmm.OpenMMException, ValueError) as error:
        raise DataError(f"{source} holds no OpenMM system: {error}; delete the file and run again") from error
    starts = {name: np.array(positions) for name, positions in plain.starts_nm.items()}
    return AtomisticSystem(plain.topology, starts, system, plain.platform)


def pdb_text(topology: Topology, positions: NDArray[np.floating[Any]]) -> str:
    """One structure as PDB text; positions (n_atoms, 3), nm."""
    frame = mdtraj.Trajectory(positions[None], to_mdtraj(topology))
    with tempfile.NamedTemporaryFile(suffix=".pdb") as file:
        frame.save_pdb(file.name)
        return Path(file.name).read_text()
