"""The atomistic system in motion: steps, frames with unbiased forces, and a bias that may be replaced."""

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from cgpipe.config.reference import OpenMMReferenceSection, SolventSection, Start
from cgpipe.data.segments import Arrays
from cgpipe.errors import UnstableError
from cgpipe.reference.bias import BIAS_GROUP, Bias, bias_force, update_force, variable_values
from cgpipe.reference.solvent import barostat
from cgpipe.reference.system import AtomisticSystem, create_context, langevin, n_steps
from cgpipe.seeding import integer_seed

_UNBIASED = set(range(BIAS_GROUP))
_STAGE = 0.02
"""ps; between small moves of atoms that are led."""
_CONSTRAINT_TOLERANCE = 1e-6
_REMEDY = "lower reference.timestep_fs or raise reference.hydrogen_mass_amu"


class Dynamics:
    """A context on the unbiased system plus, where given, a bias in its own force group.

    start : which of the system's start structures a new trajectory begins with, or `heated`
    """

    def __init__(
        self,
        atomistic: AtomisticSystem,
        section: OpenMMReferenceSection,
        bias: Bias | None = None,
        *,
        start: Start = "native",
    ) -> None:
        self._section, self._atomistic, self._start = section, atomistic, start
        self._n_atoms = atomistic.topology.n_sites
        system = openmm.XmlSerializer.clone(atomistic.system)
        self._bias, self._force = bias, None if bias is None else bias_force(bias, system.getNumParticles())
        if self._force is not None:
            system.addForce(self._force)
        self._periodic = system.usesPeriodicBoundaryConditions()
        self._integrator = langevin(section)
        self._context = create_context(system, self._integrator, atomistic.platform)

    def begin(self, state: Arrays | None, seed: int) -> None:
        """Start a segment from a state, or at the start structure with thermal velocities and an equilibration."""
        self.renew(seed)
        if state is not None:
            self._set(state)
            return
        start = self._atomistic.starts["native" if self._start == "heated" else self._start]
        self.place(start, integer_seed(seed, "velocities"))  # equal to the thermostat's, it would draw the same numbers
        if self._start == "heated":
            self._heat()
        if self._section.solvent is not None:
            self._set(self._at_pressure(self._section.solvent, integer_seed(seed, "pressure")))
        self.step(self._section.equilibration_ps)

    def renew(self, seed: int) -> None:
        """Begin the thermostat's noise anew; positions and velocities must be set after it."""
        self._integrator.setRandomNumberSeed(seed)
        self._context.reinitialize()

    def place(self, positions: NDArray[np.floating], seed: int, *, centred: bool = True) -> None:
        """Set positions, (n_particles, 3), nm, with the molecule at the origin or as they are; draw velocities."""
        origin = positions[: self._n_atoms].mean(axis=0) if centred else 0.0
        self._context.setPositions(positions - origin)
        self._context.setVelocitiesToTemperature(self._section.temperature_K, seed)

    def lead(self, atoms: NDArray[np.intp], target: NDArray[np.floating], duration: float) -> None:
        """Move atoms too heavy to move by themselves in a straight line, (n_moved, 3), nm, in `duration` ps.

        Raises UnstableError if the others cannot follow.
        """
        n_stages = max(1, round(duration / _STAGE))
        begin = self.state()["positions"][atoms]
        for stage in range(1, n_stages + 1):
            positions = self.state()["positions"]
            positions[atoms] = begin + (target - begin) * stage / n_stages
            self._context.setPositions(positions)
            try:
                self._context.applyConstraints(_CONSTRAINT_TOLERANCE)
            except openmm.OpenMMException as error:
                raise UnstableError(f"the other atoms cannot follow the beads: {error}; {_REMEDY}") from error
            self.step(duration / n_stages)

    def _set(self, state: Arrays) -> None:
        if self._periodic:
            self._context.setPeriodicBoxVectors(*state["box"])
        # The molecule diffuses freely; near the origin float32 frames keep their precision.
        self._context.setPositions(state["positions"] - state["positions"][: self._n_atoms].mean(axis=0))
        self._context.setVelocities(state["velocities"])

    def _heat(self) -> None:
        self._integrator.setTemperature(self._section.heating.temperature_K)
        self.step(self._section.heating.length_ps)
        self._integrator.setTemperature(self._section.temperature_K)

    def _at_pressure(self, solvent: SolventSection, seed: int) -> Arrays:
        """State after a run of its own at constant pressure."""
        system = openmm.XmlSerializer.clone(self._context.getSystem())
        system.addForce(barostat(solvent, self._section.temperature_K, seed))
        integrator = langevin(self._section)
        integrator.setRandomNumberSeed(seed)
        context = create_context(system, integrator, self._atomistic.platform)
        before = self.state()
        context.setPositions(before["positions"])
        context.setVelocities(before["velocities"])
        _advance(integrator, self._section, solvent.pressure_equilibration_ps)
        return _state_of(context, periodic=True)

    def step(self, duration: float) -> None:
        """Advance by a duration in ps. Raises UnstableError if coordinates become NaN."""
        _advance(self._integrator, self._section, duration)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Positions in nm and velocities in nm/ps, (n_particles, 3) each; in a periodic system the box, nm, (3, 3)."""
        return _state_of(self._context, periodic=self._periodic)

    def frame(self) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """Positions (nm) and unbiased forces (kJ/mol/nm), (n_atoms, 3) each, and potential energy (kJ/mol).

        Raises UnstableError if the energy is not finite.
        """
        state = self._context.getState(positions=True, forces=True, energy=True, groups=_UNBIASED)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        if not np.isfinite(energy):  # some platforms go on with NaN
            raise UnstableError(f"the potential energy of the atomistic trajectory became {energy}; {_REMEDY}")
        atoms = slice(self._n_atoms)  # without water and ions
        return positions[atoms].astype(np.float32), forces[atoms].astype(np.float32), energy

    @property
    def biased(self) -> bool:
        """Whether a bias acts."""
        return self._force is not None

    def bias_energy(self) -> float:
        """Energy of the bias, kJ/mol; zero without one."""
        if not self.biased:
            return 0.0
        state = self._context.getState(energy=True, groups={BIAS_GROUP})
        return float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))

    def bias_variables(self) -> NDArray[np.float64]:
        """Variables that the bias acts on, (n_variables,); none without one."""
        if self._bias is None:
            return np.empty(0)
        return variable_values(self._force, self._bias, self._context)

    def set_bias(self, bias: Bias) -> None:
        """Replace the table of the bias."""
        update_force(self._force, bias, self._context)


def _advance(integrator: openmm.Integrator, section: OpenMMReferenceSection, duration: float) -> None:
    try:
        integrator.step(n_steps(duration, section))
    except openmm.OpenMMException as error:
        raise UnstableError(f"the atomistic trajectory failed: {error}; {_REMEDY}") from error


def _state_of(context: openmm.Context, *, periodic: bool) -> dict[str, NDArray[np.float64]]:
    state = context.getState(positions=True, velocities=True)
    arrays = {
        "positions": state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
        "velocities": state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond),
    }
    box = {"box": state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer)} if periodic else {}
    return arrays | box
