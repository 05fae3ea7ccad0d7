"""Names and bonds of molecules, and the roads from and to MDTraj."""

import json

import numpy as np
import pytest

from cgpipe.data.topology import Topology, from_mdtraj, to_mdtraj
from cgpipe.errors import DataError


def test_labels(topology):
    assert topology.labels == ("ALA2:N", "ALA2:CA", "ALA2:CB", "ALA2:C")
    assert topology.types == ("ALA:N", "ALA:CA", "ALA:CB", "ALA:C")


def test_a_label_is_found(topology):
    assert topology.index("ALA2:CB") == 2


def test_a_missing_label_lists_its_residue(topology):
    with pytest.raises(DataError, match=r"no atom 'ALA2:CX'.*ALA2:N, ALA2:CA, ALA2:CB, ALA2:C"):
        topology.index("ALA2:CX")


def test_json_brings_it_back(topology):
    assert Topology.from_plain(json.loads(json.dumps(topology.to_plain())), source="test") == topology


def test_mdtraj_brings_it_back(topology):
    back = from_mdtraj(to_mdtraj(topology), np.array(topology.masses))
    assert back.labels == ("ALA1:N", "ALA1:CA", "ALA1:CB", "ALA1:C"), "residues are counted from 1"
    assert (back.elements, back.masses, back.bonds) == (topology.elements, topology.masses, topology.bonds)


def test_a_subset_keeps_the_order_asked_for(topology):
    part = topology.subset(np.array([3, 1]), ((0, 1),))
    assert (part.labels, part.masses, part.bonds) == (("ALA2:C", "ALA2:CA"), (12.0, 12.0), ((0, 1),))
