"""The state space of a chain that hops between two shapes: states, weights, and the way from fit to application."""

import numpy as np
import pytest
from judgement import assert_agrees

from cgpipe.analysis.kinetics import KineticsEstimate
from cgpipe.analysis.states import fit_states, lag_frames
from cgpipe.analysis.stationary import Bundles
from cgpipe.config.sections import MarkovSection
from cgpipe.errors import FitError

from .chain_samples import CARBONS, HoppingChain

_EXCHANGE = HoppingChain(leave=(0.03, 0.01))
"""The second shape, the strand, is the more populous one."""
_SECTION = MarkovSection(lag_ps=4.0, model_lag_ps=4.0, n_clusters=10, n_macrostates=2)
_INTERVAL = 2.0


def _fit(trajectories, section=_SECTION, *, interval=_INTERVAL, seed=5, reweight=False):
    return fit_states(
        trajectories,
        CARBONS,
        section,
        frame_interval=interval,
        seed=seed,
        reweight=Bundles([_bundles(part, k) for k, part in enumerate(trajectories)], 20) if reweight else None,
        rng=np.random.default_rng(7),
    )


def _bundles(positions, number):
    """Ten blocks of a trajectory that is alone, else bundles of every tenth trajectory."""
    return np.arange(len(positions)) * 10 // len(positions) if number == 0 else np.full(len(positions), number % 10)


@pytest.fixture(scope="module")
def shapes():
    """Four trajectories of 2500 frames, from both shapes."""
    rng = np.random.default_rng(21)
    return [_EXCHANGE.shapes(2500, rng, start=number % 2) for number in range(4)]


@pytest.fixture(scope="module")
def trajectories(shapes):
    rng = np.random.default_rng(22)
    return [_EXCHANGE.frames(part, rng) for part in shapes]


@pytest.fixture(scope="module")
def fitted(trajectories):
    return _fit(trajectories)


@pytest.fixture(scope="module")
def space(fitted):
    return fitted[0]


def _macrostates(space, positions):
    return space.macrostates[space.assign(space.project(positions, CARBONS))]


def test_the_macrostates_are_the_two_shapes_the_most_populous_first(space, shapes, trajectories):
    assert space.n_macrostates == 2
    for part, positions in zip(shapes, trajectories, strict=True):
        assert _macrostates(space, positions).tolist() == (1 - part).tolist()


def test_the_first_coordinate_is_the_exchange_and_the_second_is_noise(space, shapes, trajectories):
    tics = np.concatenate([space.project(positions, CARBONS) for positions in trajectories])
    correlations = [np.corrcoef(np.concatenate(shapes), column)[0, 1] for column in tics.T]
    assert abs(correlations[0]) > 0.99
    assert abs(correlations[1]) < 0.1


def test_coordinates_are_scaled_by_what_is_left_of_them_after_the_lag(space, trajectories):
    """Kinetic map: unit variance times the eigenvalue, which is the autocorrelation at the lag of two frames."""
    tics = [space.project(positions, CARBONS) for positions in trajectories]
    mean, variance = np.concatenate(tics).mean(0), np.concatenate(tics).var(0)
    products = np.concatenate([(part[:-2] - mean) * (part[2:] - mean) for part in tics])
    np.testing.assert_allclose(np.sqrt(variance), np.abs(products.mean(0)) / variance, atol=0.01)


def test_the_slowest_timescale_is_that_of_the_exchange(fitted):
    """Relative error 2 / sqrt(n) of a rate from n transitions, half of them each way."""
    n_transitions = 4 * 2500 * 2 * 0.75 * 0.01
    expected = _EXCHANGE.timescale * _INTERVAL
    error = expected / np.sqrt(n_transitions / 2)
    found = fitted[1].timescales(1)
    assert_agrees(found, error=error, expected=expected, what="timescale, ps", n_samples=n_transitions)


def test_turning_and_moving_a_chain_changes_nothing(space, trajectories):
    turned = trajectories[0][:50] @ np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]) + 3.0
    np.testing.assert_allclose(
        space.project(turned, CARBONS), space.project(trajectories[0][:50], CARBONS), atol=2e-5, rtol=0
    )


