"""Metrics and profiles of two ensembles of chains whose distributions are known."""

from dataclasses import replace

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.chain_compare import chain_profiles, compare_chains, compare_kinetics
from cgpipe.analysis.chain_ensemble import ChainEnsemble, Coordinate
from cgpipe.analysis.kinetics import Kinetics
from cgpipe.errors import DataError
from cgpipe.units import KCAL

_KT = 2.5
_N_CLUSTERS, _N_EACH, _N_BINS = 12, 2000, 10
_COORDINATES = [
    Coordinate("radius_of_gyration", "Rg", "nm", (0.0, 2.0)),
    Coordinate("rmsd", "RMSD", "nm", (0.0, 1.0)),
    Coordinate("native_contacts", "Q", "1", (0.0, 1.0)),
    Coordinate("tic1", "TIC 1", "1", (-1.0, 1.0)),
    Coordinate("tic2", "TIC 2", "1", (-1.0, 1.0)),
]
_FOLDED, _MIRRORED = 0.3, 0.1
_SHARES = np.array([0.5, 0.3, 0.2])


def _bell(n_bins, centre, width):
    density = np.exp(-0.5 * ((np.arange(n_bins) - centre) / width) ** 2) + 0.02
    return density / density.sum()


_SURFACE = np.outer(_bell(_N_BINS, 3, 3), _bell(_N_BINS, 6, 4)).ravel()
_LINES = [_bell(100, centre, 15) for centre in (30, 40, 50, 60, 70)]


def _sample(rng, *, n_clusters=_N_CLUSTERS, n_each=_N_EACH, surface=_SURFACE, folded=_FOLDED, weight=1.0):
    """Independent frames of equal weight from the known distributions, cluster by cluster."""

    def counts(shares):
        return weight * rng.multinomial(n_each, shares, size=n_clusters).astype(float)

    near = counts([folded, _MIRRORED, 1 - folded - _MIRRORED])
    weights = np.full(n_clusters, weight * n_each)
    return ChainEnsemble(
        surface=counts(surface).reshape(n_clusters, 1, _N_BINS, _N_BINS),
        lines=np.stack([counts(line) for line in _LINES], axis=1),
        pairs=np.stack([counts(_bell(128, centre, 20)) for centre in (30, 60, 90)], axis=1),
        contacts=np.stack([counts([share, 1 - share])[:, 0] for share in (0.9, 0.5, 0.1)], axis=1),
        macrostates=counts(_SHARES),
        folded=np.column_stack([near[:, 0], near[:, 1], near[:, 0] + near[:, 1], weights - near[:, 0]]),
        weights=weights,
        n_frames=np.full(n_clusters, n_each),
        groups=np.arange(n_clusters),
        draws=np.empty((0, n_clusters)),
        halves=np.empty((0, 2, n_clusters)),
    )


def _compare(model, reference, *, coordinates=None, seed=1, n_bootstrap=60):
    metrics = compare_chains(
        model,
        reference,
        coordinates=coordinates or _COORDINATES,
        thermal_energy=_KT,
        n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(seed),
    )
    return {metric.metric: metric for metric in metrics}


@pytest.fixture(scope="module")
def model():
    return _sample(np.random.default_rng(1))


@pytest.fixture(scope="module")
def reference():
    return _sample(np.random.default_rng(2))


@pytest.fixture(scope="module")
def metrics(model, reference):
    return _compare(model, reference)


