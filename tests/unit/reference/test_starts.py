"""Where trajectories start: the same molecule in every start, built alike every time; water around it."""

import numpy as np
import pytest
from openmm import unit

from cgpipe.config.reference import HeatingSection, OpenMMReferenceSection, SolventSection
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.structure import read_structure
from cgpipe.reference.system import build_system, pdb_text

_SEQUENCE = "ALA GLY HIS LEU ALA TYR"


@pytest.fixture(scope="module")
def section():
    return OpenMMReferenceSection(
        sequence=_SEQUENCE,
        platform="Reference",
        equilibration_ps=0.4,
        heating=HeatingSection(temperature_K=600, length_ps=2),
        starts=["native", "extended", "heated"],
    )


@pytest.fixture(scope="module")
def folded(section, tmp_path_factory):
    """PDB file of the molecule after a hot run, far from the extended chain."""
    system = build_system(section)
    dynamics = Dynamics(system, section, start="heated")
    dynamics.begin(None, 3)
    dynamics.step(20)
    path = tmp_path_factory.mktemp("pdb") / "folded.pdb"
    path.write_text(pdb_text(system.topology, dynamics.state()["positions"]))
    return path


@pytest.fixture(scope="module")
def system(section, folded):
    return build_system(section.model_copy(update={"sequence": None, "structure": str(folded)}), folded)


def _ends(system, positions):
    first, last = (system.topology.index(label) for label in ("ALA1:CA", "TYR6:CA"))
    return float(np.linalg.norm(positions[first] - positions[last]))


def test_two_builds_are_equal_to_the_last_bit(section, folded, system):
    again = build_system(section.model_copy(update={"sequence": None, "structure": str(folded)}), folded)
    for start, positions in system.starts.items():
        assert np.array_equal(positions, again.starts[start]), start


def test_the_extended_chain_is_longer_than_the_native_structure(system):
    native, extended = (_ends(system, system.starts[start]) for start in ("native", "extended"))
    assert extended > 1.5
    assert native < extended - 0.1


def test_bonds_of_the_extended_chain_have_their_lengths(system):
    """Atoms in the wrong order would tear bonds apart."""
    for start in ("native", "extended"):
        bonds = np.array(system.topology.bonds)
        lengths = np.linalg.norm(system.starts[start][bonds[:, 0]] - system.starts[start][bonds[:, 1]], axis=1)
        assert lengths.max() < 0.2, start


def test_a_heated_start_is_at_the_temperature_of_the_reference_and_elsewhere(system, section):
    cold, hot = (Dynamics(system, section, start=start) for start in ("native", "heated"))
    for dynamics in (cold, hot):
        dynamics.begin(None, 5)
    moved = hot.state()["positions"] - cold.state()["positions"]
    assert np.sqrt((moved**2).sum(1).mean()) > 0.05
    assert hot._integrator.getTemperature()._value == section.temperature_K


def test_the_native_start_does_not_see_the_heating(system, section):
    cooler = section.model_copy(update={"heating": HeatingSection(temperature_K=300, length_ps=1)})
    states = []
    for settings in (section, cooler):
        dynamics = Dynamics(system, settings, start="native")
        dynamics.begin(None, 5)
        states.append(dynamics.state()["positions"])
    assert np.array_equal(*states)


@pytest.fixture(scope="module")
def water_section():
    return OpenMMReferenceSection(
        sequence="ACE ALA NME",
        force_field=["amber14-all.xml", "amber14/tip3p.xml"],
        platform="CPU",
        equilibration_ps=0.2,
        solvent=SolventSection(padding_nm=0.7, cutoff_nm=0.6, ionic_strength_molar=0.5, pressure_equilibration_ps=0.4),
    )


@pytest.fixture(scope="module")
def water(water_section):
    return build_system(water_section)


def test_water_and_ions_come_after_the_molecule_and_are_not_recorded(water, water_section):
    assert water.topology.n_sites == 22
    assert water.system.getNumParticles() > 300
    assert water.constraints.max() < 22
    dynamics = Dynamics(water, water_section)
    dynamics.begin(None, 1)
    positions, forces, _ = dynamics.frame()
    assert positions.shape == forces.shape == (22, 3)
    bonds = np.array(water.topology.bonds)
    assert np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=1).max() < 0.2, "the molecule is whole"


def test_the_pressure_changes_the_box_once_and_the_state_keeps_it(water, water_section):
    dynamics = Dynamics(water, water_section)
    dynamics.begin(None, 2)
    state = dynamics.state()
    before = [vector.value_in_unit(unit.nanometer) for vector in water.system.getDefaultPeriodicBoxVectors()]
    assert not np.allclose(state["box"], before)
    dynamics.step(0.2)
    assert np.array_equal(dynamics.state()["box"], state["box"]), "frames are recorded at constant volume"


def test_a_solvated_segment_continues_with_the_same_bits(water, water_section):
    first = Dynamics(water, water_section)
    first.begin(None, 2)
    state, ends = first.state(), []
    for dynamics in (first, Dynamics(water, water_section)):
        dynamics.begin(state, 9)
        dynamics.step(0.2)
        ends.append(dynamics.state()["positions"])
    assert np.array_equal(*ends)


def test_water_without_parameters_is_an_error(water_section):
    with pytest.raises(ConfigError, match=r"cannot add tip3p water: .*reference\.force_field"):
        build_system(water_section.model_copy(update={"force_field": ["amber99sbildn.xml"]}))


def _edited(path, tmp_path, edit):
    target = tmp_path / "edited.pdb"
    target.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")
    return target


def test_water_and_lone_ions_of_a_crystal_are_removed(folded, tmp_path):
    extra = [
        "HETATM  901  O   HOH A 901      30.000  30.000  30.000  1.00  0.00           O",
        "HETATM  902 NA    NA A 902      35.000  30.000  30.000  1.00  0.00          NA",
    ]
    path = _edited(folded, tmp_path, lambda lines: [*lines[:-1], *extra, "END"])
    names = {residue.name for residue in read_structure(path).topology.residues()}
    assert names == set(_SEQUENCE.split())


def test_a_nonstandard_residue_becomes_its_standard_one(folded, tmp_path, capsys):
    path = _edited(folded, tmp_path, lambda lines: [line.replace("LEU", "NLE") for line in lines])
    assert "LEU" in {residue.name for residue in read_structure(path).topology.residues()}
    assert "NLE 4 becomes LEU" in capsys.readouterr().out


def test_a_gap_inside_the_chain_is_named(folded, tmp_path):
    sequence = "SEQRES   1 A    6  ALA GLY HIS LEU ALA TYR"
    path = _edited(folded, tmp_path, lambda lines: [sequence, *(line for line in lines if " LEU " not in line)])
    with pytest.raises(DataError, match="lacks the residues LEU inside a chain; model the loop first"):
        read_structure(path)


def test_a_structure_that_no_extended_chain_can_have_is_an_error(folded, tmp_path, section):
    """The hydrogens and atoms of both must be the same; here the last residue has lost its charged end."""
    path = _edited(folded, tmp_path, lambda lines: [line.replace("OXT", "OXX") for line in lines])
    with pytest.raises(DataError):
        build_system(section.model_copy(update={"sequence": None, "structure": str(path)}), path)
