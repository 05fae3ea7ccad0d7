"""Biased variables: OpenMM computes what the analysis does, and pushes along minus their gradient."""

import numpy as np
import pytest
import torch

from cgpipe.analysis.chain import pair_distances, slow_features, trace
from cgpipe.analysis.states import StateSpace
from cgpipe.analysis.structure import native_contacts, superposed_rmsd
from cgpipe.cli.variables import variables_of
from cgpipe.config.bias import BiasSection
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.records import save_record
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.bias import flat_bias, window_bias, window_energies, with_hill
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.system import build_system

_CONTACT = 1.2
_KINDS = {
    "contacts": {"contacts": {"contact_nm": _CONTACT}},
    "rmsd": {"rmsd": {"max_nm": 0.5}},
    "tics": {"tics": {"system": "other", "n_tics": 2}},
}


@pytest.fixture(scope="module")
def peptide_section():
    return OpenMMReferenceSection(sequence="ACE ALA ALA ALA ALA ALA ALA NME", platform="Reference")


@pytest.fixture(scope="module")
def peptide(peptide_section):
    return build_system(peptide_section)


@pytest.fixture(scope="module")
def carbons(peptide):
    return np.flatnonzero(np.array(peptide.topology.names) == "CA")


@pytest.fixture
def shaken(peptide):
    """A structure off the native one that has lost some of its contacts, (n_atoms, 3), nm."""
    return 1.2 * peptide.starts["native"] + 0.03 * np.random.default_rng(1).standard_normal(
        peptide.starts["native"].shape
    )


@pytest.fixture
def space(peptide, carbons):
    """A state space whose slow coordinates are random functions of the features."""
    rng = np.random.default_rng(2)
    n_features = slow_features(trace(peptide.starts["native"][None], carbons)).shape[1]
    matrix, nothing = rng.standard_normal((n_features, 2)), np.zeros(0)
    limits = np.array([[-30.0, 30.0]] * 2)
    return StateSpace(rng.standard_normal(n_features), matrix, limits, nothing, nothing, nothing, nothing, nothing)


def _save_slow(path, space, topology, carbons):
    arrays = {name: getattr(space, name) for name in ("mean", "matrix", "limits")}
    save_record(path, arrays, {"residues": [topology.residue_names[k] for k in carbons]})


@pytest.fixture
def make(peptide, carbons, space, tmp_path):
    """Maker of a flat bias of a kind."""
    _save_slow(tmp_path / "tica.h5", space, peptide.topology, carbons)

    def flat(kind):
        bias = BiasSection(**_KINDS[kind])
        return flat_bias(bias, variables_of(bias, peptide, tmp_path / "tica.h5"))

    return flat


def _expected(kind, frames, native, carbons, space):
    """Values of the variables by the functions of the analysis, (n_frames, n_variables)."""
    chain, start = trace(frames, carbons), torch.from_numpy(native[carbons])
    if kind == "tics":
        return space.project(frames, carbons)
    if kind == "rmsd":
        return superposed_rmsd(chain, start)[0][:, None]
    lengths = pair_distances(start[None])[0]
    return native_contacts(pair_distances(chain), lengths, contact=_CONTACT)[:, None]


