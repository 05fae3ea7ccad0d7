"""A stage that is killed at any time and run again ends with the same file as one that was left alone."""

import signal

import pytest
from commands import run_command, start

from cgpipe.data.exclusive import exclusive


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
    for folder, kill_when in ((tmp_path / "whole" / "fold0", None), (tmp_path / "killed" / "fold0", trace)):
        folder.mkdir(parents=True)
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
    assert [path.name for path in (tmp_path / "killed" / "fold0").iterdir() if path.name.startswith(".")] == []


def test_a_command_waits_for_another_that_writes_the_same(stages, tmp_path):
    with exclusive(tmp_path / ".s.h5md.lock", wait=False):
        job = start([*stages["simulate"], "--output", tmp_path / "s.h5md"])
        assert "waiting until it is done" in job.stderr.readline()
        assert job.poll() is None
    _, error = job.communicate(timeout=120)
    assert job.returncode == 0, error
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5md"]
