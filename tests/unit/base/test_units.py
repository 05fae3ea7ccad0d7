"""The conversion factors against published values."""

import pytest

from cgpipe.units import ANGSTROM, FEMTOSECOND, KCAL, PICOSECONDS_PER_NANOSECOND, thermal_energy

_AVOGADRO = 6.02214076e23
_BOLTZMANN_JOULE = 1.380649e-23


def test_thermal_energy_is_that_of_the_si():
    assert thermal_energy(300.0) == pytest.approx(_AVOGADRO * _BOLTZMANN_JOULE * 300.0 / 1000.0, rel=1e-12)


def test_thermal_energy_at_room_temperature_in_kilocalories():
    """0.5922 kcal/mol at 298 K stands in every textbook."""
    assert thermal_energy(298.0) / KCAL == pytest.approx(0.5922, abs=1e-4)


def test_a_force_of_one_kilocalorie_per_angstrom():
    assert pytest.approx(41.84) == KCAL / ANGSTROM


def test_lengths_of_time():
    assert pytest.approx(1e6) == PICOSECONDS_PER_NANOSECOND / FEMTOSECOND
