"""Structures from sequences and files."""

import numpy as np
import pytest
import torch
from openmm import unit

from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.errors import ConfigError, DataError
from cgpipe.geometry import signed_volumes
from cgpipe.reference.structure import build_peptide, read_structure
from cgpipe.reference.system import build_system, pdb_text

_CHIRAL = "ALA VAL LEU ILE PRO PHE TYR TRP SER THR CYS MET ASN GLN ASP GLU LYS ARG HIS"


def _positions(modeller):
    return np.array(modeller.positions.value_in_unit(unit.nanometer))


def test_capped_alanine_has_its_22_atoms(alanine):
    topology = alanine.topology
    assert topology.n_sites == 22
    assert {"ACE1:CH3", "ACE1:C", "ALA2:CA", "ALA2:CB", "NME3:N", "NME3:C"} <= set(topology.labels)
    assert len(topology.bonds) == 21


def test_every_residue_is_an_l_amino_acid():
    """Seen from its hydrogen, CO, R and N stand clockwise at CA: (C x CB) . N is positive."""
    modeller = build_peptide(f"ACE {_CHIRAL} NME")
    positions = torch.from_numpy(_positions(modeller))
    centres = []
    for residue in modeller.topology.residues():
        atoms = {atom.name: atom.index for atom in residue.atoms()}
        if residue.name not in {"ACE", "NME"}:
            centres.append([atoms[name] for name in ("CA", "C", "CB", "N")])
    assert len(centres) == 19
    assert (signed_volumes(positions, torch.tensor(centres)) > 1e-3).all()


@pytest.mark.parametrize(("sequence", "last"), [("ALA ALA", "OXT"), ("ACE ALA", "OXT"), ("ALA NME", "C")])
def test_caps_are_optional(sequence, last):
    names = [atom.name for atom in build_peptide(sequence).topology.atoms()]
    assert names[-1] == last


@pytest.mark.parametrize("sequence", ["ACE ALA NME", "ala gly ala", "ACE GLY PRO HIS TRP NME"])
def test_sequences_run(sequence):
    system = build_system(OpenMMReferenceSection(sequence=sequence, platform="Reference"))
    assert np.isfinite(system.starts["native"]).all()


@pytest.mark.parametrize("sequence", ["ACE ALX NME", "ALA ACE ALA", "NME ALA", "ALANINE"])
def test_an_unknown_or_misplaced_residue_is_named(sequence):
    with pytest.raises(ConfigError, match=r"cannot place '(ALX|ACE|NME|ALANINE)'; known: ALA ARG"):
        build_peptide(sequence)


@pytest.fixture
def pdb(alanine, tmp_path):
    path = tmp_path / "alanine.pdb"
    path.write_text(pdb_text(alanine.topology, alanine.starts["native"]))
    return path


def _build(path):
    return build_system(OpenMMReferenceSection(structure=str(path), platform="Reference"), path)


def test_a_pdb_file_gives_the_same_molecule(pdb, alanine):
    assert sorted(_build(pdb).topology.labels) == sorted(alanine.topology.labels)


def test_a_missing_heavy_atom_is_added(pdb, alanine):
    lines = [line for line in pdb.read_text().splitlines() if " CB " not in line and not line.startswith("CONECT")]
    pdb.write_text("\n".join(lines))
    assert sorted(_build(pdb).topology.labels) == sorted(alanine.topology.labels)


def test_a_residue_that_the_force_field_lacks_is_named(pdb):
    pdb.write_text(pdb.read_text().replace("ALA", "XYZ"))
    with pytest.raises(DataError, match=r"force field does not know a residue .*XYZ.*reference\.force_field"):
        _build(pdb)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.pdb"):
        read_structure(tmp_path / "nowhere.pdb")


@pytest.mark.parametrize("content", ["", "not a structure\n", "ATOM      1  CA  ALA A   1      here there\n"])
def test_a_file_without_atoms_is_named(tmp_path, content):
    path = tmp_path / "empty.pdb"
    path.write_text(content)
    with pytest.raises(DataError, match=r"empty\.pdb"):
        read_structure(path)


def test_an_unknown_force_field_file_is_named():
    section = OpenMMReferenceSection(sequence="ACE ALA NME", force_field=["amber98.xml"])
    with pytest.raises(ConfigError, match=r"reference\.force_field .*amber98\.xml"):
        build_system(section)


def test_free_termini_are_charged():
    """At pH 7: three hydrogens on the first nitrogen, none on the last oxygens."""
    topology = build_system(OpenMMReferenceSection(sequence="ALA ALA", platform="Reference")).topology
    partners = {label: [] for label in topology.labels}
    for i, j in topology.bonds:
        partners[topology.labels[i]].append(topology.elements[j])
        partners[topology.labels[j]].append(topology.elements[i])
    assert partners["ALA1:N"].count("H") == 3
    assert partners["ALA2:O"] == partners["ALA2:OXT"] == ["C"]
