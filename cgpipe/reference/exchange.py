"""Replica exchange between temperatures: the coldest copy visits what hot ones find, and stays Boltzmann distributed.

Sugita and Okamoto 1999, DOI 10.1016/S0009-2614(99)01123-9; the exchanges are OpenMM's.
"""

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import app, unit

from cgpipe.config.reference import ExchangeSection, OpenMMReferenceSection
from cgpipe.data.segments import Arrays, SegmentStore
from cgpipe.errors import UnstableError
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import AtomisticSystem, create_simulation, n_steps
from cgpipe.seeding import integer_seed, seeded_random
from cgpipe.units import thermal_energy

_CARRIED = {"positions": True, "velocities": True, "parameters": True, "integratorParameters": True}
"""What OpenMM's sampler keeps of a copy."""
_REMEDY = "lower reference.timestep_fs or the highest of reference.exchange.temperatures_K"


def record_exchange(
    atomistic: AtomisticSystem,
    section: OpenMMReferenceSection,
    exchange: ExchangeSection,
    *,
    schedule: Schedule,
    store: SegmentStore,
) -> None:
    """Configurations after every exchange into `store`, from where an earlier run stopped.

    Each segment holds positions of the coldest copy, (n_exchanges, n_atoms, 3), nm; energies, kJ/mol, and copies, the
    number of the copy at each temperature, (n_exchanges, n_temperatures) each. A segment begins with new velocities,
    which the ensemble allows, so that what was killed and resumed gives the same bits.
    Raises UnstableError if coordinates become NaN.
    """
    simulation = create_simulation(atomistic, section)
    temperatures = [section.temperature_K, *exchange.temperatures_K]
    state = store.state() or _begin(atomistic, section, len(temperatures))
    for stretch in schedule.remaining(store.n_segments):
        sampler = _sampler(simulation, temperatures, schedule.interval, section)
        _place(sampler, state["positions"], temperatures, stretch.seed)
        try:
            with seeded_random(stretch.seed):
                if store.n_segments == 0:
                    for copy in range(len(temperatures)):
                        sampler.simulateReplica(copy, n_steps(section.equilibration_ps, section))
                rows = [_exchanged(sampler) for _ in stretch.intervals()]
        except openmm.OpenMMException as error:
            raise UnstableError(f"a copy of the replica exchange failed: {error}; {_REMEDY}") from error
        state = _record(sampler, state, rows, store)


def _begin(atomistic: AtomisticSystem, section: OpenMMReferenceSection, n_copies: int) -> Arrays:
    """Copies at the start structures of the section in turn."""
    kinds = [kind for kind in section.starts if kind in atomistic.starts] or ["native"]
    positions = [atomistic.starts[kinds[copy % len(kinds)]] for copy in range(n_copies)]
    return {"positions": np.array(positions), "copies": np.arange(n_copies)}


def _sampler(
    simulation: app.Simulation, temperatures: list[float], interval: float, section: OpenMMReferenceSection
) -> app.ReplicaExchangeSampler:
    states = [{"temperature": temperature * unit.kelvin} for temperature in temperatures]
    return app.ReplicaExchangeSampler(states, simulation, n_steps(interval, section))


def _place(
    sampler: app.ReplicaExchangeSampler, positions: NDArray[np.floating], temperatures: list[float], seed: int
) -> None:
    """Copies at positions, (n_copies, n_atoms, 3), nm, with the velocities of their temperatures."""
    context = sampler.simulation.context
    sampler.simulation.integrator.setRandomNumberSeed(seed)
    context.reinitialize()
    conformations = []
    for number, (copy, temperature) in enumerate(zip(positions, temperatures, strict=True)):
        context.setPositions(copy - copy.mean(axis=0))
        context.setVelocitiesToTemperature(temperature, integer_seed(seed, "velocities", number))
        conformations.append(context.getState(**_CARRIED))
    sampler.replicaConformation = conformations


def _exchanged(sampler: app.ReplicaExchangeSampler) -> tuple[NDArray[np.float32], NDArray[np.float64], list[int]]:
    """One exchange: coldest positions, and by temperature the energy and the number of the copy."""
    sampler.simulate(1)
    order = [sampler.replicaStateIndex.index(level) for level in range(len(sampler.states))]
    energies = np.array([sampler.replicaStateEnergy[k][0].value_in_unit(unit.kilojoule_per_mole) for k in order])
    if not np.isfinite(energies).all():  # some platforms go on with NaN
        raise UnstableError(f"the energies of the replica exchange became {energies.tolist()}; {_REMEDY}")
    return _positions(sampler, order[0]).astype(np.float32), energies, order


def _positions(sampler: app.ReplicaExchangeSampler, copy: int) -> NDArray[np.float64]:
    positions: NDArray[np.float64] = (
        sampler.replicaConformation[copy].getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    )
    return positions


def _record(
    sampler: app.ReplicaExchangeSampler,
    before: Arrays,
    rows: list[tuple[NDArray[np.float32], NDArray[np.float64], list[int]]],
    store: SegmentStore,
) -> Arrays:
    """Write a segment; the state after it, ordered by temperature."""
    positions, energies, orders = (np.array(column) for column in zip(*rows, strict=True))
    copies = before["copies"][orders]
    state = {"positions": np.array([_positions(sampler, copy) for copy in orders[-1]]), "copies": copies[-1]}
    store.append({"positions": positions, "energies": energies, "copies": copies}, state)
    return state


def acceptance(energies: NDArray[np.float64], temperatures: list[float]) -> NDArray[np.float64]:
    """Expected acceptance of exchanges between neighbouring temperatures, (n_temperatures - 1,).

    energies : (n_exchanges, n_temperatures), kJ/mol, of copies that are in equilibrium
    """
    inverse = 1 / np.array([thermal_energy(temperature) for temperature in temperatures])
    exponent = np.diff(inverse) * np.diff(energies, axis=1)
    return np.asarray(np.exp(np.minimum(exponent, 0.0)).mean(axis=0))


def n_descents(copies: NDArray[np.integer]) -> int:
    """How often a copy came from the hottest temperature to the coldest; copies (n_exchanges, n_temperatures)."""
    found, hot = 0, set()
    for row in copies:
        hot.add(int(row[-1]))
        if int(row[0]) in hot:
            found += 1
            hot.remove(int(row[0]))
    return found
