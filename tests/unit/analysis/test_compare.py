"""Metrics of ensembles whose relation is known: the same distribution, mirror images, a bias that was taken out."""

from dataclasses import replace

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.compare import basin_populations, compare, convergence, profiles
from cgpipe.analysis.ensemble import histogram_unit, join, merge
from cgpipe.analysis.free_energy import BASINS, basin_masks
from cgpipe.errors import DataError

_KT = 2.5
_N_BINS = 12


@pytest.fixture(scope="module")
def sample(ensemble_of, draw_torsions):
    """Maker of an unweighted ensemble of 8 groups and 2 times from a seed."""

    def make(seed, n_frames=250):
        return ensemble_of(draw_torsions((8, 2, n_frames), np.random.default_rng(seed)), n_bins=_N_BINS)

    return make


@pytest.fixture
def metrics_of(rng):
    """Maker of all metrics of a model against a reference, by name."""

    def make(model, reference, n_bootstrap=50):
        found = compare(model, reference, residues=["ALA2"], thermal_energy=_KT, n_bootstrap=n_bootstrap, rng=rng)
        return {metric.metric: metric for metric in found}

    return make


def _exact_populations():
    """Share of each basin under exp(2 cos phi + sin psi), by sums over a fine grid."""
    grid = np.linspace(-np.pi, np.pi, 3600, endpoint=False) + np.pi / 3600
    phi, psi = np.exp(2 * np.cos(grid)), np.exp(np.sin(grid))
    positive = phi[grid > 0].sum() / phi.sum()
    # bins of 30 degrees: the helical strip runs over the bins with centres from -105 to 45 degrees
    strip = psi[(grid > np.deg2rad(-120)) & (grid < np.deg2rad(60))].sum() / psi.sum()
    return np.array([(1 - positive) * strip, (1 - positive) * (1 - strip), positive])


def test_an_ensemble_does_not_differ_from_itself(sample, metrics_of):
    reference = sample(1)
    metrics = metrics_of(reference, reference)
    for name, metric in metrics.items():
        twin = metrics[name.replace("_model_", "_reference_")].value if "_model_" in name else 0.0
        assert "_reference_" in name or metric.value == pytest.approx(twin, abs=1e-12), name


def test_two_samples_of_one_distribution_differ_by_the_noise_floor(sample, metrics_of):
    """The floor is measured between halves of a reference twice as long, so that all counts are equal."""
    pairs = [metrics_of(sample(10 + k), sample(30 + k)) for k in range(8)]
    floors = [metrics_of(sample(1), sample(50 + k, 500)) for k in range(8)]
    for name in ("js_phi_psi[ALA2]", "js_phi[ALA2]", "js_psi[ALA2]", "free_energy_mse[ALA2]"):
        values = np.array([pair[name].value for pair in pairs])
        expected = np.array([floor[name].noise_floor for floor in floors])
        assert_agrees(
            values.mean(),
            error=np.hypot(values.std(ddof=1), expected.std(ddof=1)) / np.sqrt(8),
            expected=expected.mean(),
            what=name,
            n_samples=8,
        )


def test_the_sampling_floor_is_the_noise_floor_of_the_model(sample, metrics_of):
    """A model as long as the reference, and of the same distribution, has the same floor; a longer one has less."""
    names = ("js_phi_psi[ALA2]", "free_energy_rmse_weighted_by_reference[ALA2]", "population_model_alpha_L[ALA2]")
    pairs = [metrics_of(sample(10 + k), sample(30 + k)) for k in range(8)]
    for name in names:
        floors = np.array([[pair[name].sampling_floor, pair[name].noise_floor] for pair in pairs])
        error = floors.std(axis=0, ddof=1) / np.sqrt(8)
        means = floors.mean(axis=0)
        assert_agrees(means[0], error=np.hypot(*error), expected=means[1], what=name, n_samples=8)
    longer = metrics_of(sample(1, 2000), sample(2))["js_phi_psi[ALA2]"]
    assert longer.sampling_floor < 0.3 * longer.noise_floor


def test_the_divergence_of_finite_samples_is_that_of_chi_square(sample, metrics_of):
    """Two samples of n frames over B populated bins: 4 n JS is chi square with B - 1 degrees of freedom.

    For p = q, JS is the sum of (p - q)^2 / (8 m), and each (p - q)^2 is 2 p (1 - p) / n in the mean.
    """
    values = [metrics_of(sample(10 + k), sample(30 + k), 2)["js_phi[ALA2]"].value for k in range(16)]
    error = np.std(values, ddof=1) / 4
    assert_agrees(np.mean(values), error=error, expected=(_N_BINS - 1) / (4 * 4000), what="JS of phi", n_samples=16)


