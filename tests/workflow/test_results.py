"""What tells users about finished results: verify, trace, export, status."""

import json
import re
import shutil
import zipfile

import numpy as np
import pytest
from rocrate.rocrate import ROCrate

from cgpipe.cli.main import main
from cgpipe.data.files import load_json, save_json
from cgpipe.data.records import load_record, save_record
from cgpipe.data.tensors import load_tensors, save_tensors


@pytest.fixture
def results(finished, tmp_path):
    """A copy of the finished results that a test may damage."""
    folder = tmp_path / "results" / "toy"
    shutil.copytree(finished.folder / "results" / "toy", folder)
    return folder


def _verify(folder, capsys):
    code = main(["verify", str(folder)])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_whole_results_are_found_whole(results, capsys):
    code, text = _verify(results, capsys)
    assert code == 0, text
    assert re.fullmatch(r"toy: 45 files whole, of one chain, and sane\n", text)


def _everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_any_flipped_byte_is_found(results, capsys):
    names = [name for name in _everything(results) if name.split("/")[0] not in {"logs", "benchmarks"}]
    rng = np.random.default_rng(1)
    missed = []
    for name in names:
        whole = (results / name).read_bytes()
        damaged = bytearray(whole)
        damaged[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        (results / name).write_bytes(damaged)
        code, text = _verify(results, capsys)
        if code != 1 or name.split("/")[-1] not in text or "Traceback" in text:
            missed.append((name, text))
        (results / name).write_bytes(whole)
    assert len(names) == 45
    assert not missed


@pytest.mark.parametrize(
    "name", ["beads/mapping.json", "train/fold0/history.csv", "figures/marginals.pdf", "comparison.json"]
)
def test_a_file_that_is_gone_is_missed(results, capsys, name):
    (results / name).unlink()
    code, text = _verify(results, capsys)
    assert code == 1
    assert re.search(rf"{name.split('/')[-1]}.* is (gone|not there)", text)


def test_a_neighbour_with_a_file_of_the_same_name_is_not_accused(results, capsys):
    shutil.copytree(results / "prior", results.parent / "other" / "prior")
    (results.parent / "other" / "prior" / "prior.json").write_text("{}")
    (results / "prior" / "prior.json").unlink()
    code, text = _verify(results, capsys)
    assert code == 1
    assert "prior/prior.json, which belongs to" in text
    assert "other" not in text


def test_weights_that_are_not_finite_are_no_physics(results, capsys):
    path = results / "train" / "fold0" / "model.safetensors"
    arrays, header = load_tensors(path)
    name = next(key for key in arrays if key.startswith("blocks"))
    save_tensors(path, arrays | {name: np.full_like(arrays[name], np.nan)}, header)
    code, text = _verify(results, capsys)
    assert code == 1
    assert f"weights {name} that are not finite" in text


@pytest.mark.parametrize(
    ("key", "value", "told"), [("value", 0.7, "outside of 0 to ln 2"), ("error", -1.0, "a negative error")]
)
def test_metrics_that_cannot_be_are_found(results, capsys, key, value, told):
    path = results / "comparison.json"
    metrics = load_json(path)
    save_json(path, [{**metrics[0], key: value}, *metrics[1:]])
    code, text = _verify(results, capsys)
    assert code == 1
    assert told in text
    assert "differs from the metrics in analysis/comparison.h5" in text


def test_unfinished_work_is_a_note_and_no_problem(results, capsys):
    (results / "simulation" / ".job0.h5md.segments").mkdir()
    code, text = _verify(results, capsys)
    assert code == 0
    assert "note: simulation/.job0.h5md.segments is unfinished work" in text


def test_trace_of_a_figure_leads_to_the_system(results, capsys):
    assert main(["trace", "--json", str(results / "figures" / "free_energy.pdf")]) == 0
    chain = json.loads(capsys.readouterr().out)
    assert [link["file"] for link in (chain[0], chain[-1])] == [
        "toy/figures/free_energy.pdf",
        "toy/reference/system.json",
    ]
    stages = {link["stage"] for link in chain}
    assert stages == {
        "figure", "compare", "uncertainty", "analyse",
        "simulate", "train", "prior", "map", "forcemap", "trajectory", "bias", "system",
    }  # fmt: skip
    assert {link["seed"] for link in chain} == {0, 7}
    assert all(link["commit"] and link["versions"]["torch"] for link in chain)
    assert all(source["state"] == "as read" for link in chain for source in link["inputs"].values())


def test_trace_marks_what_has_changed(results, capsys):
    with (results / "prior" / "prior.json").open("a") as file:
        file.write("\n")
    assert main(["trace", str(results / "train" / "fold1" / "model.safetensors")]) == 0
    assert re.search(r"from prior/prior.json +\w+ +CHANGED since it was read", capsys.readouterr().out)


def test_trace_of_no_result_is_refused(tmp_path, capsys):
    (tmp_path / "x.png").write_bytes(b"")
    assert main(["trace", str(tmp_path / "x.png")]) == 1
    assert "lies in no result folder of cgpipe" in capsys.readouterr().err


def test_export_is_a_crate_of_everything(results, tmp_path):
    crate_file, licence = tmp_path / "toy.crate.zip", "https://creativecommons.org/licenses/by/4.0/"
    assert main(["export", str(results), "--licence", licence, "--output", str(crate_file)]) == 0
    with zipfile.ZipFile(crate_file) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "crate")
    crate = ROCrate(tmp_path / "crate")
    assert crate.license == licence
    files = {entity.id for entity in crate.data_entities}
    assert files == {name for name in _everything(results) if name.split("/")[0] not in {"logs", "benchmarks"}}
    actions = [entity for entity in crate.contextual_entities if "CreateAction" in str(entity.type)]
    made = [result.id for action in actions for result in action["result"]]
    assert sorted(made) == sorted(files)
    (training,) = [action for action in actions if "train/fold0/model.safetensors" in {r.id for r in action["result"]}]
    assert {"prior/prior.json", "beads/trajectory0.h5md"} <= {source.id for source in training["object"]}


