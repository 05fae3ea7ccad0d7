"""Which atoms become beads, and which beads are bonded."""

import numpy as np
import pytest

from cgpipe.config.sections import MappingSection
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError
from cgpipe.mapping.beads import bead_topology, select_beads

_SIX = ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:CB", "ALA2:C", "NME3:N"]


def _labels(beads, topology):
    return [topology.labels[k] for k in select_beads(MappingSection(beads=beads), topology)]


def test_a_list_is_taken_in_its_order(topology):
    assert _labels(_SIX[::-1], topology) == _SIX[::-1]


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("ca", ["ALA2:CA", "GLY3:CA", "PRO4:CA", "SER5:CA"]),
        ("ca_cb", ["ALA2:CA", "ALA2:CB", "GLY3:CA", "PRO4:CA", "PRO4:CB", "SER5:CA", "SER5:CB"]),
        (
            "backbone_cb",
            [
                *["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:CB", "ALA2:C", "GLY3:N", "GLY3:CA", "GLY3:C"],
                *["PRO4:N", "PRO4:CA", "PRO4:CB", "PRO4:C", "SER5:N", "SER5:CA", "SER5:CB", "SER5:C", "NME6:N"],
            ],
        ),
    ],
)
def test_presets(peptide, preset, expected):
    assert sorted(_labels(preset, peptide)) == sorted(expected)


def test_heavy_atoms_are_all_but_hydrogen(topology):
    assert len(_labels("heavy", topology)) == 10


def test_a_selection_of_mdtraj(topology):
    assert _labels("resid 1 and name N CA C", topology) == ["ALA2:N", "ALA2:CA", "ALA2:C"]


def test_a_missing_atom_lists_its_residue(topology):
    with pytest.raises(DataError, match=r"no atom 'NME3:CX'.*NME3:N"):
        _labels([*_SIX[:-1], "NME3:CX"], topology)


@pytest.mark.parametrize("beads", ["nonsense", "name CA and", "charge 3"])
def test_a_wrong_selection_names_the_presets(topology, beads):
    with pytest.raises(ConfigError, match=r"neither a preset \(ca, ca_cb, backbone_cb, heavy\) nor a selection"):
        _labels(beads, topology)


@pytest.mark.parametrize("beads", ["name CA", "name ZZ", ["ALA2:CA", "ALA2:CA"]])
def test_fewer_than_two_distinct_beads_are_refused(topology, beads):
    with pytest.raises(ConfigError, match="expected two or more, all distinct"):
        _labels(beads, topology)


def test_bonds_of_six_beads(topology):
    beads = bead_topology(topology, select_beads(MappingSection(beads=_SIX), topology))
    assert beads.labels == tuple(_SIX)
    assert beads.bonds == ((0, 1), (1, 2), (2, 3), (2, 4), (4, 5))


def test_alpha_carbons_are_bonded_in_a_chain(peptide):
    beads = bead_topology(peptide, select_beads(MappingSection(beads="ca"), peptide))
    assert beads.bonds == ((0, 1), (1, 2), (2, 3))


def test_masses_are_those_of_the_atoms(topology):
    beads = bead_topology(topology, select_beads(MappingSection(beads=_SIX), topology))
    np.testing.assert_allclose(beads.masses, [12.011, 14.007, 12.011, 12.011, 12.011, 14.007], atol=0.01)


def test_two_molecules_are_refused():
    apart = Topology(("A", "B"), ("C", "C"), ("X", "Y"), (1, 2), (12.0, 12.0), ())
    with pytest.raises(DataError, match="beads Y2:B are not bonded to the rest"):
        bead_topology(apart, np.array([0, 1]))
