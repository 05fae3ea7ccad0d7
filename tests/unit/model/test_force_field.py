"""Which bead has which type, and what a force field binds to."""

import numpy as np
import pytest
import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.force_field import ForceField, bead_types, bind_network, known_types
from cgpipe.prior.prior import HarmonicTerm, PriorParameters


@pytest.fixture
def topology():
    """Bonded beads of two types, not in alphabetical order."""
    return Topology(
        names=("N", "CA", "CA"),
        elements=("N", "C", "C"),
        residue_names=("GLY", "GLY", "ALA"),
        residue_numbers=(1, 1, 2),
        masses=(14.0, 12.0, 12.0),
        bonds=((0, 1), (1, 2)),
    )


@pytest.fixture
def stretched():
    """Frames far beyond the cutoff of the network, where only the prior pulls."""
    return torch.tensor([[[0.0, 0, 0], [5.0, 0, 0], [10.0, 1, 0]]], dtype=torch.float64)


def test_types_are_numbered_in_alphabetical_order(topology):
    assert topology.types == ("GLY:N", "GLY:CA", "ALA:CA")
    assert bead_types(topology, known_types([topology])) == [2, 1, 0]


def test_types_do_not_depend_on_the_order_of_the_beads(topology):
    order, types = np.array([2, 0, 1]), known_types([topology])
    part = topology.subset(order, ())
    assert known_types([part]) == types
    assert bead_types(part, types) == [bead_types(topology, types)[k] for k in order]


def test_several_molecules_share_the_rows_of_their_types(topology):
    part = topology.subset(np.array([2]), ())
    types = known_types([topology, part])
    assert bead_types(part, types) == [bead_types(topology, types)[2]]


def test_a_type_that_no_molecule_had_is_an_error(topology):
    with pytest.raises(DataError, match=r"knows nothing of GLY:CA, GLY:N: .* add one that does to train_on"):
        bead_types(topology, ("ALA:CA",))


def test_weights_come_from_the_seed_of_torch(section, topology):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(bind_network(section, topology, types=known_types([topology]), energy_scale=1.0).embedding.weight)
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def _bound(topology, *, energy_scale):
    force_field = _force_field(topology, energy_scale=energy_scale)
    return bind_force_fields([force_field], dtype=torch.float64, device=torch.device("cpu"), n_table_knots=64)


def _force_field(topology, *, energy_scale, n_features=8):
    torch.manual_seed(1)
    section = NetworkSection(n_features=n_features, n_blocks=1, n_radial=8, cutoff_nm=0.5)
    prior = PriorParameters((HarmonicTerm((0, 1), 0.2, 100.0),), (), (), (), (), 6, 1.0)
    weights = bind_network(section, topology, types=known_types([topology]), energy_scale=energy_scale).state_dict()
    return ForceField(topology, prior, section, weights, 300.0, energy_scale, {}, known_types([topology]))


def test_the_bound_potential_is_prior_plus_network(topology, stretched):
    forces = _bound(topology, energy_scale=2.0).energy_and_forces(stretched)[1]
    pull = 100.0 * (5.0 - 0.2)
    expected = torch.tensor([[[pull, 0, 0], [-pull, 0, 0], [0, 0, 0]]], dtype=torch.float64)
    torch.testing.assert_close(forces, expected, rtol=1e-12, atol=1e-9)


def test_the_energy_of_the_network_is_in_units_of_its_scale(topology, stretched):
    nearby = 0.03 * stretched
    none, single, double = (_bound(topology, energy_scale=scale).energy(nearby) for scale in (0.0, 1.5, 3.0))
    torch.testing.assert_close(double - none, 2 * (single - none), rtol=1e-10, atol=0)
    assert float((single - none).abs()) > 1e-3, "control: the network is felt"


def test_folds_of_other_networks_are_refused(topology):
    folds = [_force_field(topology, energy_scale=1.0, n_features=n) for n in (8, 12)]
    with pytest.raises(DataError, match="differ in molecule, temperature, prior or network"):
        bind_force_fields(folds, dtype=torch.float64, device=torch.device("cpu"), n_table_knots=64)


def test_a_bound_potential_is_frozen(topology):
    assert not [p for p in _bound(topology, energy_scale=1.0).parameters() if p.requires_grad]
