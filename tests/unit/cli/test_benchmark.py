"""Speed: work that is what it claims to be, operations counted by hand, and a page that tells what was measured."""

import json

import numpy as np
import pytest

from cgpipe.cli import workloads
from cgpipe.cli.main import main
from cgpipe.cli.workloads import Case, compact_chain, count_flop, measure


@pytest.mark.parametrize("n_beads", [10, 27, 80, 269])
def test_the_chain_is_connected_dense_and_without_overlap(n_beads):
    positions = compact_chain(n_beads, 1, noise=0.0)[0].numpy()
    np.testing.assert_allclose(np.linalg.norm(np.diff(positions, axis=0), axis=1), 0.5, rtol=1e-6)
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    assert distances[~np.eye(n_beads, dtype=bool)].min() == pytest.approx(0.5)
    assert np.ptp(positions, axis=0).max() <= 0.5 * np.ceil(n_beads ** (1 / 3))


def test_operations_by_hand():
    """Two blocks and a head: W1 W2, W0 W1 W2, half, each way; multiplied out W1 of both and mixes of 1.5 and 0.5."""
    unit = 2 * 128**2 * 10
    assert count_flop(Case("simulate", 10, 32)) == (2 * 4 * unit, 2 * 5.5 * unit)
    assert count_flop(Case("train", 10, 32)) == (6 * 4 * unit, 6 * 5.5 * unit)
    assert count_flop(Case("simulate", 10, 32, n_blocks=1)) == (2 * 1.5 * unit, 2 * 2.5 * unit)


@pytest.mark.parametrize("task", ["simulate", "train", "map"])
@pytest.mark.parametrize("torch_alone", [False, True])
def test_a_measurement_holds_together(task, torch_alone, monkeypatch):
    monkeypatch.setattr(workloads, "_SECONDS_PER_ROUND", 0.02)
    n_beads = 30 if task == "map" else 6
    found = measure(Case(task, n_beads, 4, n_features=16, n_radial=8, rounds=2, torch_alone=torch_alone))
    assert found.rate > 0
    assert found.setup_s > 0
    assert found.memory_MB >= 0
    if task == "map":
        assert found.plain_flop == found.gflops == found.ceiling == 0
    else:
        assert found.ceiling == pytest.approx(1e9 * found.gflops / found.plain_flop)
        assert found.flop < found.plain_flop


def test_a_grid_is_printed_and_written(tmp_path, capsys):
    path = tmp_path / "rows.json"
    arguments = "simulate --beads 5 --replicas 2 3 --features 16 --radial 8 --rounds 2 --torch --json"
    assert main(["benchmark", *arguments.split(), str(path)]) == 0
    content = json.loads(path.read_text())
    assert [(row["contestant"], row["n_frames"]) for row in content["rows"]] == [
        ("engine", 2),
        ("torch alone", 2),
        ("engine", 3),
        ("torch alone", 3),
    ]
    assert {"processor", "versions"} <= content["machine"].keys()
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith(("engine", "torch alone"))]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("simulate --beads 1", "argument --beads: '1' is not a whole number of at least 2"),
        ("simulate --replicas 0", "argument --replicas: '0' is not a whole number of at least 1"),
        ("train --batch many", "argument --batch: 'many' is not"),
        ("map --rounds -1", "argument --rounds: '-1' is not"),
    ],
)
def test_cases_that_are_none_are_refused(capsys, arguments, message):
    with pytest.raises(SystemExit) as stop:
        main(["benchmark", *arguments.split()])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def _row(contestant, n_beads, n_frames, rate, task="simulate"):
    case = {"task": task, "n_beads": n_beads, "n_frames": n_frames, "n_features": 128, "n_blocks": 2, "n_threads": 2}
    return {"contestant": contestant, **case, "rate": rate, "spread": 0.02, "memory_MB": 50.0}


def _record(path, rows):
    machine = {"processor": "a processor", "versions": {"cgpipe": "1"}}
    path.write_text(json.dumps({"machine": machine, "rows": rows}))
    return str(path)


def test_the_page_compares_within_one_file(tmp_path):
    """Ratios to the engine of the same file and case; the share of the ceiling where there is one."""
    engine = {**_row("engine", 10, 32, 60_000.0), "plain_flop": 1.0, "ceiling": 80_000.0}
    first = _record(tmp_path / "a.json", [engine, _row("peer", 10, 32, 1_000.0), _row("peer", 20, 32, 500.0)])
    second = _record(tmp_path / "b.json", [_row("engine", 10, 32, 30_000.0), _row("engine", 10, 512, 9.0, "train")])
    page, figure = tmp_path / "speed.md", tmp_path / "speed.png"
    assert main(["benchmark", "report", "--inputs", first, second, "--output", str(page), "--figure", str(figure)]) == 0
    text = page.read_text()
    assert "| peer | 10 | 32 | 128, 2 blocks | 2 | 1,000 ± 2% | 1/60.0 |  | 50 |" in text
    assert "| 60,000 ± 2% | 1/1.0 | 75% | 50 |" in text
    assert "| peer | 20 | 32 | 128, 2 blocks | 2 | 500 ± 2% |  |  | 50 |" in text
    assert text.count("a processor; cgpipe 1") == 3, "above each table"
    assert text.index("## Training") > text.index("## Simulation")
    assert figure.stat().st_size > 1000


def test_a_page_of_something_else_is_refused(tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("[1, 2]")
    files = ["--output", str(tmp_path / "speed.md"), "--figure", str(tmp_path / "speed.png")]
    assert main(["benchmark", "report", "--inputs", str(path), *files]) == 1
    assert "other.json holds no measurements; write it by `cgpipe benchmark" in capsys.readouterr().err
    assert not (tmp_path / "speed.md").exists()
