"""The bias: its table, its hills, and that OpenMM feels it with the right sign."""

from dataclasses import replace

import numpy as np
import openmm
import pytest
import torch

from cgpipe.cli.variables import variables_of
from cgpipe.config.bias import BiasSection
from cgpipe.errors import DataError
from cgpipe.geometry import dihedral_gradients
from cgpipe.reference.bias import flat_bias, mean_bias, tempered_height, with_hill
from cgpipe.reference.dynamics import Dynamics


@pytest.fixture
def flat(bias_section, alanine):
    return _flat(bias_section, alanine)


@pytest.fixture
def torsions(flat, alanine):
    """Torsions of the start structure, rad, and their gradients, (n_torsions, 4, 3)."""
    positions = torch.from_numpy(alanine.starts["native"][None])
    values, gradients = dihedral_gradients(positions, _quadruples(flat))
    return values[0].numpy(), gradients[0].numpy()


def _flat(section, atomistic):
    return flat_bias(section, variables_of(section, atomistic, None))


def _quadruples(bias):
    return torch.tensor([variable.torsion for variable in bias.variables])


def _energy_and_bias_forces(alanine, section, bias):
    dynamics = Dynamics(alanine, section, bias)
    dynamics._context.setPositions(alanine.starts["native"])
    state = dynamics._context.getState(forces=True, groups={31})
    return dynamics.bias_energy(), np.array(state.getForces(asNumpy=True)._value)


def test_a_hill_is_highest_at_its_centre(flat):
    n_torsions = len(flat.variables)
    angle = -np.pi + 2 * np.pi * 12 / 60
    table = with_hill(flat, np.full(n_torsions, angle), height=3.0, width=0.3).table
    assert table[(12,) * n_torsions] == pytest.approx(3.0)
    assert table.max() == table[(12,) * n_torsions]


def test_a_hill_is_periodic(flat):
    n_torsions = len(flat.variables)
    table = with_hill(flat, np.full(n_torsions, np.pi), height=3.0, width=0.3).table
    assert table[(1,) * n_torsions] == pytest.approx(table[(-1,) * n_torsions])
    turned = with_hill(flat, np.full(n_torsions, 3 * np.pi), height=3.0, width=0.3).table
    np.testing.assert_allclose(turned, table, atol=1e-9)


def test_openmm_feels_the_energy_of_the_hills(flat, alanine, section, torsions):
    centre = torsions[0] + 0.2
    bias = with_hill(flat, centre, height=5.0, width=0.4)
    expected = 5.0 * np.exp(-0.5 * len(centre) * (0.2 / 0.4) ** 2)
    assert _energy_and_bias_forces(alanine, section, bias)[0] == pytest.approx(expected, rel=2e-3)


def test_openmm_feels_the_force_of_the_hills(flat, alanine, section, torsions):
    """A hill at a larger angle pushes to smaller ones: F = -dV/dphi dphi/dx, dV/dphi = -V (phi - c) / w^2."""
    values, gradients = torsions
    centre = values + 0.2
    energy, forces = _energy_and_bias_forces(alanine, section, with_hill(flat, centre, height=5.0, width=0.4))
    expected = np.zeros_like(forces)
    for quadruple, gradient in zip(_quadruples(flat).tolist(), gradients, strict=True):
        expected[quadruple] -= energy * 0.2 / 0.4**2 * gradient
    np.testing.assert_allclose(forces, expected, atol=0.02 * np.abs(expected).max())


def test_each_torsion_has_its_own_axis(alanine, section):
    """Exchanged axes would go unseen under a hill with equal sides."""
    names = [["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"], ["ALA2:N", "ALA2:CA", "ALA2:C", "NME3:N"]]
    flat = _flat(BiasSection(torsions=names), alanine)
    values = dihedral_gradients(torch.from_numpy(alanine.starts["native"][None]), _quadruples(flat))[0][0].numpy()
    bias = with_hill(flat, values + np.array([0.5, 0.0]), height=5.0, width=0.4)
    shifted = replace(bias, table=bias.table * np.linspace(1.0, 2.0, 60)[:, None])
    place = (values[0] + np.pi) / (2 * np.pi) * 60
    factor = 1.0 + place / 59
    expected = 5.0 * np.exp(-0.5 * (0.5 / 0.4) ** 2) * factor
    assert _energy_and_bias_forces(alanine, section, shifted)[0] == pytest.approx(expected, rel=5e-3)


def test_recorded_forces_and_energies_hold_no_bias(flat, alanine, section, torsions):
    bias = with_hill(flat, torsions[0] + 0.2, height=50.0, width=0.4)
    frames = []
    for chosen in (None, bias):
        dynamics = Dynamics(alanine, section, chosen)
        dynamics._context.setPositions(alanine.starts["native"])
        frames.append(dynamics.frame())
    np.testing.assert_allclose(frames[1][1], frames[0][1], atol=1e-3)
    assert frames[1][2] == pytest.approx(frames[0][2], abs=1e-6)


def test_recorded_forces_hold_no_constraint_force(alanine, section):
    """They are minus the gradient of the recorded energy, also along constrained bonds."""
    dynamics = Dynamics(alanine, section)
    moved = alanine.starts["native"].copy()
    i, j = alanine.constraints[0]
    direction = (moved[j] - moved[i]) / np.linalg.norm(moved[j] - moved[i])
    energies = []
    for shift in (-1e-5, 1e-5):
        place = moved.copy()
        place[j] += shift * direction
        dynamics._context.setPositions(place)
        energies.append(dynamics.frame()[2])
    dynamics._context.setPositions(moved)
    force = dynamics.frame()[1][j] @ direction
    assert force == pytest.approx(-(energies[1] - energies[0]) / 2e-5, rel=1e-3, abs=0.5)


def test_heights_fall_as_the_bias_grows(bias_section):
    """Well-tempered: exp(-V / (kT (gamma - 1))) times the first height."""
    first = tempered_height(bias_section, 0.0, 2.5)
    assert first == bias_section.hill_height_kJ_per_mol
    gamma = bias_section.bias_factor
    assert tempered_height(bias_section, 2.5 * (gamma - 1), 2.5) == pytest.approx(first / np.e)


def test_the_mean_of_walkers_starts_at_zero(flat):
    n_torsions = len(flat.variables)
    biases = [with_hill(flat, np.full(n_torsions, angle), height=3.0, width=0.3) for angle in (-1.0, 1.0)]
    mean = mean_bias(biases)
    assert mean.table.min() == 0.0
    np.testing.assert_allclose(np.diff(mean.table, axis=0), np.diff((biases[0].table + biases[1].table) / 2, axis=0))


def test_biases_on_other_grids_are_refused(flat):
    other = replace(flat, table=np.zeros((30,) * len(flat.variables)))
    with pytest.raises(DataError, match="different variables or grids"):
        mean_bias([flat, other])


def test_a_torsion_of_missing_atoms_is_named(alanine):
    section = BiasSection(torsions=[["ACE1:C", "ALA2:N", "ALA2:CX", "ALA2:C"]])
    with pytest.raises(DataError, match=r"no atom 'ALA2:CX'.*ALA2:CA"):
        _flat(section, alanine)


def test_the_bias_stands_in_a_group_of_its_own(alanine):
    groups = {force.getForceGroup() for force in alanine.system.getForces()}
    assert groups <= set(range(31))
    assert isinstance(alanine.system, openmm.System)