def test_a_mirror_image_is_another_place(space, shapes, trajectories):
    """Distances alone would not see it; the spread of a helix in its state is the measure."""
    helices = trajectories[0][shapes[0] == 0]
    tics, mirrored = (space.project(x, CARBONS) for x in (helices, helices * np.array([1, 1, -1])))
    assert np.linalg.norm(mirrored.mean(0) - tics.mean(0)) > 5 * np.linalg.norm(tics.std(0))


def test_the_fit_counts_the_frames_that_the_application_assigns(space, fitted, trajectories):
    """A Markov model of the frames as `assign` labels them is the model of the fit."""
    discrete = [space.assign(space.project(positions, CARBONS)) for positions in trajectories]
    again = KineticsEstimate(discrete, space, _SECTION, interval=_INTERVAL).at(round(_SECTION.lag_ps / _INTERVAL))
    np.testing.assert_array_equal(again.counts, fitted[1].counts)


def test_pieces_are_projected_like_the_whole(space, trajectories):
    pieces = [space.project(part, CARBONS) for part in np.array_split(trajectories[0], 7)]
    np.testing.assert_allclose(np.concatenate(pieces), space.project(trajectories[0], CARBONS), atol=1e-12)


def test_every_reference_frame_lies_within_the_limits_and_a_margin_is_left(space, trajectories):
    """The margin is 5 % of the range, on either side."""
    tics = np.concatenate([space.project(positions, CARBONS) for positions in trajectories])
    width = np.ptp(tics, axis=0)
    np.testing.assert_allclose(space.limits[:, 0], tics.min(0) - 0.05 * width)
    np.testing.assert_allclose(space.limits[:, 1], tics.max(0) + 0.05 * width)


def test_the_centre_of_a_macrostate_lies_in_it(space):
    centres = space.macrostate_centres()
    assert space.macrostates[space.assign(centres)].tolist() == [0, 1]


def test_the_centre_is_the_cluster_nearest_to_the_mean_of_the_state(space):
    for state, centre in enumerate(space.macrostate_centres()):
        members = space.centres[space.macrostates == state]
        distances = np.linalg.norm(members - members.mean(0), axis=1)
        assert np.linalg.norm(centre - members.mean(0)) == distances.min()


def test_without_reweighting_all_frames_count_equally(space):
    assert (space.log_weights == 0).all()


_SHORT = HoppingChain(leave=(0.02, 0.08))
_N_SHORT, _N_SHORT_FRAMES = 1000, 12


@pytest.fixture(scope="module")
def out_of_equilibrium():
    """Short trajectories that all start in the rare shape, and their state space with weights."""
    rng = np.random.default_rng(31)
    shapes = [_SHORT.shapes(_N_SHORT_FRAMES, rng, start=1) for _ in range(_N_SHORT)]
    frames = _SHORT.frames(np.concatenate(shapes), rng)
    space, _ = _fit(np.split(frames, _N_SHORT), reweight=True)
    return np.concatenate(shapes), space.assign(space.project(frames, CARBONS)), space


def test_weights_recover_the_populations_of_equilibrium(out_of_equilibrium):
    """The odds are the ratio of two rates, whose relative errors are those of the numbers of transitions.

    Transitions are counted over two frames, each of them in two overlapping windows: the events are as many.
    """
    shapes, clusters, space = out_of_equilibrium
    weights = np.exp(space.log_weights)[clusters]
    share = weights[shapes == 1].sum() / weights.sum()
    expected = _SHORT.populations[1]
    frames = np.array([(shapes == shape).sum() for shape in (0, 1)]) * (1 - 1 / _N_SHORT_FRAMES)
    n_events = frames * _SHORT.leave
    error = expected * (1 - expected) * np.sqrt((1 / n_events).sum())
    assert_agrees(share, error=error, expected=expected, what="population", n_samples=n_events.min())
    assert (shapes == 1).mean() - expected > 10 * error, "control: the frames as they are tell another population"


