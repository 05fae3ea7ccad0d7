"""H5MD files: what was written comes back, other programs read it, damage is named."""

import warnings

import h5py
import numpy as np
import pytest

from cgpipe.data.h5md import H5mdFile, create_h5md, load_trajectories
from cgpipe.errors import DataError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.h5md"


def _write(path, topology, *pieces, **arguments):
    with create_h5md(path, topology, frame_interval=0.2, provenance={"seed": 3}, **arguments) as writer:
        for piece in pieces:
            writer.append(**piece)


def _slices(frames, *bounds):
    return [{key: value[start:stop] for key, value in frames.items()} for start, stop in bounds]


@pytest.mark.parametrize("bounds", [[(0, 30)], [(0, 1), (1, 30)], [(0, 7), (7, 14), (14, 30)]])
def test_frames_come_back_however_they_were_cut(path, topology, frames, bounds):
    _write(path, topology, *_slices(frames, *bounds))
    loaded = load_trajectories(path)[0]
    assert loaded.topology == topology
    for key, values in frames.items():
        assert np.array_equal(getattr(loaded, key), values), key


def test_chunks_join_to_the_whole(path, topology, frames):
    _write(path, topology, frames)
    with H5mdFile(path) as file:
        chunks = list(file.chunks(8))
    assert [chunk.n_frames for chunk in chunks] == [8, 8, 8, 6]
    assert np.array_equal(np.concatenate([chunk.forces for chunk in chunks]), frames["forces"])


@pytest.mark.parametrize("chosen", [[], [0], [29], [3, 4, 5, 6], [0, 7, 8, 21, 29]])
def test_selected_frames_are_those_that_were_named(path, topology, frames, chosen):
    _write(path, topology, frames)
    with H5mdFile(path) as file:
        parts = list(file.selected(np.array(chosen, dtype=np.intp), 8))
    assert sum(part.n_frames for part in parts) == len(chosen)
    if chosen:
        assert np.array_equal(np.concatenate([part.positions for part in parts]), frames["positions"][chosen])
        assert np.array_equal(np.concatenate([part.forces for part in parts]), frames["forces"][chosen])


def test_what_belongs_to_the_whole_comes_back(path, topology, frames):
    energies = np.arange(30.0)
    _write(path, topology, {**frames, "potential_energy": energies}, arrays={"constraints": np.array([[0, 1]])})
    with H5mdFile(path) as file:
        assert file.provenance == {"seed": 3}
        assert file.frame_interval == pytest.approx(0.2)
        assert file.array("constraints").tolist() == [[0, 1]]
        assert file.array("biased_torsions") is None
        assert (file.observable("potential_energy") == energies).all()


def test_replicas_share_their_times(path, topology, frames):
    _write(path, topology, *_slices(frames, (0, 12), (12, 30)), n_replicas=6)
    with H5mdFile(path) as file:
        assert (file.n_frames, file.n_replicas) == (30, 6)
        assert file.frame_interval == pytest.approx(0.2)
    with h5py.File(path) as raw:
        assert raw["particles/trajectory/position/step"][:].tolist() == list(np.repeat(range(5), 6))


def test_mdanalysis_reads_the_file(path, topology, frames):
    """MDAnalysis converts to angstrom and keeps kJ/mol/angstrom."""
    mdanalysis = pytest.importorskip("MDAnalysis")
    _write(path, topology, frames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = mdanalysis.Universe.empty(4, trajectory=False)
        universe.load_new(str(path))
    assert len(universe.trajectory) == 30
    for index in (0, 17):
        step = universe.trajectory[index]
        np.testing.assert_allclose(step.positions, 10 * frames["positions"][index], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(step.forces, frames["forces"][index] / 10, rtol=1e-5, atol=1e-6)
        assert step.time == pytest.approx(0.2 * index)


def test_equal_frames_give_equal_bytes(tmp_path, topology, frames):
    for name in "ab":
        _write(tmp_path / name, topology, frames)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_zero_frames_are_an_error_and_no_file(path, topology):
    with pytest.raises(DataError, match=r"t\.h5md would hold no frame"):
        _write(path, topology)
    assert list(path.parent.iterdir()) == []


def test_an_interrupted_write_leaves_no_file(path, topology, frames):
    with (
        pytest.raises(KeyboardInterrupt),
        create_h5md(path, topology, frame_interval=0.2, provenance={}) as writer,
    ):
        _append_and_die(writer, frames)
    assert list(path.parent.iterdir()) == []


def _append_and_die(writer, frames):
    writer.append(**frames)
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["positions", "forces"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_placed(path, topology, frames, name, value):
    frames[name][11, 2, 1] = frames[name][20, 0, 0] = value
    _write(path, topology, frames)
    with pytest.raises(DataError, match=rf"t\.h5md: {name} of frame 11, site 2 .* \(2 of 30 frames affected\)"):
        load_trajectories(path)[0]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named(path, topology, frames, share):
    _write(path, topology, frames)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"t\.h5md"):
        load_trajectories(path)[0]


def test_a_flipped_bit_is_seen(path, topology, frames):
    _write(path, topology, frames)
    content = bytearray(path.read_bytes())
    content[content.find(frames["forces"][3].tobytes()) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*t\.h5md as a whole trajectory"):
        load_trajectories(path)[0]


def test_a_foreign_file_is_named(path):
    with h5py.File(path, "w") as file:
        file["positions"] = np.zeros((3, 4, 3))
    with pytest.raises(DataError, match="as a whole trajectory of cgpipe"):
        load_trajectories(path)[0]


def test_a_missing_file_is_named(path):
    with pytest.raises(DataError, match=r"t\.h5md"):
        load_trajectories(path)[0]
