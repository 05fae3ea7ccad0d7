"""The atomistic system in motion: steps, frames with unbiased forces, and a bias that may be replaced."""

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from cgpipe.config.sections import OpenMMReferenceSection
from cgpipe.data.segments import Arrays
from cgpipe.errors import UnstableError
from cgpipe.reference.bias import BIAS_GROUP, TorsionBias, bias_force, update_force
from cgpipe.reference.system import AtomisticSystem, create_context, langevin
from cgpipe.units import FEMTOSECOND

_UNBIASED = set(range(BIAS_GROUP))
_REMEDY = "lower reference.timestep_fs or raise reference.hydrogen_mass_amu"


class Dynamics:
    """A context on the unbiased system plus, where given, a bias in its own force group."""

    def __init__(
        self, atomistic: AtomisticSystem, section: OpenMMReferenceSection, bias: TorsionBias | None = None
    ) -> None:
        self._section = section
        system = openmm.XmlSerializer.clone(atomistic.system)
        self._force = None if bias is None else bias_force(bias)
        if self._force is not None:
            system.addForce(self._force)
        self._integrator = langevin(section)
        self._context = create_context(system, self._integrator, atomistic.platform)
        self._start_positions = atomistic.positions

    def begin(self, state: Arrays | None, seed: int) -> None:
        """Start a segment from a state, or at the minimum with thermal velocities and an equilibration."""
        self._integrator.setRandomNumberSeed(seed)
        self._context.reinitialize()
        positions = self._start_positions if state is None else state["positions"]
        # The molecule diffuses freely; near the origin float32 frames keep their precision.
        self._context.setPositions(positions - positions.mean(axis=0))
        if state is None:
            self._context.setVelocitiesToTemperature(self._section.temperature_K, seed)
            self.step(self._section.equilibration_ps)
        else:
            self._context.setVelocities(state["velocities"])

    def step(self, duration: float) -> None:
        """Advance by a duration in ps. Raises UnstableError if coordinates become NaN."""
        try:
            self._integrator.step(round(duration / (self._section.timestep_fs * FEMTOSECOND)))
        except openmm.OpenMMException as error:
            raise UnstableError(f"the atomistic trajectory failed: {error}; {_REMEDY}") from error

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Positions in nm and velocities in nm/ps, (n_atoms, 3) each."""
        state = self._context.getState(positions=True, velocities=True)
        return {
            "positions": state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
            "velocities": state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond),
        }

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
        return positions.astype(np.float32), forces.astype(np.float32), energy

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

    def set_bias(self, bias: TorsionBias) -> None:
        """Replace the table of the bias."""
        update_force(self._force, bias, self._context)