def test_names_and_units(metrics):
    """In their order; free energies in kcal/mol, divergences in nats."""
    surface = {"js_tic1_tic2": "nats", "js_tic1": "nats", "js_tic2": "nats", "free_energy_mse": "(kcal/mol)^2"}
    expected = {f"{name}[tica]": unit for name, unit in surface.items()}
    expected["free_energy_rmse_weighted_by_reference[tica]"] = "kcal/mol"
    for name in ("radius_of_gyration", "rmsd", "native_contacts"):
        expected |= {f"js_{name}": "nats", f"free_energy_rmse_{name}": "kcal/mol"}
    for state in (1, 2, 3):
        expected |= {f"population_{kind}_state{state}": "1" for kind in ("model", "reference", "difference")}
    expected |= {f"folding_free_energy_{kind}": "kcal/mol" for kind in ("model", "reference", "difference")}
    expected |= {"mirror_image_fraction_near_native": "1", "contact_probability_rmse": "1"}
    expected |= {"js_pair_distances": "nats"}
    assert {name: metric.unit for name, metric in metrics.items()} == expected
    assert list(metrics) == list(expected)


def test_numbers_of_frames(metrics):
    n_frames = _N_CLUSTERS * _N_EACH
    for metric in metrics.values():
        counts = (metric.n_samples_model, metric.n_samples_reference, metric.n_samples_noise_floor)
        assert counts == (n_frames, n_frames, n_frames // 2)


def test_an_ensemble_is_no_distance_from_itself(reference):
    metrics = _compare(reference, reference)
    for name, metric in metrics.items():
        if "population_" not in name and "folding_" not in name and "mirror" not in name:
            assert metric.value == pytest.approx(0.0, abs=1e-12), name
        if "difference" in name:
            assert metric.value == 0.0, name
        assert metric.error > 0, name
        assert metric.noise_floor > 0, name
    for state in (1, 2, 3):
        shares = [metrics[f"population_{kind}_state{state}"].value for kind in ("model", "reference")]
        assert shares[0] == shares[1]


_PER_NAT = {"js_tic1_tic2[tica]": 99, "js_tic1[tica]": 9, "js_rmsd": 99, "js_radius_of_gyration": 99}
"""Degrees of freedom: bins less one."""


@pytest.mark.parametrize(("name", "freedom"), _PER_NAT.items())
def test_two_samples_of_one_distribution_differ_by_what_their_noise_explains(metrics, name, freedom):
    """For n and m frames, 8 JS / (1/n + 1/m) is a chi-square; the halves have n = m = half the frames.

    So the floor is twice the metric, each within its own spread.
    """
    n_frames = _N_CLUSTERS * _N_EACH
    for value, unit in ((metrics[name].value, 0.25 / n_frames), (metrics[name].noise_floor, 0.5 / n_frames)):
        assert_agrees(value, error=unit * np.sqrt(2 * freedom), expected=unit * freedom, what=name, n_samples=n_frames)


@pytest.fixture(scope="module")
def repeated():
    """Metrics of 24 independent pairs of ensembles."""
    rng = np.random.default_rng(11)
    return [_compare(_sample(rng), _sample(rng), seed=seed) for seed in range(24)]


def _judge(found, expected, what):
    """The mean over the independent pairs, by its own standard error."""
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert_agrees(np.mean(found), error=error, expected=expected, what=what, n_samples=len(found))
    assert error < 0.15 * abs(expected), "control: the mean is sharp enough to see a fault"


@pytest.mark.parametrize(("state", "share"), enumerate(_SHARES, start=1))
def test_errors_and_floors_of_a_population_are_binomial(repeated, state, share):
    """A share p of n frames has the variance p (1 - p) / n, of which resamples of k clusters show (k - 1) / k.

    Halves differ by a normal number of width 2 sqrt(p (1 - p) / n), whose mean size is sqrt(2 / pi) of that.
    """
    variance = share * (1 - share) / (_N_CLUSTERS * _N_EACH)
    for kind, factor in (("model", 1), ("reference", 1), ("difference", 2)):
        rows = [metrics[f"population_{kind}_state{state}"] for metrics in repeated]
        expected = factor * variance * (_N_CLUSTERS - 1) / _N_CLUSTERS
        _judge([row.error**2 for row in rows], expected, f"variance of {kind}")
        _judge([row.noise_floor for row in rows], 2 * np.sqrt(variance * 2 / np.pi), f"floor of {kind}")


def test_populations_are_those_of_the_distribution(metrics):
    n_frames = _N_CLUSTERS * _N_EACH
    for state, share in enumerate(_SHARES, start=1):
        error = np.sqrt(share * (1 - share) / n_frames)
        for kind, expected in (("model", share), ("reference", share), ("difference", 0.0)):
            value = metrics[f"population_{kind}_state{state}"].value
            factor = np.sqrt(2) if kind == "difference" else 1
            assert_agrees(value, error=factor * error, expected=expected, what=kind, n_samples=n_frames)


def test_the_folding_free_energy_is_that_of_the_known_population(metrics, repeated):
    """-kT ln(p / (1 - p)), with the error kT / sqrt(n p (1 - p))."""
    n_frames = _N_CLUSTERS * _N_EACH
    expected = -_KT * np.log(_FOLDED / (1 - _FOLDED)) / KCAL
    error = _KT / KCAL / np.sqrt(n_frames * _FOLDED * (1 - _FOLDED))
    for kind in ("model", "reference"):
        name = f"folding_free_energy_{kind}"
        assert_agrees(metrics[name].value, error=error, expected=expected, what=kind, n_samples=n_frames)
        _judge([found[name].error ** 2 for found in repeated], error**2 * (_N_CLUSTERS - 1) / _N_CLUSTERS, "variance")
    model, reference, difference = (
        metrics[f"folding_free_energy_{kind}"].value for kind in ("model", "reference", "difference")
    )
    assert difference == pytest.approx(model - reference)


def test_a_less_folded_model_has_the_higher_folding_free_energy(reference):
    metrics = _compare(_sample(np.random.default_rng(3), folded=0.1), reference)
    assert metrics["folding_free_energy_difference"].value > 5 * metrics["folding_free_energy_difference"].error


_MISSED = 1 - 0.05 ** (1 / _N_CLUSTERS)
_NEVER = -_KT * np.log(_MISSED / (1 - _MISSED)) / KCAL
"""Free energy of a state that twelve independent clusters miss with 5 %."""


def _all_or_none(ensemble, share):
    """The ensemble with all frames folded, or none."""
    weights, none = ensemble.weights, 0 * ensemble.weights
    return replace(ensemble, folded=np.column_stack([share * weights, none, share * weights, (1 - share) * weights]))


@pytest.mark.parametrize(("share", "sign", "bound"), [(0.0, 1, "at least"), (1.0, -1, "at most")])
def test_a_state_that_the_model_never_saw_gives_a_bound(model, reference, share, sign, bound):
    metrics = _compare(_all_or_none(model, share), reference)
    own, known, difference = (metrics[f"folding_free_energy_{k}"] for k in ("model", "reference", "difference"))
    assert own.value == pytest.approx(sign * _NEVER)
    assert difference.value == pytest.approx(sign * _NEVER - known.value)
    assert (own.bound, known.bound, difference.bound) == (bound, "", bound)
    assert (own.error, difference.error) == (None, None)
    assert known.error > 0
    assert own.noise_floor > 0, "the halves of the reference know both states"


@pytest.mark.parametrize(("share", "sign", "bound"), [(0.0, 1, "at most"), (1.0, -1, "at least")])
def test_a_state_that_the_reference_never_saw_bounds_the_difference_from_the_other_side(
    model, reference, share, sign, bound
):
    metrics = _compare(model, _all_or_none(reference, share))
    own, known, difference = (metrics[f"folding_free_energy_{k}"] for k in ("model", "reference", "difference"))
    assert difference.value == pytest.approx(own.value - sign * _NEVER)
    assert (own.bound, difference.bound) == ("", bound)
    assert (known.error, difference.error) == (None, None)
    assert own.noise_floor is known.noise_floor is difference.noise_floor is None
    assert own.error > 0


def test_two_bounds_have_no_difference(model, reference):
    metrics = _compare(_all_or_none(model, 0.0), _all_or_none(reference, 0.0))
    assert "folding_free_energy_difference" not in metrics
    assert metrics["folding_free_energy_model"].bound == metrics["folding_free_energy_reference"].bound == "at least"


def test_a_state_that_one_cluster_saw_has_a_finite_error_of_the_order_of_kt(model, reference):
    """As a single event has by Poisson: its relative error is one."""
    rare = np.zeros_like(model.folded)
    rare[3], rare[:, 3] = [40.0, 0.0, 40.0, 0.0], model.weights
    rare[3, 3] -= 40.0
    metric = _compare(replace(model, folded=rare), reference, n_bootstrap=400)["folding_free_energy_model"]
    assert metric.value == pytest.approx(-_KT * np.log(40 / (_N_CLUSTERS * _N_EACH - 40)) / KCAL)
    assert metric.error == pytest.approx(_KT / KCAL, rel=0.1)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_population_of_a_state_that_was_never_seen_has_an_error(model, reference, share):
    """1 / n of the n clusters, and likewise where nothing else was seen."""
    macrostates = np.zeros_like(model.macrostates)
    macrostates[:, 0 if share else 1] = model.weights
    metrics = _compare(replace(model, macrostates=macrostates), reference)
    assert metrics["population_model_state1"].value == share
    assert metrics["population_model_state1"].error == pytest.approx(1 / _N_CLUSTERS)
    own = metrics["population_reference_state1"].error
    assert own < 0.2 / _N_CLUSTERS, "control: the reference knows its share"
    assert metrics["population_difference_state1"].error == pytest.approx(np.hypot(1 / _N_CLUSTERS, own), rel=1e-3)


def test_a_reweighted_reference_has_the_errors_of_its_weights(model, reference):
    """Rows are states of two bundles: the first holds all of the first macrostate, whose weight is known."""
    rows = np.eye(3)[np.r_[0, 1, 2, [1] * (_N_CLUSTERS - 3)]]
    bundles = np.repeat([0, 1], _N_CLUSTERS // 2)
    reference = replace(reference, macrostates=rows * reference.weights[:, None], groups=bundles)
    rng = np.random.default_rng(3)
    draws, halves = np.ones((500, _N_CLUSTERS)), np.ones((40, 2, _N_CLUSTERS))
    draws[:, 0] = 1 + 0.1 * rng.standard_normal(500)
    halves[:, 0, 0], halves[:, 1, 0] = 1.3, 0.9
    found = _compare(model, replace(reference, draws=draws, halves=halves), n_bootstrap=500)
    metric = found["population_reference_state1"]
    share = 1 / _N_CLUSTERS
    # Resamples of two bundles have half the variance of the mean.
    assert metric.error == pytest.approx(np.sqrt(2) * 0.1 * share * (1 - share), rel=0.1)
    first, second = (factor / (factor + _N_CLUSTERS - 1) for factor in (1.3, 0.9))
    assert metric.noise_floor == pytest.approx(first - second)
    never = _compare(model, _all_or_none(replace(reference, draws=draws, halves=halves), 0.0), n_bootstrap=20)
    chance = 1 - 0.05 ** (1 / 2)
    bound = never["folding_free_energy_reference"].value
    assert bound == pytest.approx(-_KT * np.log(chance / (1 - chance)) / KCAL), "of two bundles, not of twelve rows"
    profiles = _profiles(replace(reference, draws=draws))
    assert profiles.macrostate_errors[0] == pytest.approx(metric.error, rel=0.1)


def test_the_scale_of_the_weights_does_not_matter(metrics, reference):
    scaled = _compare(_sample(np.random.default_rng(1), weight=1e-6), reference)
    for name, metric in metrics.items():
        assert scaled[name].value == pytest.approx(metric.value, rel=1e-9), name
        assert scaled[name].error == pytest.approx(metric.error, rel=1e-6), name


def test_the_mirror_images_are_a_share_of_those_near_the_native_structure(metrics):
    expected = _MIRRORED / (_FOLDED + _MIRRORED)
    n_near = _N_CLUSTERS * _N_EACH * (_FOLDED + _MIRRORED)
    error = np.sqrt(expected * (1 - expected) / n_near)
    value = metrics["mirror_image_fraction_near_native"].value
    assert_agrees(value, error=error, expected=expected, what="mirror images", n_samples=n_near)


def test_of_no_frame_near_the_native_structure_nothing_is_said_of_mirror_images(reference):
    model = _all_or_none(reference, 0.0)
    assert "mirror_image_fraction_near_native" not in _compare(model, reference)


def test_mirror_images_that_no_cluster_saw_have_the_error_of_their_number(model, reference):
    folded = model.folded.copy()
    folded[:, 1] = 0.0
    metric = _compare(replace(model, folded=folded), reference)["mirror_image_fraction_near_native"]
    assert (metric.value, metric.error) == (0.0, pytest.approx(1 / _N_CLUSTERS))


def test_contacts_and_pair_distances_by_hand(reference):
    """Contacts of one pair lost, of three with probabilities 0.9, 0.5 and 0.1; one pair's distances moved away."""
    contacts, pairs = reference.contacts.copy(), np.zeros_like(reference.pairs)
    contacts[:, 0] = 0.0
    pairs[:, 0, 0] = reference.weights
    lone = np.zeros_like(reference.pairs)
    lone[:, :, 1] = reference.weights[:, None]
    pairs[:, 1:] = lone[:, 1:]
    metrics = _compare(replace(reference, contacts=contacts, pairs=pairs), replace(reference, pairs=lone))
    lost = reference.contacts[:, 0].sum() / reference.weights.sum()
    assert metrics["contact_probability_rmse"].value == pytest.approx(lost / np.sqrt(3))
    assert metrics["js_pair_distances"].value == pytest.approx(np.log(2) / 3)


def test_a_known_difference_of_free_energies_is_found(reference):
    """Two bins with shares 1:1 in the reference and 1:3 in the model: kT ln(1/2) and kT ln(3/2)."""
    lines, other = (np.zeros_like(reference.lines) for _ in range(2))
    lines[:, :, 4:6] = np.array([0.5, 0.5]) * _N_EACH
    other[:, :, 4:6] = np.array([0.25, 0.75]) * _N_EACH
    value = _compare(replace(reference, lines=other), replace(reference, lines=lines))["free_energy_rmse_rmsd"].value
    expected = _KT / KCAL * np.sqrt((np.log(0.5) ** 2 + np.log(1.5) ** 2) / 2)
    assert value == pytest.approx(expected)


def test_metrics_without_common_bins_are_left_out_and_the_rest_stays(metrics, reference):
    """The model lies at one end of the slow coordinates, the reference at the other."""
    ends = []
    for corner in (0, _N_BINS - 1):
        surface = np.zeros_like(reference.surface)
        surface[:, 0, corner, corner] = reference.weights
        ends.append(replace(reference, surface=surface))
    found = _compare(*ends)
    gone = {"free_energy_mse[tica]", "free_energy_rmse_weighted_by_reference[tica]"}
    assert set(metrics) - set(found) == gone
    assert found["js_tic1_tic2[tica]"].value == pytest.approx(np.log(2))


def test_without_states_and_native_structure_the_rest_stays(reference):
    bare = replace(
        reference,
        surface=np.zeros((_N_CLUSTERS, 1, 0, 0)),
        macrostates=np.zeros((_N_CLUSTERS, 0)),
        lines=reference.lines[:, :1],
        folded=np.zeros((_N_CLUSTERS, 3)),
    )
    assert list(_compare(bare, bare, coordinates=_COORDINATES[:1])) == [
        "js_radius_of_gyration",
        "free_energy_rmse_radius_of_gyration",
        "contact_probability_rmse",
        "js_pair_distances",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("surface", r"surfaces have \(10, 9\) and \(10, 10\) bins"),
        ("lines", r"lines have shape \(\d+, 99\) in the model and \(\d+, 100\) in the reference; .*same states"),
        ("pairs", r"pairs have shape \(\d+, 127\) in the model and \(\d+, 128\) in the reference"),
        ("macrostates", r"macrostates have shape \(2,\) in the model and \(3,\) in the reference"),
    ],
)
def test_other_grids_are_refused(model, reference, name, message):
    smaller = getattr(model, name)[..., :-1]
    with pytest.raises(DataError, match=message):
        _compare(replace(model, **{name: smaller}), reference)


@pytest.mark.parametrize("name", ["model", "reference"])
def test_a_single_unit_tells_nothing_of_its_errors(model, reference, name):
    one = _sample(np.random.default_rng(4), n_clusters=1)
    pair = {"model": model, "reference": reference, name: one}
    with pytest.raises(DataError, match=f"the {name} has 1 independent unit of frames"):
        _compare(pair["model"], pair["reference"])


def test_the_same_stream_gives_the_same_bits(model, reference, metrics):
    assert _compare(model, reference) == metrics
    assert _compare(model, reference, seed=2) != metrics, "control: the stream is used"


def _kinetics(timescales, relative_errors):
    blank = np.zeros((1, 1))
    fields = dict.fromkeys(Kinetics.__dataclass_fields__, blank)
    timescales = np.asarray(timescales, dtype=float)
    errors = timescales * np.asarray(relative_errors)
    return Kinetics(**{**fields, "timescales": timescales, "timescale_errors": errors})


def _compare_kinetics(model, reference):
    return {metric.metric: metric for metric in compare_kinetics(model, reference, n_samples=(700, 900))}


def test_the_speed_up_of_a_chain_that_is_seven_times_faster():
    """What is left of each timescale is nothing; three independent errors of 5 % make one of 5 % / sqrt(3)."""
    slow = np.array([700.0, 70.0, 7.0])
    metrics = _compare_kinetics(_kinetics(slow / 7, [0.03] * 3), _kinetics(slow, [0.04] * 3))
    assert metrics["speed_up"].value == pytest.approx(7)
    assert metrics["speed_up"].error == pytest.approx(7 * 0.05 / np.sqrt(3))
    assert metrics["speed_up"].unit == "1"
    for k, timescale in enumerate(slow, start=1):
        assert metrics[f"timescale{k}_log_ratio_after_speed_up"].value == pytest.approx(0.0, abs=1e-12)
        rows = [metrics[f"timescale{k}_{kind}"] for kind in ("model", "reference")]
        assert [row.value for row in rows] == pytest.approx([timescale / 7, timescale])
        assert [row.error for row in rows] == pytest.approx([0.03 * timescale / 7, 0.04 * timescale])
        assert {row.unit for row in rows} == {"ps"}


def test_what_is_left_after_the_common_speed_up():
    """Ratios 2 and 8 have the mean 4; the first is half of it, the second twice."""
    metrics = _compare_kinetics(_kinetics([10, 1], [0.1, 0.1]), _kinetics([20, 8], [0.1, 0.1]))
    assert metrics["speed_up"].value == pytest.approx(4)
    left = [metrics[f"timescale{k}_log_ratio_after_speed_up"].value for k in (1, 2)]
    assert left == pytest.approx([-np.log(2), np.log(2)])
    # (x1 - x2) / 2 of two numbers with the error sqrt(0.1^2 + 0.1^2) each
    assert metrics["timescale1_log_ratio_after_speed_up"].error == pytest.approx(0.1)


def test_timescales_shorter_than_the_lag_mean_nothing():
    model, reference = _kinetics([10, 3], [0.1, 0.1]), _kinetics([40, 30], [0.1, 0.1])
    metrics = _compare_kinetics(replace(model, lag=np.array([5.0])), replace(reference, lag=np.array([20.0])))
    assert metrics["speed_up"].value == pytest.approx(4)
    assert set(metrics) == {"timescale1_model", "timescale1_reference", "speed_up"}, "one process alone sets the speed"


def test_timescales_that_one_ensemble_lacks_are_left_out():
    nan = np.nan
    metrics = _compare_kinetics(_kinetics([10, nan, 1], [0.1, nan, 0.1]), _kinetics([20, 5, nan], [0.1, 0.1, nan]))
    assert [name for name in metrics if name.endswith("_model")] == ["timescale1_model"]
    assert metrics["speed_up"].value == pytest.approx(2)
    assert np.isfinite([metrics["speed_up"].error, metrics["speed_up"].noise_floor]).all()
    assert _compare_kinetics(_kinetics([nan], [nan]), _kinetics([5], [0.1])) == {}


def test_numbers_of_frames_of_kinetics():
    metric = _compare_kinetics(_kinetics([10], [0.1]), _kinetics([20], [0.1]))["speed_up"]
    assert (metric.n_samples_model, metric.n_samples_reference) == (700, 900)


def _profiles(ensemble, final=None):
    final = ensemble.surface.sum((0, 1)) if final is None else final
    return chain_profiles(ensemble, final, thermal_energy=_KT, n_bootstrap=60, rng=np.random.default_rng(4))


def test_profiles_are_minus_kt_log_p(reference):
    """Lines with their lowest bin at zero, the surface as it is; errors kT / sqrt(n p) for rare bins."""
    profiles = _profiles(reference)
    n_frames = _N_CLUSTERS * _N_EACH
    share = reference.surface.sum((0, 1)) / n_frames
    np.testing.assert_allclose(profiles.tic_surface, -_KT * np.log(share))
    line = reference.lines[:, 1].sum(0)
    np.testing.assert_allclose(profiles.lines[1], -_KT * np.log(line / line.max()))
    np.testing.assert_allclose(profiles.macrostates, reference.macrostates.sum(0) / n_frames)
    np.testing.assert_allclose(profiles.contacts, reference.contacts.sum(0) / n_frames)
    errors = np.sqrt(_SHARES * (1 - _SHARES) / n_frames)
    assert_agrees(profiles.macrostate_errors, error=errors / np.sqrt(22), expected=errors, what="error", n_samples=12)


def test_a_bin_that_one_cluster_saw_has_the_error_of_one_event(reference):
    lines = reference.lines.copy()
    lines[:, 0, 50] = 0.0
    lines[3, 0, 50] = 5.0
    profiles = _profiles(replace(reference, lines=lines))
    assert np.isfinite(profiles.lines[0, 50])
    assert profiles.line_errors[0, 50] == pytest.approx(_KT, rel=0.3)
    assert profiles.line_errors[0, 30] < 0.2 * _KT


def test_convergence_ends_at_the_whole():
    """Two stretches of time in different corners: half of the whole has the divergence of 1 from (1/2, 1/2)."""
    ensemble = _sample(np.random.default_rng(5))
    surface = np.zeros((_N_CLUSTERS, 2, _N_BINS, _N_BINS))
    surface[:, 0, 0, 0] = surface[:, 1, 9, 9] = 1000.0
    found = _profiles(replace(ensemble, surface=surface)).tic_convergence_js
    first = 0.5 * (np.log(4 / 3) + 0.5 * np.log(2 / 3) + 0.5 * np.log(2))
    np.testing.assert_allclose(found, [first, 0.0], atol=1e-12)


def test_profiles_without_states(reference):
    bare = replace(reference, surface=np.zeros((_N_CLUSTERS, 1, 0, 0)), macrostates=np.zeros((_N_CLUSTERS, 0)))
    profiles = _profiles(bare)
    assert profiles.tic_surface.size == profiles.macrostates.size == profiles.tic_convergence_js.size == 0
    assert np.isfinite(profiles.lines[:, 50]).all()
