"""Histograms of chains whose every frame is known: native, mirrored, stretched, hopping between two shapes."""

from dataclasses import fields

import numpy as np
import pytest

from cgpipe.analysis.chain import coil_radius, far_pairs
from cgpipe.analysis.chain_ensemble import ChainEnsemble, ChainScale, count, measure
from cgpipe.analysis.states import StateSpace

from .chain_samples import CARBONS, HELIX, N_RESIDUES, HoppingChain, shape

_N_FEATURES = 15 + 2 * 5
"""Far pairs; cosine and sine of the dihedrals."""
_MIRRORED = HELIX * np.array([1, 1, -1])
_STRETCHED = shape(3.0, 3.0)


def _space():
    """The first coordinate is the distance of the ends, the second the cosine of the first dihedral.

    Four clusters along the first, of which the two long ones are the first macrostate.
    """
    matrix = np.zeros((_N_FEATURES, 2))
    ends = [tuple(pair) for pair in far_pairs(N_RESIDUES)].index((0, 7))
    matrix[ends, 0] = matrix[15, 1] = 1.0
    return StateSpace(
        mean=np.zeros(_N_FEATURES),
        matrix=matrix,
        limits=np.array([[1.0, 2.0], [-1.0, 1.0]]),
        centres=np.array([[1.0, 0.0], [1.4, 0.0], [1.8, 0.0], [2.2, 0.0]]),
        macrostates=np.array([1, 1, 0, 0]),
        log_weights=np.zeros(4),
        draws=np.empty((0, 4)),
        halves=np.empty((0, 2, 4)),
    )


def _scale(*, native=HELIX, states=None, contact=0.7):
    return ChainScale(CARBONS, native, states, contact=contact, folded_rmsd=0.1, n_bins=10)


def _beads(chains):
    """Nine beads, the first of them no C-alpha atom."""
    chains = np.asarray(chains)
    return np.concatenate([np.zeros((len(chains), 1, 3)), chains], axis=1).astype(np.float32)


def _ensemble(positions, weights, scale, *, n_clusters=1, n_times=1, cluster=0, time=0):
    ensemble = ChainEnsemble.empty(scale, np.arange(n_clusters), n_times)
    rows = np.full(len(positions), cluster)
    count(ensemble, measure(positions, scale), np.asarray(weights, dtype=float), scale, rows=rows, time=time)
    return ensemble


@pytest.fixture(scope="module")
def positions():
    """300 frames that hop between two shapes."""
    rng = np.random.default_rng(3)
    chain = HoppingChain(leave=(0.1, 0.1), noise=0.05)
    return chain.frames(chain.shapes(300, rng, start=0), rng)


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(4).uniform(0.2, 3.0, 300)


@pytest.fixture(scope="module")
def ensemble(positions, weights):
    """All frames in the second of three clusters and the first of two times."""
    return _ensemble(positions, weights, _scale(states=_space()), n_clusters=3, n_times=2, cluster=1)


def test_every_histogram_sums_to_the_weight(ensemble, weights):
    total = weights.sum()
    np.testing.assert_allclose(ensemble.surface[1].sum(), total)
    np.testing.assert_allclose(ensemble.lines[1].sum(-1), total)
    np.testing.assert_allclose(ensemble.pairs[1].sum(-1), total, rtol=1e-6)  # single precision
    np.testing.assert_allclose(ensemble.macrostates[1].sum(), total)
    assert ensemble.weights[1] == pytest.approx(total)
    assert ensemble.n_frames.tolist() == [0, 300, 0]


def test_frames_count_in_their_cluster_and_time_only(ensemble):
    for field in fields(ensemble):
        if field.name not in {"groups", "draws", "halves"}:
            assert not getattr(ensemble, field.name)[[0, 2]].any(), field.name
    assert not ensemble.surface[1, 1].any()


