"""A part of another system's beads: the first frames of a trajectory, or an even selection of mean forces."""

import numpy as np
import pytest

from cgpipe.cli.main import main
from cgpipe.data.h5md import H5mdFile, create_h5md
from cgpipe.data.topology import Topology

_BEAD = Topology(names=("CA",), elements=("C",), residue_names=("GLY",), residue_numbers=(1,), masses=(12.0,), bonds=())


@pytest.fixture
def beads(tmp_path):
    """Ten frames; x of the bead is the frame's number, its force the negative of it."""
    path = tmp_path / "beads.h5md"
    positions = np.zeros((10, 1, 3), dtype=np.float32)
    positions[:, 0, 0] = np.arange(10)
    with create_h5md(path, _BEAD, frame_interval=1.0, provenance={}) as writer:
        writer.append(positions, -positions, log_weights=np.arange(10) / 10, source=np.arange(10) * 2)
    return path


@pytest.mark.parametrize(("options", "chosen"), [([], [0, 1, 2, 3]), (["--spread"], [0, 2, 5, 7])])
def test_chosen_frames_keep_all_that_belongs_to_them(beads, tmp_path, options, chosen):
    output = tmp_path / "some.h5md"
    assert main(["share", "--beads", str(beads), "--frames", "4", *options, "--output", str(output)]) == 0
    with H5mdFile(output) as file:
        frames, source = file.frames(), file.observable("source")
    np.testing.assert_array_equal(frames.positions[:, 0, 0], chosen)
    np.testing.assert_array_equal(frames.forces[:, 0, 0], -np.array(chosen))
    np.testing.assert_allclose(frames.log_weights, np.array(chosen) / 10)
    np.testing.assert_array_equal(source, np.array(chosen) * 2)


@pytest.mark.parametrize("number", ["0", "11"])
def test_a_number_of_frames_that_is_not_there_is_an_error(beads, tmp_path, capsys, number):
    output = tmp_path / "some.h5md"
    assert main(["share", "--beads", str(beads), "--frames", number, "--output", str(output)]) == 1
    error = capsys.readouterr().err
    assert "has 10 frames" in error
    assert f"{number} were asked for" in error
    assert not output.exists()
