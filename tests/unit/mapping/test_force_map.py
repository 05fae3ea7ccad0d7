"""Force maps: their conditions, their optimum, their refusals."""

import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError
from cgpipe.mapping.force_map import (
    aggregate_map,
    atoms_near,
    check_force_map,
    chosen_ridge,
    force_covariance,
    label_variance,
    optimised_map,
    slice_map,
)
from cgpipe.mapping.linear_map import LinearMap, pick_atoms

_CONSTRAINTS = np.array([[1, 4], [2, 5], [5, 6]])
_NONE = np.empty((0, 2), dtype=int)


@pytest.fixture
def position_map():
    """Beads on atoms 0, 1 and 2 of eight."""
    return pick_atoms(np.array([0, 1, 2]), 8)


@pytest.fixture
def forces(rng):
    """Correlated forces of eight atoms that sum to zero, as those of an isolated molecule do."""
    mixed = np.einsum("ab,fbx->fax", rng.standard_normal((8, 8)), rng.standard_normal((400, 8, 3)))
    return mixed - mixed.mean(axis=1, keepdims=True)


@pytest.fixture
def covariance(forces):
    return force_covariance(forces)


@pytest.mark.parametrize("constraints", [_NONE, _CONSTRAINTS], ids=["free", "constrained"])
def test_maps_meet_both_conditions(position_map, covariance, constraints):
    for force_map in (aggregate_map(position_map, constraints), optimised_map(position_map, constraints, covariance)):
        np.testing.assert_allclose(force_map.matrix @ position_map.matrix.T, np.eye(3), atol=1e-10)
        weights = force_map.matrix
        np.testing.assert_allclose(weights[:, constraints[:, 0]], weights[:, constraints[:, 1]], atol=1e-10)
        check_force_map(force_map, position_map, constraints)


def test_aggregate_adds_what_is_rigidly_joined(position_map):
    expected = np.zeros((3, 8))
    expected[[0, 1, 1, 2, 2, 2], [0, 1, 4, 2, 5, 6]] = 1.0
    assert (aggregate_map(position_map, _CONSTRAINTS).matrix == expected).all()


def test_slice_takes_the_atom_alone(position_map):
    names = tuple(f"C{k}" for k in range(8))
    topology = Topology(names, ("C",) * 8, ("ALA",) * 8, (1,) * 8, (12.0,) * 8, ())
    assert (slice_map(position_map, np.array([[4, 5]]), topology).matrix == position_map.matrix).all()
    with pytest.raises(ConfigError, match=r"wrong for ALA1:C1, ALA1:C2: .* use `optimised` or `aggregate`"):
        slice_map(position_map, _CONSTRAINTS, topology)


def test_optimum_of_one_bead_and_one_free_atom():
    """Var(f0 + w f1) is least at w = -C01 / C11."""
    covariance = np.array([[5.0, 3.0], [3.0, 4.0]])
    force_map = optimised_map(pick_atoms(np.array([0]), 2), _NONE, covariance)
    np.testing.assert_allclose(force_map.matrix, [[1.0, -0.75]], atol=1e-12)


def test_optimum_of_a_constrained_pair_and_one_free_atom():
    """With w1 = w0 = 1 the third weight is least at -(C02 + C12) / C22."""
    covariance = np.array([[5.0, 1.0, 2.0], [1.0, 3.0, -0.5], [2.0, -0.5, 4.0]])
    force_map = optimised_map(pick_atoms(np.array([0]), 3), np.array([[0, 1]]), covariance)
    np.testing.assert_allclose(force_map.matrix, [[1.0, 1.0, -0.375]], atol=1e-12)


def test_a_ridge_draws_weights_to_zero():
    """Units: the mean variance of an atom is 4.5, so a ridge of 2 adds 9 to C11."""
    covariance = np.array([[5.0, 3.0], [3.0, 4.0]])
    force_map = optimised_map(pick_atoms(np.array([0]), 2), _NONE, covariance, ridge=2.0)
    np.testing.assert_allclose(force_map.matrix, [[1.0, -3.0 / 13.0]], atol=1e-12)


def test_a_bead_weighs_only_atoms_that_it_sees(position_map, covariance):
    seen = np.ones((3, 8), dtype=bool)
    seen[1, 3] = seen[2, [3, 7]] = False
    weights = optimised_map(position_map, _CONSTRAINTS, covariance, seen=seen).matrix
    assert weights[1, 3] == 0.0
    assert (weights[2, [3, 7]] == 0.0).all()
    assert weights[0, 3] != 0.0
    assert weights[1, 7] != 0.0


