"""Every frame of an ensemble is read once, in order, and counted in the cluster where it belongs.

A frame is known by the position of its bead: x is its number within its trajectory or replica, y that of the
trajectory or replica over all files.
"""

import numpy as np
import pytest

from cgpipe.cli import units
from cgpipe.cli.units import layout, read_units
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.topology import Topology

_BEAD = Topology(names=("CA",), elements=("C",), residue_names=("GLY",), residue_numbers=(1,), masses=(12.0,), bonds=())


def _write(path, positions, *, n_replicas=1, lengths=None):
    """One file; positions (n_frames, 1, 3)."""
    arrays = None if lengths is None else {"lengths": np.array(lengths)}
    with create_h5md(path, _BEAD, frame_interval=1.0, provenance={}, arrays=arrays, n_replicas=n_replicas) as writer:
        writer.append(positions, log_weights=positions[:, 0, 0])
    return path


def _labelled(times, numbers):
    return np.stack([times, numbers, np.zeros(len(times))], axis=-1)[:, None].astype(np.float32)


@pytest.fixture
def trajectories(tmp_path):
    """Maker of files of trajectories with given lengths, file by file."""

    def make(lengths):
        paths, number = [], 0
        for index, own in enumerate(lengths):
            parts = []
            for length in own:
                parts.append(_labelled(np.arange(length), np.full(length, number)))
                number += 1
            path = tmp_path / f"t{index}.h5md"
            paths.append(_write(path, np.concatenate(parts), lengths=own if len(own) > 1 else None))
        return paths

    return make


@pytest.fixture
def replicas(tmp_path):
    """Maker of files of (number of replicas, number of times), which hold all replicas of one time together."""

    def make(sizes):
        paths, before = [], 0
        for index, (n_replicas, n_times) in enumerate(sizes):
            times = np.repeat(np.arange(n_times), n_replicas)
            numbers = before + np.tile(np.arange(n_replicas), n_times)
            paths.append(_write(tmp_path / f"r{index}.h5md", _labelled(times, numbers), n_replicas=n_replicas))
            before += n_replicas
        return paths

    return make


def _read(paths, *, n_blocks=3, start=0):
    plan = layout(paths, n_blocks=n_blocks, simulated=paths[0].name.startswith("r"))
    return plan, list(read_units(plan, start=start))


def _series(parts):
    """Frame numbers of every time series, as the pieces follow one another, and the series' label of the bead."""
    found = {}
    for frames, unit in parts:
        times = frames.positions[:, 0, 0].reshape(-1, unit.n_series)
        labels = frames.positions[:, 0, 1].reshape(-1, unit.n_series)
        for column in range(unit.n_series):
            number = unit.series + column
            assert set(labels[:, column]) == {number}
            found.setdefault(number, []).extend(times[:, column].tolist())
    return found


def _clusters(parts):
    """Number of frames of each cluster, and the groups that its pieces name."""
    counts, groups = {}, {}
    for frames, unit in parts:
        counts[unit.cluster] = counts.get(unit.cluster, 0) + frames.n_frames
        groups.setdefault(unit.cluster, set()).add(unit.group)
    return counts, groups


def _assert_clusters_fit(plan, parts):
    """Clusters are numbered without a gap, and each belongs to the group that the layout says."""
    counts, groups = _clusters(parts)
    assert sorted(counts) == list(range(len(plan.cluster_groups)))
    for cluster, names in groups.items():
        assert names == {plan.cluster_groups[cluster]}


def test_few_trajectories_give_each_block_of_time_a_cluster(trajectories):
    plan, parts = _read(trajectories([[10], [7], [12]]))
    assert _series(parts) == {k: list(range(n)) for k, n in enumerate((10, 7, 12))}
    assert plan.cluster_groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert _clusters(parts)[0] == dict(enumerate([4, 3, 3, 3, 2, 2, 4, 4, 4]))
    _assert_clusters_fit(plan, parts)


