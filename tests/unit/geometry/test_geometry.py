"""Coordinates against MDTraj, against constructed answers, and their gradients against autograd."""

import mdtraj
import numpy as np
import pytest
import torch

from cgpipe import geometry

_PAIRS = torch.tensor([[0, 1], [1, 3], [4, 2]])
_TRIPLES = torch.tensor([[0, 1, 2], [4, 2, 0]])
_QUADRUPLES = torch.tensor([[0, 1, 2, 3], [4, 2, 1, 0], [3, 1, 4, 2]])


@pytest.fixture
def positions():
    return torch.from_numpy(np.random.default_rng(5).standard_normal((50, 5, 3)))


@pytest.fixture
def in_mdtraj(positions):
    topology = mdtraj.Topology()
    residue = topology.add_residue("ALA", topology.add_chain())
    for _ in range(5):
        topology.add_atom("C", mdtraj.element.carbon, residue)
    return mdtraj.Trajectory(positions.numpy(), topology)


@pytest.mark.parametrize(
    ("ours", "theirs", "sites"),
    [
        (geometry.distances, mdtraj.compute_distances, _PAIRS),
        (geometry.angles, mdtraj.compute_angles, _TRIPLES),
        (geometry.dihedrals, mdtraj.compute_dihedrals, _QUADRUPLES),
    ],
)
def test_values_are_those_of_mdtraj(positions, in_mdtraj, ours, theirs, sites):
    expected = theirs(in_mdtraj, sites.numpy(), periodic=False)
    np.testing.assert_allclose(ours(positions, sites).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("angle", np.deg2rad([-179.0, -90.0, -1.0, 0.0, 60.0, 135.0, 180.0]))
def test_dihedral_has_the_sign_of_iupac(angle):
    """Looking along b-c (down z), d lies clockwise from a by the angle: from +x towards -y, seen from above."""
    points = [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [np.cos(angle), -np.sin(angle), -1.0]]
    found = geometry.dihedrals(torch.tensor([points], dtype=torch.float64), torch.tensor([[0, 1, 2, 3]]))
    difference = float(found) - angle
    assert np.cos(difference) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "gradients", "sites"),
    [
        (geometry.distances, geometry.distance_gradients, _PAIRS),
        (geometry.angles, geometry.angle_gradients, _TRIPLES),
        (geometry.dihedrals, geometry.dihedral_gradients, _QUADRUPLES),
    ],
)
def test_gradients_are_those_of_autograd(positions, values, gradients, sites):
    leaf = positions.clone().requires_grad_()
    value, gradient = gradients(positions, sites)
    torch.testing.assert_close(value, values(positions, sites))
    for term in range(len(sites)):
        (expected,) = torch.autograd.grad(values(leaf, sites)[:, term].sum(), leaf)
        torch.testing.assert_close(gradient[:, term], expected[:, sites[term]], rtol=1e-9, atol=1e-11)


def test_gradients_on_a_line_are_finite():
    line = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [0.3, 0, 0]]], dtype=torch.float64)
    for gradients, sites in [
        (geometry.angle_gradients, torch.tensor([[0, 1, 2]])),
        (geometry.dihedral_gradients, torch.tensor([[0, 1, 2, 3]])),
    ]:
        value, gradient = gradients(line, sites)
        assert torch.isfinite(value).all()
        assert torch.isfinite(gradient).all()


def test_reflection_turns_dihedrals_and_volumes_and_leaves_the_rest(positions):
    mirrored = positions * torch.tensor([1.0, 1.0, -1.0])
    centre = torch.tensor([[0, 1, 2, 3]])
    torch.testing.assert_close(geometry.dihedrals(mirrored, _QUADRUPLES), -geometry.dihedrals(positions, _QUADRUPLES))
    torch.testing.assert_close(geometry.signed_volumes(mirrored, centre), -geometry.signed_volumes(positions, centre))
    torch.testing.assert_close(geometry.distances(mirrored, _PAIRS), geometry.distances(positions, _PAIRS))
    torch.testing.assert_close(geometry.angles(mirrored, _TRIPLES), geometry.angles(positions, _TRIPLES))


def test_volume_of_a_right_handed_corner():
    corner = torch.tensor([[[0.0, 0, 0], [2.0, 0, 0], [0, 3.0, 0], [0, 0, 4.0]]])
    assert float(geometry.signed_volumes(corner, torch.tensor([[0, 1, 2, 3]]))) == pytest.approx(24.0)