def test_weights_sum_to_one_over_the_frames(out_of_equilibrium):
    """Each cluster's frames share its stationary probability."""
    _, clusters, space = out_of_equilibrium
    assert np.exp(space.log_weights)[clusters].sum() == pytest.approx(1.0)


@pytest.fixture(scope="module")
def separate():
    """Two trajectories that never leave their shapes."""
    rng = np.random.default_rng(41)
    return [_EXCHANGE.frames(np.full(400, shape), rng) for shape in (0, 1)]


def test_a_disconnected_model_cannot_weight_and_says_what_to_do(separate):
    with pytest.raises(
        FitError, match=r"disconnected: its largest connected set holds 50% .*fewer than 80%.*"
    ) as error:
        _fit(separate, reweight=True)
    for remedy in ("sample more", "lag_ps or n_clusters", "analysis.markov.reweight to false"):
        assert remedy in str(error.value)


def test_a_disconnected_model_still_has_states(separate):
    """Clusters outside the connected set take the macrostate of the nearest one inside."""
    space, model = _fit(separate)
    assert len(model.states) < len(space.centres) == len(space.macrostates)
    assert model.connected_fraction == pytest.approx(0.5)
    inside = space.centres[model.states]
    for centre, state in zip(space.centres, space.macrostates, strict=True):
        nearest = model.states[np.linalg.norm(inside - centre, axis=1).argmin()]
        assert state == space.macrostates[nearest]


def test_frames_of_a_cluster_outside_the_connected_set_weigh_nothing(shapes, trajectories):
    """A trajectory that starts in a third shape, the mirror image of the helix, to which none returns."""
    mirrored = trajectories[0][shapes[0] == 0][:50] * np.array([1, 1, -1])
    space, model = _fit([np.concatenate([mirrored, trajectories[0]])], reweight=True)
    outside = np.setdiff1d(np.arange(10), model.states)
    assert len(outside)
    assert set(space.assign(space.project(mirrored, CARBONS))) == set(outside)
    assert np.isneginf(space.log_weights[outside]).all()
    assert np.isfinite(space.log_weights[model.states]).all()


def test_the_same_seed_gives_the_same_bits(trajectories, fitted):
    again = _fit(trajectories)[0]
    for name, values in fitted[0].to_arrays().items():
        assert values.tobytes() == getattr(again, name).tobytes(), name
    other = _fit(trajectories, seed=6)[0]
    assert not np.array_equal(other.centres, again.centres), "control: the seed is used"


def test_a_lag_shorter_than_the_interval_is_an_error(trajectories):
    with pytest.raises(FitError, match=r"analysis\.markov\.lag_ps 4 is shorter than the interval of frames, 10 ps"):
        _fit(trajectories, interval=10.0)


def test_the_lag_in_frames():
    assert lag_frames(20.0, 2.0, key="lag_ps") == 10


def test_trajectories_shorter_than_the_lag_are_an_error(trajectories):
    with pytest.raises(FitError, match=r"no trajectory is longer than the lag; lower analysis\.markov\.lag_ps"):
        _fit([positions[:2] for positions in trajectories])


def test_short_trajectories_beside_a_long_one_are_no_error(trajectories):
    space, _ = _fit([trajectories[0], trajectories[1][:1]])
    assert space.n_macrostates == 2


def test_too_few_frames_for_the_clusters_are_an_error(trajectories):
    many = _SECTION.model_copy(update={"n_clusters": 100})
    with pytest.raises(FitError, match=r"100 frames cannot make 100 clusters; lower analysis\.markov\.n_clusters"):
        _fit([trajectories[0][:100]], many)


def test_a_single_frame_has_no_interval():
    with pytest.raises(FitError, match="the time between frames is unknown"):
        lag_frames(4.0, 0.0, key="lag_ps")


def test_equal_frames_make_one_cluster(trajectories):
    """Seven different frames over and over cannot make ten clusters."""
    different = np.concatenate([trajectories[0][:4], trajectories[1][:3]])
    order = np.random.default_rng(8).integers(0, 7, 400)
    space, _ = _fit([different[order]])
    assert len(space.centres) == len(space.macrostates) == 7