def test_the_bootstrap_error_of_a_population_is_that_of_independent_frames(sample, metrics_of):
    """Clusters of independent frames: the error of a difference is sqrt(2 p (1 - p) / n)."""
    errors = [
        metrics_of(sample(k), sample(100 + k), 200)["population_difference_alpha_L[ALA2]"].error for k in range(6)
    ]
    share = _exact_populations()[2]
    expected = np.sqrt(2 * share * (1 - share) / 4000)
    assert_agrees(
        np.mean(errors),
        error=np.std(errors, ddof=1) / np.sqrt(6) + 0.02 * expected,
        expected=expected,
        what="bootstrap error",
        n_samples=6,
    )


@pytest.mark.parametrize("name", ["js_phi_psi[ALA2]", "free_energy_rmse_weighted_by_reference[ALA2]"])
def test_the_error_of_a_divergence_is_the_scatter_of_repeated_samples(sample, metrics_of, name):
    """Near the noise floor, where whole resamples, which empty bins, claim four times as much."""
    found = [metrics_of(sample(200 + k), sample(300 + k))[name] for k in range(20)]
    scatter = np.std([metric.value for metric in found], ddof=1)
    assert 0.5 < np.mean([metric.error for metric in found]) / scatter < 2.0  # the scatter is known to 16 %


def test_populations_are_those_of_the_density(sample):
    whole = merge(sample(3, 2000), np.zeros(16, dtype=int))
    shares = basin_populations(whole.torsions)[0, 0]
    expected = _exact_populations()
    error = np.sqrt(expected * (1 - expected) / 32_000)
    assert_agrees(shares, error=error, expected=expected, what="population", n_samples=32_000)


def test_another_distribution_is_seen(sample, metrics_of, ensemble_of, draw_torsions, rng):
    """Control: phi turned by 30 degrees lies far above the noise floor."""
    turned = draw_torsions((8, 2, 250), rng) + np.array([np.pi / 6, 0.0])
    model = ensemble_of(np.angle(np.exp(1j * turned)), n_bins=_N_BINS)
    metric = metrics_of(model, sample(2))["js_phi[ALA2]"]
    assert metric.value > 5 * metric.noise_floor
    assert metric.value > 5 * metric.error


def test_the_counts_of_a_metric(sample, metrics_of):
    metric = metrics_of(sample(1), sample(2, 500))["js_phi_psi[ALA2]"]
    assert (metric.n_samples_model, metric.n_samples_reference, metric.n_samples_noise_floor) == (4000, 8000, 4000)


def test_units_and_names_of_all_metrics(sample, metrics_of):
    units = {name: metric.unit for name, metric in metrics_of(sample(1), sample(2)).items()}
    assert units == {
        "js_phi_psi[ALA2]": "nats",
        "js_phi[ALA2]": "nats",
        "js_psi[ALA2]": "nats",
        "free_energy_mse[ALA2]": "(kcal/mol)^2",
        "free_energy_rmse_weighted_by_reference[ALA2]": "kcal/mol",
        **{f"population_{of}_{basin}[ALA2]": "1" for of in ("difference", "model", "reference") for basin in BASINS},
        "js_bonds": "nats",
        "js_angles": "nats",
        "mirror_image_fraction": "1",
    }


def test_mirror_images_are_all_seen(frames_of, metrics_of):
    frames = frames_of(*np.random.default_rng(0).uniform(-3, 3, size=(2, 100)))
    mirrored = replace(frames, positions=frames.positions * np.array([1.0, 1.0, -1.0]))
    model, reference = (_in_two_units(trajectory) for trajectory in (mirrored, frames))
    assert metrics_of(model, reference)["mirror_image_fraction"].value == 1.0
    assert metrics_of(reference, reference)["mirror_image_fraction"].value == 0.0


def _in_two_units(trajectory):
    units = [{"group": k, "time": 0, "cluster": k, "n_bins": _N_BINS} for k in range(2)]
    return join([histogram_unit(trajectory, np.ones(trajectory.n_frames), **unit) for unit in units])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_mirror_images(sample, metrics_of, share):
    reference = sample(1)
    flipped = np.repeat(np.where(np.arange(16) < 16 * share, -1.0, 1.0)[:, None], 1, axis=1)
    model = replace(reference, handedness=reference.handedness * flipped)
    metric = metrics_of(model, reference)["mirror_image_fraction"]
    assert metric.value == pytest.approx(share)
    assert metric.noise_floor == pytest.approx(0.0)


