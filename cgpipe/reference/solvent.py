"""Explicit water around the molecule, and the density that it settles to."""

import openmm
from openmm import app, unit

from cgpipe.config.reference import SolventSection
from cgpipe.errors import ConfigError
from cgpipe.seeding import seeded_random

_BAROSTAT_INTERVAL = 25
"""Steps between trial changes of the volume."""


def solvate(modeller: app.Modeller, force_field: app.ForceField, section: SolventSection) -> None:
    """Add water and ions after the atoms of the molecule.

    Raises ConfigError if the force field has no parameters for them.
    """
    try:
        with seeded_random(0):
            modeller.addSolvent(
                force_field,
                model=section.water_model,
                padding=section.padding_nm * unit.nanometer,
                ionicStrength=section.ionic_strength_molar * unit.molar,
            )
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"cannot add {section.water_model} water: {error}; add its file to reference.force_field, such as "
            "amber14/tip3p.xml beside amber14-all.xml, and leave implicit solvent files out"
        ) from error


def barostat(section: SolventSection, temperature: float, seed: int) -> openmm.MonteCarloBarostat:
    """Barostat of the equilibration; temperature in K. DOI 10.1016/j.cplett.2003.12.039."""
    force = openmm.MonteCarloBarostat(section.pressure_bar * unit.bar, temperature, _BAROSTAT_INTERVAL)
    force.setRandomNumberSeed(seed)
    return force