def test_blocks_of_time_follow_one_another(trajectories):
    _, parts = _read(trajectories([[10]]))
    assert [unit.time for _, unit in parts] == [0, 1, 2]
    assert [frames.positions[:, 0, 0].tolist() for frames, _ in parts] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_file_that_joins_trajectories_is_read_as_these(trajectories):
    """Two files, one of which joins three trajectories, or six files: the same units."""
    joined, parts = _read(trajectories([[5, 9, 4], [6]]))
    assert _series(parts) == {k: list(range(n)) for k, n in enumerate((5, 9, 4, 6))}
    assert joined.n_trajectories == 4
    _assert_clusters_fit(joined, parts)
    _, single = _read(trajectories([[5], [9], [4], [6]]))
    assert [unit for _, unit in parts] == [unit for _, unit in single]


@pytest.mark.parametrize(("n", "n_clusters"), [(4, 4), (9, 9), (64, 64), (150, 64)])
def test_many_trajectories_are_clusters_of_their_own_or_in_bundles(trajectories, n, n_clusters):
    plan, parts = _read(trajectories([[4] * (n - 3), [5] * 3]))
    assert len(plan.cluster_groups) == n_clusters
    _assert_clusters_fit(plan, parts)
    expected = {k: list(range(4 if k < n - 3 else 5)) for k in range(n)}
    assert _series(parts) == expected


def test_bundles_hold_neighbours_and_are_of_one_size(trajectories):
    _, parts = _read(trajectories([[4] * 150]))
    members = {}
    for _, unit in parts:
        members.setdefault(unit.group, set()).add(unit.series)
    assert {len(series) for series in members.values()} == {2, 3}
    assert [k for group in sorted(members) for k in sorted(members[group])] == list(range(150))


def test_a_trajectory_shorter_than_the_blocks_leaves_some_empty(trajectories):
    """No piece is empty; three trajectories of two frames in three blocks fill two clusters each."""
    _, parts = _read(trajectories([[2], [2], [2]]))
    assert all(frames.n_frames for frames, _ in parts)
    assert _series(parts) == {k: [0.0, 1.0] for k in range(3)}
    assert sorted(_clusters(parts)[0]) == [0, 1, 3, 4, 6, 7]


def test_groups_of_replicas_are_clusters(replicas):
    plan, parts = _read(replicas([(5, 7)]))
    assert _series(parts) == {k: list(range(7)) for k in range(5)}
    assert plan.cluster_groups.tolist() == [0, 1, 2, 3, 4]
    _assert_clusters_fit(plan, parts)
    assert _clusters(parts)[0] == dict.fromkeys(range(5), 7)


def test_many_replicas_share_groups(replicas):
    plan, parts = _read(replicas([(100, 6)]))
    assert _series(parts) == {k: list(range(6)) for k in range(100)}
    assert len(plan.cluster_groups) == 64
    _assert_clusters_fit(plan, parts)
    assert set(_clusters(parts)[0].values()) == {6, 12}


def test_replicas_of_several_files_are_told_apart(replicas):
    """The second file has fewer replicas and more times."""
    plan, parts = _read(replicas([(70, 4), (3, 9)]))
    assert _series(parts) == {k: list(range(4 if k < 70 else 9)) for k in range(73)}
    assert len(plan.cluster_groups) == 67
    _assert_clusters_fit(plan, parts)


def test_the_start_is_left_out_of_every_replica(replicas):
    _, parts = _read(replicas([(5, 9), (3, 9)]), start=4)
    assert _series(parts) == {k: [4, 5, 6, 7, 8] for k in range(8)}
    assert {unit.time for _, unit in parts} == {0, 1, 2}


def test_weights_travel_with_their_frames(replicas):
    """Each frame was written with its time as logarithm of its weight."""
    _, parts = _read(replicas([(5, 9)]), start=2)
    for frames, _ in parts:
        np.testing.assert_array_equal(frames.log_weights, frames.positions[:, 0, 0])


@pytest.fixture
def sizes(monkeypatch):
    """Number of frames of each reading, at most ten of which may come at once."""
    monkeypatch.setattr(units, "_FRAMES_AT_ONCE", 10)
    found = []
    read = H5mdFile.frames

    def recorded(self, start=0, stop=None):
        found.append(stop - start)
        return read(self, start, stop)

    monkeypatch.setattr(H5mdFile, "frames", recorded)
    return found


