"""Full and read-only disks, clocks that jump, damaged files, two runs at once: one clear error, then the same bits."""

import os
import signal
import subprocess
import time

import pytest
from toy_project import Project

from .processes import Running, wait_for

DAY = 86_400
PRESENT = ("find", "results", "-newermt", "now", "-exec", "touch", "-d", "now", "{}", "+")
"""What docs/faults.md says to do about files of the future."""
SIZES_KB = [60, 200, 500, 900, 1500, 2200, 3000]
"""Of the disk: too small for the first file, for the last figures, and for all between."""


@pytest.fixture
def small_disk():
    """A function that puts a project's results on a disk of a size; needs root."""
    mounted = []

    def mount(project, size_kb):
        folder = project.folder / "results"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", folder], check=True)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


def _remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def _assert_told(result, text):
    told = result.stdout + result.stderr
    assert result.returncode != 0
    assert text in told, told[-3000:]
    assert "Traceback" not in told, told[-3000:]


@pytest.mark.parametrize("size_kb", SIZES_KB)
def test_full_disk(tmp_path, undisturbed, table, small_disk, size_kb):
    project = Project(tmp_path)
    folder = small_disk(project, size_kb)
    with table.entry("disk full") as count:
        result = project.snakemake()
        count[0] = 1
        assert result.returncode != 0
        assert "Traceback" not in result.stdout + result.stderr, (result.stdout + result.stderr)[-4000:]
        assert set(project.artefacts().items()) <= set(undisturbed.items()), "a file that is there is whole"
        _remount(folder, "size=100m")
        project.run()
        assert project.artefacts() == undisturbed


def test_read_only_results(tmp_path, undisturbed, table, small_disk):
    project = Project(tmp_path)
    folder = small_disk(project, 100_000)
    with table.entry("results become read-only") as count:
        running = Running(project)
        wait_for(lambda: list(folder.glob("toy/reference/.trajectory0.h5md.segments/*.npz")))
        # What is open for writing keeps a disk from becoming read-only, so the logs are closed first.
        running.signal_all(signal.SIGKILL)
        running.wait()
        time.sleep(0.5)
        _remount(folder, "ro")
        project.snakemake("--unlock")
        count[0] = 1
        assert project.snakemake().returncode != 0
        job = project.cgpipe("summary", "--comparisons", "x", "--output", "results/y.csv")
        _assert_told(job, "cannot write results/y.csv: Read-only file system")
        _remount(folder, "rw")
        project.run()
        assert project.artefacts() == undisturbed


@pytest.mark.parametrize("days", [-1, 1, -400, 400])
def test_clock_that_was_wrong_while_half_the_run_was_made(tmp_path, undisturbed, table, days):
    project = Project(tmp_path)
    with table.entry("clock jumps, by a day or 400, back or forth") as count:
        project.run("results/toy/prior/prior.json")
        for path in (tmp_path / "results").rglob("*"):
            moment = path.stat().st_mtime + days * DAY
            os.utime(path, (moment, moment))
        count[0] = 1
        if days > 0:  # Snakemake refuses to go on from files of the future
            _assert_told(project.snakemake(), "clock skew")
            subprocess.run(PRESENT, cwd=project.folder, check=True)
        project.run()
        assert project.artefacts() == undisturbed


@pytest.mark.parametrize("how", ["cut", "scribbled", "empty"])
@pytest.mark.parametrize(
    ("output", "trace"),
    [
        ("train/fold0/model.safetensors", "train/fold0/.model.safetensors.checkpoint"),
        ("simulation/job0.h5md", "simulation/.job0.h5md.segments/000000.npz"),
        ("reference/trajectory0.h5md", "reference/.trajectory0.h5md.segments/000000.npz"),
    ],
)
def test_damaged_checkpoint(tmp_path, undisturbed, table, output, trace, how):
    project = Project(tmp_path)
    results = tmp_path / "results" / "toy"
    with table.entry("checkpoint damaged") as count:
        running = Running(project)
        wait_for((results / trace).exists)
        running.signal_all(signal.SIGKILL)
        running.wait()
        _damage(results / trace, how)
        count[0] = 1
        project.snakemake("--unlock")
        project.run("--retries", "1")
        assert (results / output).is_file()
        assert project.artefacts() == undisturbed


def _damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    inverted = bytes(255 - byte for byte in content[middle : middle + 64])
    scribbled = content[:middle] + inverted + content[middle + 64 :]
    path.write_bytes({"cut": content[:middle], "scribbled": scribbled, "empty": b""}[how])


@pytest.mark.parametrize(
    "name",
    [
        "reference/system.json", "reference/trajectory1.h5md", "beads/mapping.json", "beads/trajectory0.h5md",
        "prior/prior.json", "train/fold1/model.safetensors", "simulation/job1.h5md", "analysis/reference.h5",
        "analysis/comparison.h5", "figures/marginals.png",
    ],
)  # fmt: skip
def test_damaged_artefact_is_found_and_made_again(tmp_path, whole, undisturbed, table, name):
    project = whole.copy(tmp_path / "copy")
    path = project.folder / "results" / "toy" / name
    with table.entry("artefact damaged") as count:
        _damage(path, "scribbled")
        count[0] = 1
        found = project.cgpipe("verify", "results/toy")
        assert found.returncode == 1
        assert name.split("/")[-1] in found.stdout
        path.unlink()
        project.run("--", f"results/toy/{name}")
        project.run()
        assert project.cgpipe("verify", "results/toy").returncode == 0
        assert project.artefacts() == undisturbed


def test_second_snakemake_is_refused_and_the_first_ends_well(tmp_path, undisturbed, table):
    project = Project(tmp_path)
    with table.entry("two Snakemakes at once") as count:
        running = Running(project)
        wait_for(lambda: list((tmp_path / "results").rglob("*.segments")))
        second = project.snakemake()
        count[0] = 1
        assert second.returncode != 0
        assert "locked" in (second.stdout + second.stderr).lower()
        assert running.wait() == 0
        assert project.artefacts() == undisturbed
