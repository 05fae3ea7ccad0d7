"""Free energies and distances between them, against closed forms."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from cgpipe.analysis.free_energy import (
    BASINS,
    basin_masks,
    free_energy,
    free_energy_mse,
    jensen_shannon,
    marginal,
    probabilities,
)

_KT = 2.5


@pytest.fixture
def pair(rng):
    """Two distributions over 6 x 6 bins, some of them empty."""
    tables = rng.integers(0, 5, size=(2, 6, 6)).astype(float)
    return probabilities(tables[0]), probabilities(tables[1])


def test_probabilities_sum_to_one_over_the_last_two_axes(rng):
    np.testing.assert_allclose(probabilities(rng.random((3, 4, 5))).sum((1, 2)), 1.0)
    np.testing.assert_allclose(probabilities(np.array([1.0, 3.0])), [0.25, 0.75])


def test_free_energy_of_a_boltzmann_density_is_its_energy():
    energy = np.array([0.0, 1.0, 2.5, 7.0])
    weights = np.exp(-energy / _KT)
    np.testing.assert_allclose(free_energy(weights, _KT), energy, atol=1e-12)


def test_free_energy_of_an_empty_bin_is_infinite():
    assert free_energy(np.array([0.0, 1.0]), _KT).tolist() == [np.inf, 0.0]


def test_jensen_shannon_of_identical_distributions_is_zero(pair):
    assert jensen_shannon(pair[0], pair[0]) == 0.0


def test_jensen_shannon_of_disjoint_distributions_is_ln_two():
    assert jensen_shannon(np.array([1.0, 0, 0]), np.array([0, 0.3, 0.7])) == pytest.approx(np.log(2), rel=1e-14)


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_jensen_shannon_of_two_bins(share):
    """(a, 1-a) against (1-a, a): ln 2 minus the entropy of (a, 1-a)."""
    p = np.array([share, 1 - share])
    entropy = -sum(x * np.log(x) for x in p if x > 0)
    assert jensen_shannon(p, p[::-1]) == pytest.approx(np.log(2) - entropy, abs=1e-15)


def test_jensen_shannon_agrees_with_scipy_and_is_symmetric(pair):
    expected = jensenshannon(pair[0].ravel(), pair[1].ravel()) ** 2
    assert jensen_shannon(*pair) == pytest.approx(expected, rel=1e-10)
    assert jensen_shannon(*pair) == pytest.approx(jensen_shannon(*pair[::-1]), rel=1e-14)


def test_free_energy_mse_of_a_known_shift():
    """A bin that is twice as likely lies kT ln 2 lower, one that is half as likely as much higher."""
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])
    assert free_energy_mse(p, q, _KT) == pytest.approx(2 / 3 * (_KT * np.log(2)) ** 2)
    assert free_energy_mse(p, q, _KT, weights=q) == pytest.approx(0.75 * (_KT * np.log(2)) ** 2)


def test_free_energy_mse_leaves_bins_out_that_one_did_not_see():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert free_energy_mse(p, q, _KT) == pytest.approx((_KT * np.log(2)) ** 2)


@pytest.mark.parametrize("n_bins", [10, 36, 60])
def test_basins_partition_the_plane(n_bins):
    masks = basin_masks(n_bins)
    assert tuple(masks) == BASINS
    assert (np.sum([mask for mask in masks.values()], axis=0) == 1).all()  # noqa: C416 (arrays)


@pytest.mark.parametrize(
    ("phi", "psi", "basin"),
    [
        (-65, -40, "alpha_R"),
        (-65, 140, "beta_PII"),
        (-150, 155, "beta_PII"),
        (-120, -170, "beta_PII"),
        (55, 45, "alpha_L"),
    ],
)
def test_well_known_places_lie_in_their_basin(phi, psi, basin):
    place = tuple(int((angle + 180) / 6) for angle in (phi, psi))
    assert [name for name, mask in basin_masks(60).items() if mask[place]] == [basin]


def test_marginals_sum_over_the_other_torsion():
    table = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert marginal(table, 0).tolist() == [3.0, 7.0]
    assert marginal(table, 1).tolist() == [4.0, 6.0]