@pytest.mark.parametrize("kind", _KINDS)
def test_openmm_and_the_analysis_agree(kind, make, peptide, peptide_section, shaken, carbons, space):
    dynamics = Dynamics(peptide, peptide_section, make(kind))
    dynamics.place(shaken, 1)
    expected = _expected(kind, shaken[None], peptide.starts["native"], carbons, space)[0]
    np.testing.assert_allclose(dynamics.bias_variables(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_hill_pushes_along_minus_the_gradient(kind, make, peptide, peptide_section, shaken, carbons, space):
    """dV/dx by finite differences of the analysis' variable, for one C-alpha along each axis."""
    flat, native = make(kind), peptide.starts["native"]
    value = _expected(kind, shaken[None], native, carbons, space)[0]
    lower, upper = np.transpose([variable.limits for variable in flat.variables])
    width = 0.2 * (upper - lower)[0]
    bias = with_hill(flat, value - 0.4 * width, height=5.0, width=width)
    dynamics = Dynamics(peptide, peptide_section, bias)
    dynamics.place(shaken, 1)
    state = dynamics._context.getState(positions=True, forces=True, groups={31})
    found = np.array(state.getForces(asNumpy=True)._value)[carbons[2]]
    moved = np.repeat(shaken[None], 6, axis=0)
    for axis in range(3):
        moved[2 * axis, carbons[2], axis] -= 1e-4
        moved[2 * axis + 1, carbons[2], axis] += 1e-4
    values = _expected(kind, moved, native, carbons, space)
    energies = 5.0 * np.exp(-0.5 * (((values - value) / width + 0.4) ** 2).sum(1))
    expected = -(energies[1::2] - energies[::2]) / 2e-4
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_the_bias_is_finite_at_the_native_structure(make, peptide, peptide_section):
    """An RMSD of zero has no gradient."""
    dynamics = Dynamics(peptide, peptide_section, with_hill(make("rmsd"), np.array([0.1]), height=5.0, width=0.1))
    dynamics.place(peptide.starts["native"], 1)
    dynamics.step(0.02)
    assert np.isfinite(dynamics.frame()[0]).all()


def test_beyond_its_range_the_bias_is_constant(make, peptide, peptide_section):
    """A hill built out there stands at the limit, where the next frame out there feels it, and no force."""
    flat = make("rmsd")
    bias = with_hill(flat, np.array([3.0]), height=5.0, width=0.1)
    assert bias.table[-1] == pytest.approx(5.0)
    stretched = peptide.starts["native"] * 3.0
    dynamics = Dynamics(peptide, peptide_section, bias)
    dynamics.place(stretched, 1)
    assert dynamics.bias_variables()[0] > 0.5
    assert dynamics.bias_energy() == pytest.approx(5.0)
    forces = dynamics._context.getState(forces=True, groups={31}).getForces(asNumpy=True)._value
    assert np.abs(forces).max() == 0.0


def test_a_window_is_the_energy_that_its_frames_are_weighted_by(peptide, peptide_section, shaken):
    """What OpenMM adds in window k, over kT, is what MBAR is told of window k; windows stand one width apart."""
    kt = 2.9
    bias = BiasSection(rmsd={"max_nm": 0.5}, windows={"n_windows": 6}, n_grid_points=120)
    flat = flat_bias(bias, variables_of(bias, peptide, None))
    for index in range(6):
        dynamics = Dynamics(peptide, peptide_section, window_bias(flat, bias.windows, index, thermal_energy=kt))
        dynamics.place(shaken, 1)
        value = dynamics.bias_variables()
        energies = window_energies(flat.variables[0], bias.windows, value)[:, 0]
        assert dynamics.bias_energy() / kt == pytest.approx(energies[index], rel=2e-3, abs=2e-3)
        assert energies[index] == pytest.approx(0.5 * ((value[0] - 0.1 * index) / 0.1) ** 2)


def test_beyond_the_range_frames_are_weighted_by_the_window_that_acted(peptide, peptide_section):
    """Where OpenMM's table ends, MBAR must be told of its end, not of a parabola that goes on."""
    kt = 2.9
    bias = BiasSection(rmsd={"max_nm": 0.5}, windows={"n_windows": 6}, n_grid_points=120)
    flat = flat_bias(bias, variables_of(bias, peptide, None))
    for index in (3, 5):
        dynamics = Dynamics(peptide, peptide_section, window_bias(flat, bias.windows, index, thermal_energy=kt))
        dynamics.place(peptide.starts["native"] * 3.0, 1)
        value = dynamics.bias_variables()
        assert value[0] > 0.6
        told = window_energies(flat.variables[0], bias.windows, value)[index, 0]
        assert dynamics.bias_energy() / kt == pytest.approx(told, abs=2e-3)
        assert told == pytest.approx(0.5 * (5 - index) ** 2)


def test_contacts_of_a_stretched_chain_push_nowhere(make, peptide, peptide_section):
    """An exponential would overflow at some 15 nm, and its derivative be infinity by infinity."""
    dynamics = Dynamics(peptide, peptide_section, with_hill(make("contacts"), np.array([0.2]), height=5.0, width=0.2))
    dynamics.place(peptide.starts["native"] * 40.0, 1)
    assert dynamics.bias_variables()[0] == pytest.approx(0.0, abs=1e-12)
    forces = dynamics._context.getState(forces=True, groups={31}).getForces(asNumpy=True)._value
    assert np.isfinite(forces).all()


def test_windows_of_a_torsion_close_the_circle(alanine):
    phi = ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"]
    bias = BiasSection(torsions=[phi], windows={"n_windows": 4})
    (variable,) = variables_of(bias, alanine, None)
    energies = window_energies(variable, bias.windows, np.array([np.pi - 1e-6]))[:, 0]
    np.testing.assert_allclose(energies, [0.0, 0.5, 2.0, 0.5], atol=1e-5)


def test_what_cannot_be_biased_is_refused(alanine, peptide, carbons, space, tmp_path):
    with pytest.raises(DataError, match="C-alpha atoms of five residues or more"):
        variables_of(BiasSection(contacts={}), alanine, None)
    with pytest.raises(DataError, match=r"nearer than 0\.3 nm; raise reference\.bias\.contacts\.contact_nm"):
        variables_of(BiasSection(contacts={"contact_nm": 0.3}), peptide, None)
    with pytest.raises(ConfigError, match="--slow"):
        variables_of(BiasSection(tics={"system": "other"}), peptide, None)
    _save_slow(tmp_path / "other.h5", space, peptide.topology, carbons[:-1])
    with pytest.raises(DataError, match=r"of another protein, ALA ALA ALA ALA ALA; this one is ALA( ALA){5}: name a"):
        variables_of(BiasSection(tics={"system": "other"}), peptide, tmp_path / "other.h5")