def test_status_counts_and_tells_of_unfinished_work(edited, monkeypatch, capsys):
    monkeypatch.chdir(edited.folder)
    assert main(["status"]) == 0
    assert "toy: 45 of 45 files made" in capsys.readouterr().out
    results = edited.folder / "results" / "toy"
    (results / "simulation" / "job0.h5md").unlink()
    log = results / "logs" / "simulate0.log"
    log.write_text("simulate replicas 0-1: 45 % | 0.0036 of 0.008 ns | 12 ns/day | 30 s left\n")
    (results / "logs" / "train0.log").write_text(
        "train fold 0: 9 % | 1 of 9 epochs\ncgpipe train: the loss of fold 0 stopped being finite\n"
        "torchrun: a process failed\n"
    )
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"simulate 1/2 ", text)
    assert re.search(r"simulate0: .* 45 % .* 30 s left \(\d+ s ago\)", text)
    assert "train0: FAILED cgpipe train: the loss" in text


def test_errors_of_a_reference_in_windows_are_unknown(results):
    """Its resamples would keep weights that are themselves estimated; figures say so."""
    arrays, header = load_record(results / "analysis" / "reference.h5")
    save_record(results / "analysis" / "reference.h5", arrays, {**header, "windowed": True})
    record, output = results / "record.h5", results / "metrics.json"
    ensembles = [part for name in ("reference", "model") for part in (f"--{name}", f"{results}/analysis/{name}.h5")]
    files = [*ensembles, "--record", str(record), "--output", str(output)]
    assert main(["compare", "--section", "{}", "--temperature", "300", "--seed", "1", *files]) == 0
    metrics = {metric["metric"]: metric for metric in load_json(output)}
    assert metrics["js_phi_psi[ALA2]"]["error"] is metrics["js_phi_psi[ALA2]"]["noise_floor"] is None
    assert metrics["population_model_alpha_R[ALA2]"]["error"] > 0
    arrays, _ = load_record(record)
    assert np.isnan(arrays["reference_marginal_errors"]).all()
    assert np.isfinite(arrays["model_population_errors"]).all()
    for name in ("free_energy", "convergence", "marginals"):
        drawn = ["--title", "toy", "--sources", str(record), "--output", str(results / f"{name}.png")]
        assert main(["figure", "--name", name, *drawn]) == 0
