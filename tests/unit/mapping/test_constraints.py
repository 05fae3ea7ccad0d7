"""Constraints found in frames are those of the simulated system."""

import numpy as np
import openmm
import pytest
from openmm import unit

from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.mapping.constraints import find_constraints, rigid_groups
from cgpipe.reference.system import create_context, langevin


@pytest.fixture(scope="module")
def positions(alanine):
    """A hundred frames of 20 fs at 300 K, float32 as on disk."""
    integrator = langevin(OpenMMReferenceSection(sequence="ACE ALA NME"))
    integrator.setRandomNumberSeed(3)
    context = create_context(openmm.XmlSerializer.clone(alanine.system), integrator, "Reference")
    context.setPositions(alanine.starts["native"])
    context.setVelocitiesToTemperature(300.0, 3)
    frames = []
    for _ in range(100):
        integrator.step(5)
        frames.append(context.getState(positions=True).getPositions(asNumpy=True).value_in_unit(unit.nanometer))
    return np.array(frames, dtype=np.float32)


def _as_set(pairs):
    return {tuple(sorted(map(int, pair))) for pair in pairs}


def test_constraints_found_are_those_of_the_system(positions, alanine, topology):
    assert _as_set(find_constraints(positions, topology)) == _as_set(alanine.constraints)


def test_all_bonds_of_hydrogen_are_constrained(alanine):
    assert len(alanine.constraints) == alanine.topology.elements.count("H") == 12


def test_atoms_joined_by_constraints_are_one_group():
    groups = rigid_groups(np.array([[0, 1], [1, 4], [2, 3]]), 6)
    assert [int((groups == groups[k]).sum()) for k in range(6)] == [3, 3, 2, 2, 3, 1]
