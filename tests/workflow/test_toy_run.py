"""The whole chain on a toy, and what a second run, an edit or bad input do to it."""

import csv
import json

import pytest
import yaml

RULES_AFTER_TRAINING = {"train", "simulate", "uncertainty", "analyse", "compare", "figure", "summary", "all"}
METRIC_KEYS = {"metric", "value", "error", "noise_floor", "unit", "n_samples_model", "n_samples_reference"}


def test_every_result_is_there(finished):
    results = finished.folder / "results" / "toy"
    metrics = json.loads((results / "comparison.json").read_text())
    assert all(set(metric) >= METRIC_KEYS for metric in metrics)
    assert "js_phi_psi[ALA2]" in {metric["metric"] for metric in metrics}
    with (finished.folder / "results" / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(metrics)
    assert {row["system"] for row in rows} == {"toy"}
    figures = {path.stem for path in (results / "figures").iterdir()}
    assert {"free_energy", "marginals", "learning_curves", "prior_bonds", "diagnostics", "uncertainty"} <= figures
    for figure in figures:
        assert (results / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert (results / "figures" / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
    assert not list(results.rglob("*.segments")) + list(results.rglob("*.partial"))


def test_second_run_does_nothing(finished):
    result = finished.snakemake("-n")
    assert "Nothing to be done" in result.stdout + result.stderr


def test_editing_training_reruns_training_and_what_follows(edited):
    system = edited.read("config/systems/toy.yaml")
    edited.write("config/systems/toy.yaml", {**system, "training": {**system["training"], "learning_rate": 0.002}})
    planned = edited.planned()
    assert set(planned) == RULES_AFTER_TRAINING
    assert planned["train"] == 2


def test_editing_training_of_one_system_leaves_the_other_alone(edited):
    system = edited.read("config/systems/toy.yaml")
    edited.write("config/systems/other.yaml", {**system, "training": {"n_epochs": 1}})
    edited.write("config/config.yaml", {"systems": ["toy", "other"], "seed": 7})
    text = edited.snakemake("-n").stdout
    assert "results/other/train/fold0/model.safetensors" in text
    assert "wildcards: system=toy" not in text


def test_comment_and_equal_number_rerun_nothing(edited):
    path = edited.folder / "config" / "systems" / "toy.yaml"
    text = yaml.safe_dump(yaml.safe_load(path.read_text())).replace("length_ps: 4\n", "length_ps: 4.0\n")
    assert "length_ps: 4.0" in text
    path.write_text("# a comment\n" + text)
    result = edited.snakemake("-n")
    assert "Nothing to be done" in result.stdout + result.stderr


def test_report_is_written(finished):
    result = finished.snakemake("--report", "report.html")
    assert result.returncode == 0, result.stderr
    assert (finished.folder / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("section", "key"), [("training", "learning_rates"), ("reference", "temperature"), ("simulation", "length_ns")]
)
def test_unknown_key_stops_before_the_graph_is_built(project, section, key):
    system = project.read("config/systems/toy.yaml")
    project.write("config/systems/toy.yaml", {**system, section: {**system[section], key: 1}})
    result = project.snakemake("-n")
    assert result.returncode != 0
    assert f"unknown key `{section}" in result.stdout + result.stderr
    assert key in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_missing_bead_atom_fails_with_its_name_and_leaves_nothing(edited):
    system = edited.read("config/systems/toy.yaml")
    beads = [*system["mapping"]["beads"][:-1], "NME3:CX"]
    edited.write("config/systems/toy.yaml", {**system, "mapping": {"beads": beads}})
    result = edited.snakemake()
    text = result.stdout + result.stderr
    assert result.returncode != 0
    assert "there is no atom 'NME3:CX' in the structure" in text
    assert "NME3:N" in text
    assert not (edited.folder / "results" / "toy" / "beads" / "mapping.json").exists()
