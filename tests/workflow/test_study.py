"""A whole study on the toy: mean forces, shared data, a judge of its own, one table and one figure."""

import csv

import pytest
from toy_project import TOY, Project

from cgpipe.cli.main import main
from cgpipe.data.lineage import read_origin

_TOY = {
    **TOY,
    "simulation": {**TOY["simulation"], "n_jobs": 1},
    "analysis": {**TOY["analysis"], "n_bins": 10},  # so few frames must meet in some bin
}
_STUDY = {
    "base": "toy",
    "judged_by": "judge",
    "seeds": [1, 2],
    "axes": {
        "frames": {"label": "frames", "points": {"200": {"reference": {"n_frames": 200}}}},
        "labels": {
            "label": "labels",
            "points": {
                "mean": {"training": {"labels": "mean_force"}, "reference": {"n_mean_forces": 40}},
                "both": {"training": {"labels": "both"}},
            },
        },
    },
}


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("study"))
    mean_force = {"n_configurations": 60, "length_ps": 0.4}
    reference = {**_TOY["reference"], "mean_force": mean_force}
    project.write("config/systems/toy.yaml", {**_TOY, "reference": reference})
    project.write("config/systems/judge.yaml", {**_TOY, "seed": 99})
    (project.folder / "config" / "studies").mkdir()
    project.write("config/studies/toy.yaml", _STUDY)
    project.write("config/config.yaml", {"systems": [], "studies": ["toy"], "seed": 7})
    project.run("study")
    return project


def test_table_and_figure_are_there(studied):
    results = studied.folder / "results" / "studies" / "toy"
    with (results / "study.csv").open() as file:
        table = list(csv.DictReader(file))
    rows = [row for row in table if row["metric"] == "js_phi_psi[ALA2]"]
    own = [row for row in rows if row["own_data"] == "True"]
    rows = [row for row in rows if row not in own]
    assert (len(own), len(rows)) == (2, 6)
    assert {(row["axis"], row["point"]) for row in rows} == {
        ("frames", "200"), ("labels", "mean"), ("labels", "both"),
    }  # fmt: skip
    assert {row["seed"] for row in rows} == {"1", "2"}
    angles = [row["value"] for row in table if row["metric"] == "js_angles"]  # so few torsions can agree by chance
    assert len(set(angles)) == len(rows) + len(own), "two points are the same run"
    assert (results / "study.png").read_bytes().startswith(b"\x89PNG")
    assert (results / "study.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("point", "files", "n_losses"),
    [
        ("frames=200", {"trajectory0", "trajectory1"}, 1),
        ("labels=mean", {"meanforce0", "meanforce1"}, 1),
        ("labels=both", {"trajectory0", "trajectory1", "meanforce0", "meanforce1"}, 2),
    ],
)
def test_points_train_on_what_they_ask_for(studied, point, files, n_losses):
    folder = studied.folder / "results" / "studies" / "toy" / point / "seed1"
    record = read_origin(folder / "train" / "fold0" / "model.safetensors")
    assert set(record["inputs"]) == {f"beads/{name}.h5md" for name in files} | {"prior/prior.json"}
    assert len(record["losses_kJ2_per_mol2_nm2"]) == n_losses


def test_only_points_that_take_a_part_of_the_frames_hold_a_copy(studied):
    results = studied.folder / "results" / "studies" / "toy"
    copies = {str(path.relative_to(results)) for path in results.glob("*=*/seed1/beads/*.h5md")}
    assert copies == {f"frames=200/seed1/beads/trajectory{number}.h5md" for number in (0, 1)} | {
        f"labels=mean/seed1/beads/meanforce{number}.h5md" for number in (0, 1)
    }


def test_seeds_have_data_of_their_own(studied):
    results = studied.folder / "results" / "studies" / "toy"
    beads = [(results / f"seed{seed}" / "beads" / "trajectory0.h5md").read_bytes() for seed in (1, 2)]
    assert beads[0] != beads[1]


def test_the_judge_is_analysed_once(studied):
    results = studied.folder / "results"
    assert len(list(results.rglob("analysis/reference.h5"))) == 1
    assert (results / "judge" / "analysis" / "reference.h5").exists()


def test_a_second_run_does_nothing(studied):
    result = studied.snakemake("-n", "study")
    assert "Nothing to be done" in result.stdout + result.stderr


def test_status_tells_of_every_point(studied, monkeypatch, capsys):
    monkeypatch.chdir(studied.folder)
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    counts = {line.split(":")[0]: line for line in lines if "files made" in line}
    assert "all systems" in counts
    assert "judge" in counts
    points = {
        f"studies/toy/{point}/seed{seed}" for point in ("frames=200", "labels=mean", "labels=both") for seed in (1, 2)
    }
    assert points | {"studies/toy/seed1", "studies/toy/seed2"} <= set(counts)
    made, total = counts["studies/toy/frames=200/seed1"].split(": ")[1].split(" files")[0].split(" of ")
    assert made == total


@pytest.mark.parametrize("folder", ["labels=both/seed1", "seed1"])
def test_verify_finds_judge_and_data_of_points_and_seeds(studied, monkeypatch, capsys, folder):
    monkeypatch.chdir(studied.folder)
    assert main(["verify", f"results/studies/toy/{folder}"]) == 0
    assert "files whole, of one chain, and sane" in capsys.readouterr().out


def test_a_model_whose_beads_are_all_shared_is_traced_to_them(studied, monkeypatch, capsys):
    monkeypatch.chdir(studied.folder)
    assert not (studied.folder / "results/studies/toy/labels=both/seed1/beads").exists()
    assert main(["trace", "results/studies/toy/labels=both/seed1/comparison.json"]) == 0
    assert "seed1/beads/meanforce0.h5md" in capsys.readouterr().out