def test_pieces_add_up_to_the_whole(positions, weights, ensemble):
    scale = _scale(states=_space())
    pieces = ChainEnsemble.empty(scale, np.arange(3), 2)
    for part in np.array_split(np.arange(300), 7):
        rows = np.ones(len(part), dtype=int)
        count(pieces, measure(positions[part], scale), weights[part], scale, rows=rows, time=0)
    for name, values in ensemble.to_arrays().items():
        np.testing.assert_allclose(getattr(pieces, name), values, rtol=1e-5, err_msg=name)


def test_weights_count_like_repeated_frames(positions):
    """A frame of weight three is three frames of weight one, but for the effective number."""
    scale = _scale(states=_space())
    times = np.arange(300) % 3 + 1
    weighted = _ensemble(positions, times, scale)
    repeated = _ensemble(np.repeat(positions, times, axis=0), np.ones(times.sum()), scale)
    for name in ("surface", "lines", "pairs", "contacts", "macrostates", "folded", "weights"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), err_msg=name)
    plain = _ensemble(positions, np.ones(300), scale)
    assert not np.allclose(plain.lines / plain.weights[0], weighted.lines / weighted.weights[0]), "control"


def test_frames_of_several_rows_count_each_in_its_own(positions, weights):
    """As if the frames of each row had been given by themselves."""
    scale = _scale(states=_space())
    rows = np.random.default_rng(6).integers(0, 3, len(positions))
    mixed = ChainEnsemble.empty(scale, np.arange(4), 1)
    count(mixed, measure(positions, scale), weights, scale, rows=rows, time=0)
    for row in range(3):
        alone = _ensemble(positions[rows == row], weights[rows == row], scale, n_clusters=4, cluster=row)
        for name in ("surface", "lines", "pairs", "contacts", "macrostates", "folded", "weights", "n_frames"):
            np.testing.assert_allclose(getattr(mixed, name)[row], getattr(alone, name)[row], rtol=1e-5, err_msg=name)
    assert not mixed.lines[3].any()


def test_contacts_by_hand():
    """Two squares of side 0.4 nm, one 0.5 nm above the other, with weight 1; nothing touches in the other chain."""
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]) * 0.4
    coil = np.concatenate([square, square + np.array([0, 0, 0.5])])
    ensemble = _ensemble(_beads([coil, _STRETCHED]), [1.0, 10.0], _scale(contact=0.6))
    pairs = far_pairs(N_RESIDUES)
    touching = {tuple(pair) for pair, weight in zip(pairs, ensemble.contacts[0], strict=True) if weight}
    assert touching == {(0, 3), (4, 7), (0, 4), (1, 5), (2, 6), (3, 7)}
    assert set(ensemble.contacts[0]) == {0.0, 1.0}


def test_a_pair_counts_in_the_bin_of_its_distance():
    """The ends of the stretched chain; bins from 0.3 nm to four radii of a coil."""
    scale = _scale()
    row = [tuple(pair) for pair in far_pairs(N_RESIDUES)].index((0, 7))
    distance = np.linalg.norm(_STRETCHED[7] - _STRETCHED[0])
    high = 4 * 0.1927 * N_RESIDUES**0.598
    edges = np.linspace(0.3, high, 129)
    histogram = _ensemble(_beads([_STRETCHED]), [1.0], scale).pairs[0, row]
    (filled,) = np.flatnonzero(histogram)
    assert edges[filled] <= distance < edges[filled + 1]


def test_the_first_slow_coordinate_runs_along_the_first_axis_of_the_surface():
    """The ends are 1.6 to 1.7 nm apart: bin 6 of ten from 1 to 2; cos 1.0 = 0.54 is in bin 7 of ten from -1 to 1."""
    chain = shape(2.0, 1.0)
    assert 1.6 < np.linalg.norm(chain[7] - chain[0]) < 1.7
    ensemble = _ensemble(_beads([chain]), [1.0], _scale(states=_space()))
    assert np.argwhere(ensemble.surface[0, 0]).tolist() == [[6, 7]]


