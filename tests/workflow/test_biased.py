"""Biased references through the workflow: umbrella windows from bias to weights; slow coordinates of another system."""

import json

import numpy as np
import pytest
from toy_project import TOY, TOY_PROTEIN, Project

from cgpipe.cli.weights import weights_of
from cgpipe.config.project import complete, plain
from cgpipe.config.sections import SystemConfig
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.records import load_record
from cgpipe.errors import DataError

_PHI = ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"]
_BEADS = [f"results/toy/beads/trajectory{k}.h5md" for k in range(4)]


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    """Capped alanine in two windows along phi, two trajectories each."""
    bias = {"torsions": [_PHI], "windows": {"n_windows": 2, "width_in_spacings": 0.25}}
    reference = {**TOY["reference"], "n_trajectories": 4, "length_ns": 0.01, "bias": bias}
    project = Project(tmp_path_factory.mktemp("windows"), {**TOY, "reference": reference})
    project.run("--", *_BEADS, "results/toy/figures/bias.png")
    return project


def section_of(project, name):
    """A completed section of the toy."""
    return plain(getattr(complete(SystemConfig, project.read("config/systems/toy.yaml"), source="toy"), name))


def _read(path):
    with H5mdFile(path) as file:
        return file.observable("bias_variables"), file.observable("log_weight")


def test_trajectories_are_dealt_to_windows(windows):
    """Windows 180 degrees apart: most frames are nearer to the centre of their own than to that of another."""
    reference = windows.folder / "results" / "toy" / "reference"
    for number in range(4):
        phi, weights = _read(reference / f"trajectory{number}.h5md")
        centres = np.deg2rad([-180, 0])
        nearest = np.abs(np.angle(np.exp(1j * (phi - centres)))).argmin(axis=1)
        assert np.bincount(nearest, minlength=2).argmax() == number % 2
        assert weights is None


def test_beads_carry_the_weights_of_all_windows_together(windows):
    results = windows.folder / "results" / "toy"
    arrays, header = load_record(results / "reference" / "weights.h5")
    joined = np.concatenate([_read(windows.folder / path)[1] for path in _BEADS])
    np.testing.assert_array_equal(joined, arrays["log_weights"])
    assert header["labels"] == ["torsion (rad)"]
    assert arrays["overlap"].shape == (2, 2)
    assert (results / "figures" / "bias.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_does_nothing(windows):
    assert windows.planned("--", *_BEADS) == {}


def test_weights_go_by_the_frames_not_by_the_order_of_files(windows):
    """Files as a shell might sort them give every trajectory the weights that it has otherwise."""
    results = windows.folder / "results" / "toy"
    section = json.dumps(section_of(windows, "reference"))
    order = [f"results/toy/reference/trajectory{k}.h5md" for k in (3, 0, 1, 2)]
    biases = [f"results/toy/reference/bias{k}.json" for k in range(2)]
    done = windows.cgpipe(
        "weights", "--section", section, "--biases", *biases, "--trajectories", *order, "--output", "other.h5"
    )
    assert done.returncode == 0, done.stderr
    again = weights_of(windows.folder / "other.h5", results / "reference" / "trajectory3.h5md")
    own = _read(windows.folder / _BEADS[3])[1]
    np.testing.assert_allclose(again - again[0], own - own[0], atol=1e-4)
    with pytest.raises(DataError, match=r"does not know the frames of .*mapping"):
        weights_of(windows.folder / "other.h5", results / "beads" / "mapping.json")


def test_frames_of_windows_are_not_mapped_without_weights(windows):
    done = windows.cgpipe(
        "map", "--maps", "results/toy/beads/mapping.json", "--trajectory", "results/toy/reference/trajectory0.h5md",
        "--output", "beads.h5md",
    )  # fmt: skip
    assert done.returncode == 1
    assert "recorded in an umbrella window; give the weights of its frames (--weights)" in done.stderr
    assert not (windows.folder / "beads.h5md").exists()


def test_slow_coordinates_of_another_system_bias_a_protein(protein, tmp_path):
    """The recorded variables are what the other system's state space makes of the same frames."""
    project = protein.copy(tmp_path / "slow")
    bias = {"tics": {"system": "toy", "n_tics": 2}, "n_walkers": 1, "build_length_ns": 0.002}
    reference = {**TOY_PROTEIN["reference"], "starts": ["native"], "exchange": None, "bias": bias}
    project.write("config/systems/slow.yaml", {**TOY_PROTEIN, "reference": reference, "seed": 8})
    project.write("config/config.yaml", {"systems": ["toy", "slow"], "seed": 7})
    project.run("--", "results/slow/analysis/reference.h5")
    from cgpipe.analysis.chain import alpha_carbons  # noqa: PLC0415 (torch takes a second to load)
    from cgpipe.cli.states import load_states  # noqa: PLC0415

    space = load_states(project.folder / "results" / "toy" / "analysis" / "states.h5")
    with H5mdFile(project.folder / "results" / "slow" / "beads" / "trajectory0.h5md") as file:
        frames, carbons = file.frames(), alpha_carbons(file.topology)
    found, weights = _read(project.folder / "results" / "slow" / "reference" / "trajectory0.h5md")
    np.testing.assert_allclose(found, space.project(frames.positions, carbons), atol=1e-4)
    np.testing.assert_array_equal(weights, frames.log_weights)
    assert np.ptp(weights) > 0
    known = set(load_record(project.folder / "results" / "slow" / "analysis" / "reference.h5")[0])
    assert "structures" in known
    assert not any(name.startswith("kinetics_") for name in known), "a bias leaves no kinetics"


def test_an_analysis_edit_of_their_source_reruns_no_biased_simulation(protein, tmp_path):
    """But another lag of its slow coordinates does."""
    project = protein.copy(tmp_path / "slow")
    bias = {"tics": {"system": "toy"}, "n_walkers": 1, "build_length_ns": 0.002}
    reference = {**TOY_PROTEIN["reference"], "starts": ["native"], "exchange": None, "bias": bias}
    project.write("config/systems/slow.yaml", {**TOY_PROTEIN, "reference": reference, "seed": 8})
    project.write("config/config.yaml", {"systems": ["toy", "slow"], "seed": 7})
    project.run("--", "results/slow/reference/bias0.json", "results/toy/comparison.json")
    for changes, rerun in (({"n_macrostates": 3}, False), ({"lag_ps": 0.8}, True)):
        markov = {**TOY_PROTEIN["analysis"]["markov"], **changes}
        project.write(
            "config/systems/toy.yaml", {**TOY_PROTEIN, "analysis": {**TOY_PROTEIN["analysis"], "markov": markov}}
        )
        assert ("bias" in project.planned("--", "results/slow/reference/bias0.json")) == rerun