def test_atoms_near_are_counted_in_residues():
    topology = Topology(("C",) * 4, ("C",) * 4, ("ALA",) * 4, (1, 2, 3, 5), (12.0,) * 4, ())
    assert atoms_near(topology, np.array([0, 3]), 2).tolist() == [[True, True, True, False], [False, False, True, True]]


def _parts(rng, n_frames, n_atoms=40):
    """Forces of which each atom shares a little with the bead, and most is its own."""
    common = rng.standard_normal((4, n_frames, 1, 3))
    return [force_covariance(part + 2.0 * rng.standard_normal((n_frames, n_atoms, 3))) for part in common]


@pytest.mark.parametrize(("n_frames", "gain"), [(15, 0.1), (5000, -1e-3)], ids=["few", "many"])
def test_cross_validation_restrains_a_map_of_few_frames_only(rng, n_frames, gain):
    position_map, parts = pick_atoms(np.array([0]), 40), _parts(rng, n_frames)
    held_out = chosen_ridge(position_map, _NONE, parts)
    best = min(held_out, key=held_out.get)
    maps = [optimised_map(position_map, _NONE, sum(parts), ridge=ridge) for ridge in (0.0, best)]
    truth = np.ones((40, 40)) + 4.0 * np.eye(40)
    plain, restrained = (label_variance(map_, truth, 1)[0] for map_ in maps)
    assert restrained < (1 - gain) * plain


def test_no_admissible_map_has_less_variance(position_map, covariance, rng):
    best = optimised_map(position_map, _CONSTRAINTS, covariance)
    least = label_variance(best, covariance, 400)
    groups = [[3], [7], [1, 4], [2, 5, 6], [0]]
    for _ in range(200):
        change = np.zeros((3, 8))
        for members in groups[:2]:  # atoms that neither carry a bead nor are joined to one may weigh anything
            change[:, members] = 0.1 * rng.standard_normal((3, 1))
        other = LinearMap(best.matrix + change)
        check_force_map(other, position_map, _CONSTRAINTS)
        assert (label_variance(other, covariance, 400) >= least * (1 - 1e-9)).all()
    assert (least <= label_variance(aggregate_map(position_map, _CONSTRAINTS), covariance, 400) * (1 + 1e-9)).all()


def test_variance_is_that_of_the_mapped_forces(position_map, forces, covariance):
    force_map = optimised_map(position_map, _CONSTRAINTS, covariance)
    np.testing.assert_allclose(
        label_variance(force_map, covariance, 400), (force_map(forces) ** 2).mean(axis=(0, 2)), rtol=1e-10
    )


def test_chunks_add_up(forces, covariance):
    np.testing.assert_allclose(force_covariance(forces[:150]) + force_covariance(forces[150:]), covariance)


def test_single_precision_is_added_in_double(rng):
    forces = (1e4 + rng.standard_normal((20_000, 1, 3))).astype(np.float32)
    expected = (forces.astype(np.float64) ** 2).sum()
    assert force_covariance(forces)[0, 0] == pytest.approx(expected, rel=1e-12)


def test_a_map_of_other_beads_is_refused(position_map, covariance):
    other = optimised_map(pick_atoms(np.array([0, 1, 3]), 8), _CONSTRAINTS, covariance)
    with pytest.raises(DataError, match=r"W M\^T differs from 1"):
        check_force_map(other, position_map, _CONSTRAINTS)


def test_a_map_that_works_on_a_constraint_is_refused(position_map):
    with pytest.raises(DataError, match="work along a rigid constraint"):
        check_force_map(position_map, position_map, _CONSTRAINTS)


def test_two_beads_on_one_rigid_body_are_refused(position_map, covariance):
    joined = np.array([[0, 1]])
    with pytest.raises(DataError, match="two beads may be rigidly joined"):
        check_force_map(optimised_map(position_map, joined, covariance), position_map, joined)


def test_frames_of_another_molecule_are_refused(position_map):
    with pytest.raises(DataError, match="made for 8 atoms"):
        position_map(np.zeros((5, 9, 3)))


def test_a_constant_force_field_maps_to_its_mean_force(position_map, covariance):
    """A uniform force on all atoms pushes a bead by its total weight, never less than one atom's share."""
    force_map = optimised_map(position_map, _CONSTRAINTS, covariance)
    uniform = np.ones((2, 8, 3))
    np.testing.assert_allclose(force_map(uniform)[0, :, 0], force_map.matrix.sum(axis=1))
