"""Internal units and the only conversion factors.

Inside cgpipe: nm, ps, amu, kJ/mol, K. They are coherent (1 amu nm^2/ps^2 = 1 kJ/mol), so no factor
appears in any equation of motion. Values in other units are converted where they are read or drawn.
"""

BOLTZMANN = 0.00831446261815324
"""Molar Boltzmann constant, kJ/mol/K (SI 2019, exact)."""

KCAL = 4.184
"""One thermochemical kilocalorie in kJ."""

ANGSTROM = 0.1
"""One angstrom in nm."""

PICOSECONDS_PER_NANOSECOND = 1000.0
BYTES_PER_GB = 1e9
FEMTOSECOND = 0.001
"""One femtosecond in ps."""


def thermal_energy(temperature: float) -> float:
    """Thermal energy kT in kJ/mol at a temperature in K."""
    return BOLTZMANN * temperature