def test_values_outside_count_in_the_outermost_bins():
    """Ends nearer than 1 nm and farther than 2 nm; dihedrals between."""
    near, far = shape(1.59, 0.2), _STRETCHED
    ends = [np.linalg.norm(chain[7] - chain[0]) for chain in (near, far)]
    assert ends[0] < 1
    assert ends[1] > 2
    ensemble = _ensemble(_beads([near, far]), [1.0, 2.0], _scale(states=_space()))
    assert ensemble.surface[0, 0].sum(1).tolist() == [1.0, *[0.0] * 8, 2.0]
    row = [coordinate.name for coordinate in _scale(states=_space()).coordinates].index("tic1")
    assert ensemble.lines[0, row, [0, -1]].tolist() == [1.0, 2.0]


def test_folded_mirrored_and_either():
    """Weight 1 of native frames, 2 of mirrored ones, 4 of stretched ones."""
    rng = np.random.default_rng(5)
    chains = [HELIX, _MIRRORED, _STRETCHED] + 0.01 * rng.standard_normal((3, N_RESIDUES, 3))
    ensemble = _ensemble(_beads(chains), [1.0, 2.0, 4.0], _scale())
    assert ensemble.folded[0].tolist() == [1.0, 2.0, 3.0, 6.0]


def test_a_frame_near_to_both_is_a_mirror_image_only_if_it_is_nearer_to_that():
    """With a limit wider than the distance of both, all weight is near; the mirrored frames are told apart."""
    scale = ChainScale(CARBONS, HELIX, None, contact=0.7, folded_rmsd=2.0, n_bins=10)
    ensemble = _ensemble(_beads([HELIX, _MIRRORED]), [1.0, 2.0], scale)
    assert ensemble.folded[0].tolist() == [1.0, 2.0, 3.0, 2.0]


def test_frames_that_are_all_folded_leave_no_rest_by_rounding():
    """Weights that are no whole numbers, in every order of summation."""
    weights = np.random.default_rng(3).uniform(0.1, 1.0, 999)
    assert _ensemble(_beads([HELIX] * 999), weights, _scale()).folded[0, 3] == 0.0


def test_without_a_native_structure_nothing_is_folded():
    scale = _scale(native=None)
    ensemble = _ensemble(_beads([HELIX]), [1.0], scale)
    assert ensemble.folded[0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert [coordinate.name for coordinate in scale.coordinates] == ["radius_of_gyration"]


def test_macrostates_are_those_of_the_nearest_clusters():
    """Ends 0.5 nm apart lie in the first cluster and the second macrostate, those of the strand in the other."""
    ensemble = _ensemble(_beads([shape(1.59, 0.2), _STRETCHED]), [1.0, 2.0], _scale(states=_space()))
    assert ensemble.macrostates[0].tolist() == [2.0, 1.0]


def test_coordinates_and_their_rows(positions):
    scale = _scale(states=_space())
    names = ["radius_of_gyration", "rmsd", "native_contacts", "tic1", "tic2"]
    assert [coordinate.name for coordinate in scale.coordinates] == names
    assert scale.coordinates[3].limits == (1.0, 2.0)
    values = measure(positions[:1], scale).values[0]
    chain = positions[0, 1:].astype(float)
    assert values[0] == pytest.approx(np.sqrt(((chain - chain.mean(0)) ** 2).sum(-1).mean()))
    assert values[3] == pytest.approx(np.linalg.norm(chain[7] - chain[0]))


def test_the_native_structure_has_all_its_contacts_and_no_distance_to_itself():
    measured = measure(_beads([HELIX]), _scale())
    assert measured.rmsd[0, 0] == pytest.approx(0.0, abs=1e-6)
    assert measured.rmsd[0, 1] > 0.1
    assert measured.values[0, 1] == measured.rmsd[0, 0]
    assert measured.values[0, 2] > 0.95


def test_limits_follow_the_size_of_a_coil():
    """0.1927 nm N^0.598: 0.668 nm for eight residues."""
    assert coil_radius(8) == pytest.approx(0.668, abs=5e-4)
    assert _scale().pair_limits == (0.3, pytest.approx(2.673, abs=2e-3))


def test_without_states_there_is_no_surface():
    ensemble = _ensemble(_beads([HELIX]), [1.0], _scale())
    assert ensemble.surface.size == 0
    assert ensemble.macrostates.shape == (1, 0)
