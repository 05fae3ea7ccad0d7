"""`cgpipe convert` on C-alpha arrays and on own files: whole H5MD with trajectory bounds, or one error and nothing."""

import json
import re
import zipfile

import numpy as np
import pytest

from cgpipe.data.h5md import H5mdFile, load_trajectories

_HOST = "http://pub.htmd.org/protein_thermodynamics_data/training_data"
_ROLES = ("coordinates", "forces", "embeddings")
_NAMES = {role: f"toy_ca_{'coords' if role == 'coordinates' else role}.npy" for role in _ROLES}
_SECTION = {
    "kind": "published",
    "layout": "htmd_calpha",
    "files": {role: f"{_HOST}/{name}" for role, name in _NAMES.items()},
    "sequence": "AGFYD",
    "temperature_K": 350,
    "frame_interval_ps": 100,
}


@pytest.fixture
def arrays(project):
    """Twelve frames of five C-alpha beads as published, angstrom and kcal/mol/angstrom."""
    rng = np.random.default_rng(4)
    positions = np.zeros((12, 5, 3), dtype=np.float32)
    positions[..., 0] = 3.8 * np.arange(5)
    positions += rng.normal(0, 0.05, positions.shape).astype(np.float32)
    content = {
        "coordinates": positions,
        "forces": rng.normal(0, 20, positions.shape).astype(np.float32),
        "embeddings": np.array([1, 2, 3, 4, 5]),
    }
    for role, values in content.items():
        np.save(project / _NAMES[role], values)
    return content


def _convert(cgpipe, section=_SECTION, files=None):
    given = _NAMES.values() if files is None else files
    return cgpipe("convert", "--section", json.dumps(section), "--files", *given, "--output", "out/beads.h5md")


def test_frames_come_out_in_our_units_with_their_bounds(cgpipe, project, arrays):
    status, out, _ = _convert(cgpipe, {**_SECTION, "frames_per_trajectory": 4})
    assert status == 0
    assert "12 frames of 5 sites in 3 trajectories" in out
    trajectories = load_trajectories(project / "out" / "beads.h5md")
    assert [trajectory.n_frames for trajectory in trajectories] == [4, 4, 4]
    np.testing.assert_allclose(trajectories[1].positions, arrays["coordinates"][4:8] / 10, rtol=1e-6)
    np.testing.assert_allclose(trajectories[2].forces, arrays["forces"][8:] * 41.84, rtol=1e-6)
    with H5mdFile(project / "out" / "beads.h5md") as file:
        assert file.frame_interval == 100
        assert file.topology.types == ("ALA:CA", "GLY:CA", "PHE:CA", "TYR:CA", "ASP:CA")
        assert [chunk.n_frames for chunk in file.chunks(3)] == [3, 1] * 3
    assert [path.name for path in (project / "out").iterdir()] == ["beads.h5md"]


def _nm(arrays, project):
    np.save(project / _NAMES["coordinates"], arrays["coordinates"] / 10)


def _with_nan(arrays, project):
    arrays["forces"][7, 2] = np.nan
    np.save(project / _NAMES["forces"], arrays["forces"])


def _truncated(_, project):
    path = project / _NAMES["forces"]
    path.write_bytes(path.read_bytes()[:-100])


def _shorter(arrays, project):
    np.save(project / _NAMES["forces"], arrays["forces"][:-1])


def _pickled(_, project):
    np.save(project / _NAMES["forces"], np.array([{}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nm, "expected 0.33 to 0.43"),
        (_with_nan, "forces of frame 7, site 2 are not finite"),
        (_truncated, r"toy_ca_forces\.npy"),
        (_shorter, r"toy_ca_forces\.npy has shape \(11, 5, 3\)"),
        (_pickled, r"toy_ca_forces\.npy"),
    ],
)
def test_bad_data_are_one_error_and_leave_nothing(cgpipe, project, arrays, spoil, message):
    spoil(arrays, project)
    status, _, error = _convert(cgpipe)
    assert status == 1
    assert re.search(message, error), error
    assert not list(project.glob("out/*"))


@pytest.mark.usefixtures("arrays")
def test_a_file_that_was_not_given_is_named(cgpipe):
    status, _, error = _convert(cgpipe, files=list(_NAMES.values())[:2])
    assert status == 1
    assert "as embeddings, but --files has no toy_ca_embeddings.npy" in error


def test_an_archive_is_unpacked_and_goes_again(cgpipe, project, arrays):
    """Capped alanine as npz, whose members are unpacked; the wrong number of atoms is refused afterwards."""
    with zipfile.ZipFile(project / "frames.npz", "w") as archive:
        for role, member in (("coordinates", "coordinates.npy"), ("forces", "forces.npy")):
            archive.write(project / _NAMES[role], member)
    (project / "al2.pdb").write_text("ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\n")
    section = {
        "kind": "published",
        "layout": "fu_berlin_npz",
        "files": {"frames": "http://host/frames.npz", "topology": "http://host/al2.pdb"},
        "temperature_K": 300,
        "frame_interval_ps": 1,
    }
    status, _, error = _convert(cgpipe, section, ["frames.npz", "al2.pdb"])
    assert status == 1
    assert arrays["coordinates"].shape[1] == 5
    assert "has 5 atoms a frame but the topology has" in error
    assert not list(project.glob("out/*"))


@pytest.mark.parametrize("kind", ["openmm", "unheard"])
def test_another_kind_of_reference_is_refused(cgpipe, kind):
    status, _, error = _convert(cgpipe, {"kind": kind})
    assert status == 1
    assert f"`kind` is '{kind}', expected one of published, files" in error