def test_pieces_of_a_trajectory_keep_to_the_limit(trajectories, sizes):
    plan, parts = _read(trajectories([[101], [30, 31]]))
    assert max(sizes) <= 10
    assert sum(sizes) == 162
    assert _series(parts) == {k: list(range(n)) for k, n in enumerate((101, 30, 31))}
    _assert_clusters_fit(plan, parts)


def test_pieces_of_replicas_keep_to_the_limit(replicas, sizes):
    """Five replicas, so at most two times at once."""
    plan, parts = _read(replicas([(5, 24)]), start=3)
    assert max(sizes) <= 10
    assert sum(sizes) == 5 * 21
    assert _series(parts) == {k: list(range(3, 24)) for k in range(5)}
    _assert_clusters_fit(plan, parts)


def test_all_replicas_of_one_time_are_the_least_that_is_read(replicas, sizes):
    _, parts = _read(replicas([(25, 6)]))
    assert set(sizes) == {25}
    assert _series(parts) == {k: list(range(6)) for k in range(25)}


def test_a_single_replica_is_a_replica(replicas):
    """Its start is left out like any other's, and it shares the numbering with files of more replicas."""
    plan, parts = _read(replicas([(2, 30), (1, 30)]), start=10)
    assert sum(frames.n_frames for frames, _ in parts) == 3 * 20
    assert min(frames.positions[:, 0, 0].min() for frames, _ in parts) == 10
    assert {unit.cluster for _, unit in parts} == set(range(len(plan.cluster_groups))) == {0, 1, 2}


def _frames_of(paths, n_blocks):
    """Bundle of every frame by reading, trajectory by trajectory."""
    plan = layout(paths, n_blocks=n_blocks, simulated=False)
    found = {}
    for frames, unit in read_units(plan):
        found.setdefault(unit.series, []).extend([plan.bundle(unit.series, unit.time)] * frames.n_frames)
    return plan, [found.get(number, []) for number in range(plan.n_trajectories)]


@pytest.mark.parametrize("lengths", [[[30]], [[30, 7], [12]], [[9]] * 4, [[5, 6, 7]] * 9])
def test_frames_are_read_in_the_bundles_that_they_were_fitted_in(trajectories, lengths):
    plan, read = _frames_of(trajectories(lengths), 4)
    for given, found in zip(plan.bundles(), read, strict=True):
        assert given.tolist() == found


@pytest.mark.parametrize(
    ("lengths", "n_bundles"), [([[30]], 4), ([[30, 7], [12]], 12), ([[9]] * 4, 4), ([[5]] * 27, 10)]
)
def test_whole_trajectories_are_bundled_where_there_are_four(trajectories, lengths, n_bundles):
    """Of fewer, every block of time is a bundle."""
    plan = layout(trajectories(lengths), n_blocks=4, simulated=False)
    members = plan.bundles()
    assert set(np.concatenate(members)) == set(range(n_bundles))
    if plan.n_trajectories >= 4:
        assert all(len(set(part)) == 1 for part in members)


def test_the_same_time_of_all_windows_is_one_cluster(tmp_path):
    """Three windows, two trajectories each, dealt in turn: windows mean nothing one by one."""
    paths = []
    for number in range(6):
        path = tmp_path / f"w{number}.h5md"
        arrays = {"window": np.array(number % 3)}
        with create_h5md(path, _BEAD, frame_interval=1.0, provenance={}, arrays=arrays) as writer:
            writer.append(_labelled(np.arange(8), np.full(8, number)))
        paths.append(path)
    plan = layout(paths, n_blocks=4, simulated=False)
    assert plan.cluster_groups.tolist() == [0] * 4 + [1] * 4
    clusters = {}
    for frames, unit in read_units(plan):
        assert unit.group == plan.cluster_groups[unit.cluster]
        for time, number, _ in frames.positions[:, 0]:
            clusters.setdefault(unit.cluster, set()).add((int(number) % 3, int(time) // 2, int(number) // 3))
    for cluster, found in clusters.items():
        assert found == {(window, cluster % 4, cluster // 4) for window in range(3)}
