"""Splits of bead files: frames that were taken from trajectories never mix with others."""

import numpy as np
import pytest

from cgpipe.cli.beads import load_beads, split_of_files
from cgpipe.config.sections import SplitSection
from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import Topology
from cgpipe.errors import DataError

_TOPOLOGY = Topology(("CA",), ("C",), ("ALA",), (1,), (12.0,), ())


@pytest.fixture
def beads(tmp_path):
    """Maker of a file of frames, taken from a trajectory of a length if there is one."""

    def make(name, n_frames, length=None):
        path, arrays = tmp_path / name, {} if length is None else {"source_lengths": np.array([length])}
        known = {} if length is None else {"source": np.stack([np.zeros(n_frames), np.arange(n_frames)], 1).astype(int)}
        with create_h5md(path, _TOPOLOGY, frame_interval=1.0, provenance={}, arrays=arrays) as writer:
            positions = np.zeros((n_frames, 1, 3), dtype=np.float32)
            writer.append(positions, positions, **known)
        return path

    return make


def _split(paths):
    return split_of_files(paths, load_beads(paths), SplitSection(), seed=1)


def test_frames_of_one_kind_are_all_split(beads):
    for paths in ([beads("a", 100), beads("b", 60)], [beads("c", 100, 500), beads("d", 60, 500)]):
        split = _split(paths)
        assert len(split.training()) + len(split.test()) == 160


@pytest.mark.parametrize("lengths", [(None, 500), (500, None), (500, 400)])
def test_a_mixture_is_refused(beads, lengths):
    paths = [beads("a", 100, lengths[0]), beads("b", 60, lengths[1])]
    with pytest.raises(DataError, match="give each kind as a group of its own"):
        _split(paths)
