"""Rounds of active learning on the toy: new mean forces at proposed configurations, a decision after each, a table."""

import csv
import json

import numpy as np
import pytest
from toy_project import TOY, Project

from cgpipe.data.h5md import H5mdFile

_ROUND = "results/improve/toy/round{}"
_TOY = {
    **TOY,
    "reference": {**TOY["reference"], "mean_force": {"n_configurations": 60, "length_ps": 0.4}},
    "training": {**TOY["training"], "labels": "mean_force", "flatten": True},
    "simulation": {**TOY["simulation"], "n_jobs": 1},
    "analysis": {**TOY["analysis"], "n_bins": 10},
    "improve": {
        "n_rounds": 2, "n_configurations": 12, "min_gain": 0.0, "max_rmsd_nm": 0.2,
        "lead_ps": 0.4, "equilibration_ps": 0.2, "length_ps": 0.2,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def improved(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("improve"), _TOY)
    project.write("config/config.yaml", {"systems": [], "improve": ["toy"], "seed": 7})
    project.run("improve")
    return project


def _rounds(project):
    """Numbers of the rounds that were made."""
    return [k for k in (1, 2) if (project.folder / _ROUND.format(k) / "comparison.json").exists()]


def test_rounds_follow_while_they_gain(improved):
    """The second round is there if, and only if, the first one made the model better."""
    decision = json.loads((improved.folder / _ROUND.format(1) / "gain.json").read_text())
    values = [
        json.loads((improved.folder / name / "comparison.json").read_text())[0]["value"]
        for name in ("results/toy", _ROUND.format(1))
    ]
    assert decision["go_on"] == (values[1] < values[0])
    assert _rounds(improved) == ([1, 2] if decision["go_on"] else [1])


def test_the_table_has_the_start_and_each_round(improved):
    with (improved.folder / "results" / "improve" / "toy" / "gains.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "js_phi_psi[ALA2]"]
    assert [int(row["point"]) for row in rows] == [0, *_rounds(improved)]
    spent = [float(row["atomistic_ns"]) for row in rows]
    np.testing.assert_allclose(np.diff(spent), 12 * 0.8e-3)


def test_new_labels_lie_at_the_proposed_configurations(improved):
    folder = improved.folder / _ROUND.format(1) / "beads"
    with H5mdFile(folder / "proposals.h5md") as file:
        proposed, source = file.frames().positions, file.observable("source")
    found = []
    for number in range(2):
        with H5mdFile(folder / f"explored{number}.h5md") as file:
            frames = file.frames()
            found.append((frames.positions, frames.forces, file.observable("source")))
    positions, forces, sources = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.testing.assert_allclose(positions, proposed, atol=1e-5)
    np.testing.assert_array_equal(sources, source)
    assert np.isfinite(forces).all()


def test_a_round_trains_on_all_labels_so_far(improved):
    record = improved.cgpipe("trace", "--json", _ROUND.format(1) + "/train/fold0/model.safetensors")
    assert record.returncode == 0, record.stderr
    names = {line.split("/")[-1] for line in record.stdout.replace('"', " ").split() if line.endswith(".h5md")}
    assert {"explored0.h5md", "explored1.h5md", "meanforce0.h5md", "meanforce1.h5md"} <= names


def test_verify_finds_the_sources_of_a_round(improved):
    """Its data, the model that it improves and what both were made from; the toy itself need not be sane."""
    result = improved.cgpipe("verify", _ROUND.format(1))
    assert "round1: " in result.stdout
    for complaint in ("is gone", "is not the file"):
        assert complaint not in result.stdout


def test_a_second_run_does_nothing(improved):
    assert improved.planned("improve") == {}


@pytest.mark.parametrize(
    ("changes", "rerun"),
    [({"n_rounds": 3, "min_gain": 0.0}, {"gain"}), ({"length_ps": 0.4}, {"explore", "train", "simulate"})],
    ids=["one more round", "longer averages"],
)
def test_an_edit_reruns_what_it_changes(improved, tmp_path, changes, rerun):
    """Asking for more rounds repeats no work of those that are there; what they measured is another matter."""
    project = improved.copy(tmp_path / "edited")
    project.write("config/systems/toy.yaml", {**_TOY, "improve": {**_TOY["improve"], **changes}})
    planned = set(project.planned("improve"))
    assert rerun <= planned
    assert ("explore" in planned) == ("explore" in rerun)
    assert not {"propose", "meanforce", "trajectory"} & planned


def test_what_has_no_mean_forces_cannot_be_improved(improved, tmp_path):
    project = improved.copy(tmp_path / "plain")
    project.write("config/systems/toy.yaml", TOY)
    result = project.snakemake("-n", "improve")
    assert result.returncode != 0
    assert "toy cannot be improved: rounds add mean forces" in result.stdout + result.stderr
