"""A stage that is killed at any time and run again ends with the same file as one that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cgpipe.config.base import Section
from cgpipe.config.project import complete, section_argument
from cgpipe.config.sections import SystemConfig
from cgpipe.data.exclusive import exclusive

SECONDS_TO_START = 60


def start(arguments):
    """`cgpipe` with these arguments, running."""
    command = [sys.executable, "-m", "cgpipe.cli.main", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_command(arguments, *, kill_when=None, kill_by=signal.SIGKILL):
    """Run `cgpipe`; with kill_when, signal it as soon as that glob matches. True if it was signalled."""
    with start(arguments) as job:
        deadline = time.monotonic() + SECONDS_TO_START
        while kill_when and job.poll() is None and time.monotonic() < deadline:
            if list(kill_when[0].glob(kill_when[1])):
                job.send_signal(kill_by)
                _, error = job.communicate(timeout=120)
                assert kill_by == signal.SIGKILL or (job.returncode == 143 and "same command resumes it" in error)
                return True
            time.sleep(0.002)
        _, error = job.communicate(timeout=120)
    assert job.returncode == 0, error
    return False


@pytest.fixture(scope="session")
def stages(finished):
    """Arguments of the long stages on the finished toy, without their outputs."""
    results = finished.folder / "results" / "toy"
    system = complete(SystemConfig, finished.read("config/systems/toy.yaml"), source="toy")
    section = {name: section_argument(value) for name, value in system if isinstance(value, Section)}
    longer = json.dumps({**json.loads(section["training"]), "n_epochs": 6})
    beads = sorted((results / "beads").glob("trajectory*.h5md"))
    return {
        "trajectory": [
            "trajectory", "--section", section["reference"], "--seed", 7, "--index", 0,
            "--system", results / "reference" / "system.json", "--bias", results / "reference" / "bias0.json",
        ],
        "bias": [
            "bias", "--section", section["reference"], "--seed", 7, "--index", 0,
            "--system", results / "reference" / "system.json",
        ],
        "train": [
            "train", "--section", longer, "--network", section["network"], "--split", section["split"],
            "--temperature", 300, "--fold", 0, "--seed", 7, "--beads", *beads,
            "--prior", results / "prior" / "prior.json", "--history", "HISTORY",
        ],
        "simulate": [
            "simulate", "--section", section["simulation"], "--seed", 7, "--job", 0, "--beads", *beads,
            "--models", *sorted(results.glob("train/fold*/model.safetensors")),
        ],
    }  # fmt: skip


@pytest.mark.parametrize("kill_by", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize(
    ("stage", "name", "trace"),
    [
        ("trajectory", "t.h5md", ".t.h5md.segments/000000.npz"),
        ("bias", "b.json", ".b.json.segments/000000.npz"),
        ("train", "m.safetensors", ".m.safetensors.checkpoint"),
        ("simulate", "s.h5md", ".s.h5md.segments/000001.npz"),
    ],
)
def test_killed_and_rerun_equals_uninterrupted(stages, tmp_path, stage, name, trace, kill_by):
    outputs = []
    for folder, kill_when in ((tmp_path / "whole", None), (tmp_path / "killed", trace)):
        folder.mkdir()
        replaced = [folder / "history.csv" if argument == "HISTORY" else argument for argument in stages[stage]]
        arguments = [*replaced, "--output", folder / name]
        if kill_when:
            assert run_command(arguments, kill_when=(folder, kill_when), kill_by=kill_by), (
                "the stage ended before it could be killed"
            )
            assert not (folder / name).exists(), "a killed stage must leave no file under the final name"
            if kill_by == signal.SIGTERM:
                left = {path.name for path in folder.iterdir()} - {f".{name}.segments", f".{name}.checkpoint"}
                assert not left, "a stage that could tidy up must leave what it resumes from, and nothing else"
        run_command(arguments)
        outputs.append((folder / name).read_bytes())
    assert outputs[0] == outputs[1]
    assert [path.name for path in (tmp_path / "killed").iterdir() if path.name.startswith(".")] == []


def test_a_command_waits_for_another_that_writes_the_same(stages, tmp_path):
    with exclusive(tmp_path / ".s.h5md.lock", wait=False):
        job = start([*stages["simulate"], "--output", tmp_path / "s.h5md"])
        assert "waiting until it is done" in job.stderr.readline()
        assert job.poll() is None
    _, error = job.communicate(timeout=120)
    assert job.returncode == 0, error
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5md"]