@pytest.mark.parametrize("n_bins", [10, 24])
def test_other_grids_are_refused(sample, metrics_of, ensemble_of, draw_torsions, rng, n_bins):
    other = ensemble_of(draw_torsions((2, 2, 10), rng), n_bins=n_bins)
    with pytest.raises(DataError, match="torsions have shape"):
        metrics_of(other, sample(1))


@pytest.fixture
def flat_frames(ensemble_of, rng):
    """Maker of an ensemble of uniform torsions: a bias flattened everything; its weights undo that, if asked."""

    def make(*, weighted):
        torsions = rng.uniform(-np.pi, np.pi, size=(8, 2, 4000, 2))
        log_weights = 2 * np.cos(torsions[..., 0]) + np.sin(torsions[..., 1])
        return ensemble_of(torsions, np.exp(log_weights - 3.0) if weighted else None, n_bins=_N_BINS)

    return make


def _exact_marginal(exponent):
    """Free energy of the bins of a density exp(exponent), lowest at zero, kJ/mol."""
    grid = np.linspace(-np.pi, np.pi, 1200 * _N_BINS, endpoint=False) + np.pi / 1200 / _N_BINS
    energy = -_KT * np.log(np.exp(exponent(grid)).reshape(_N_BINS, -1).mean(1))
    return energy - energy.min()


@pytest.mark.parametrize("weighted", [True, False])
def test_weights_recover_the_unbiased_free_energy(flat_frames, rng, weighted):
    """Within its own bootstrap errors, which are thereby tested as well; without weights the bias stays.

    A profile is known up to a constant; the mean over its bins has hardly any error and is taken out.
    """
    found = profiles(flat_frames(weighted=weighted), thermal_energy=_KT, n_bootstrap=200, rng=rng)
    exponents = (lambda x: 2 * np.cos(x), np.sin) if weighted else (np.zeros_like, np.zeros_like)
    for line, error, exponent in zip(found.marginals[0], found.marginal_errors[0], exponents, strict=True):
        expected = _exact_marginal(exponent)
        away = line > 0  # the error of the lowest bin is zero, because the profile is measured from there
        difference = (line - line.mean()) - (expected - expected.mean())
        assert_agrees(difference[away], error=error[away], expected=0.0, what="free energy", n_samples=64_000)
        assert float(error.max()) < 0.2, "control: the errors are small beside the 10 kJ/mol of the profile"


def test_errors_of_profiles_hold_over_repeated_samples(sample, rng):
    """The spread of a population over independent ensembles is its mean bootstrap error."""
    found = [profiles(sample(200 + k), thermal_energy=_KT, n_bootstrap=100, rng=rng) for k in range(30)]
    spread = np.std([p.populations[0, 2] for p in found], ddof=1)
    claimed = np.mean([p.population_errors[0, 2] for p in found])
    assert_agrees(spread, error=spread / np.sqrt(2 * 29), expected=claimed, what="spread", n_samples=30)


def test_bins_that_no_frame_visited(ensemble_of, draw_torsions, rng):
    """They are infinite, and their error is not a number; neither spoils the others."""
    torsions = draw_torsions((4, 2, 100), rng)
    torsions[..., 0] = -np.abs(torsions[..., 0])
    found = profiles(ensemble_of(torsions), thermal_energy=_KT, n_bootstrap=20, rng=rng)
    seen = np.isfinite(found.marginals[0, 0])
    assert seen.tolist() == [True] * 6 + [False] * 6
    assert np.isnan(found.marginal_errors[0, 0][~seen]).all()
    assert np.isfinite(found.marginals[0, 1]).all()
    assert found.populations[0, 2] == 0.0


def test_convergence_ends_at_the_whole(sample):
    ensemble = sample(1)
    divergence, cumulative, stretches = convergence(ensemble, ensemble.torsions.sum(0))
    assert divergence.shape == (2, 1)
    assert divergence[-1, 0] == pytest.approx(0.0, abs=1e-14)
    assert divergence[0, 0] > 0
    np.testing.assert_allclose(cumulative[-1], basin_populations(ensemble.torsions.sum(0)))
    np.testing.assert_allclose(cumulative[0], stretches[0])
    np.testing.assert_allclose(stretches.sum(-1), 1.0)


def test_populations_follow_the_masks():
    table = np.zeros((1, _N_BINS, _N_BINS))
    masks = basin_masks(_N_BINS)
    for number, basin in enumerate(BASINS, start=1):
        table[0][masks[basin]] = number / masks[basin].sum()
    np.testing.assert_allclose(basin_populations(table)[0], np.array([1, 2, 3]) / 6)
