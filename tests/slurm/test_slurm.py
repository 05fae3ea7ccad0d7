"""Run as `make test-slurm`: the profile on a real Slurm gives what a local run gives, also where a job is cancelled."""

import re
import subprocess
import time
from dataclasses import dataclass

import pytest
from toy_project import Project

from .cluster import Cluster, missing

PROFILE = ["--workflow-profile", "profiles/slurm", "--cores", "2", "--latency-wait", "5"]
QUICK = ["--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1"]
VICTIM = "rule_trajectory_wildcards_toy_0"
SECONDS = 600


@dataclass
class Run:
    """A finished run on Slurm."""

    project: Project
    jobs: list[dict[str, str]]
    output: str
    seconds: float

    def submissions(self, comment: str) -> list[dict[str, str]]:
        """Jobs whose comment, which names rule and wildcards, begins so; in the order of submission."""
        return [job for job in self.jobs if job["Comment"].startswith(comment)]


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("local"))
    project.run()
    return project


@pytest.fixture(scope="session")
def cluster():
    if missing():
        pytest.fail(f"{', '.join(missing())} are not installed; `make slurm-packages` installs them on Debian as root")
    with Cluster() as cluster:
        yield cluster


def _jobs(cluster):
    lines = cluster.command("scontrol", "--oneliner", "show", "jobs").splitlines()
    rows = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if line.startswith("JobId=")]
    return sorted(rows, key=lambda row: int(row["JobId"]))


def _cancel_when_it_has_begun(cluster, project, job):
    """Cancel one trajectory in the middle; Slurm sends it SIGTERM."""
    segments = project.folder / "results" / "toy" / "reference" / ".trajectory0.h5md.segments"
    deadline = time.monotonic() + SECONDS
    while not list(segments.glob("*.npz")):
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (victim,) = [row["JobId"] for row in _jobs(cluster) if row["Comment"] == VICTIM]
    cluster.command("scancel", victim)


@pytest.fixture(scope="session")
def finished(cluster, tmp_path_factory):
    """The toy run through the profile, on nodes with GPUs, with one job cancelled on its way."""
    project = Project(tmp_path_factory.mktemp("slurm"))
    project.write("config/config.yaml", {"systems": ["toy"], "seed": 7, "device": "auto"})
    start = time.monotonic()
    with subprocess.Popen(
        project.command(*PROFILE, *QUICK),
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as job:
        _cancel_when_it_has_begun(cluster, project, job)
        output, _ = job.communicate(timeout=SECONDS)
    assert job.returncode == 0, output[-6000:]
    run = Run(project, _jobs(cluster), output, time.monotonic() - start)
    _report(run)
    return run


def _report(run):
    """What the docs state of the overhead, printed by `pytest -s`."""
    tables = (run.project.folder / "results" / "toy" / "benchmarks").glob("*.tsv")
    work = sum(float(table.read_text().splitlines()[1].split("\t")[0]) for table in tables)
    held = sum(_seconds(job["RunTime"]) for job in run.jobs)
    print(f"\n{len(run.jobs)} submissions in {run.seconds:.0f} s; nodes held {held} s for {work:.0f} s of work")


def _seconds(clock):
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def test_artefacts_are_those_of_a_local_run(finished, local):
    assert finished.project.artefacts() == local.artefacts()


def test_cancelled_job_came_again_with_more_and_resumed(finished):
    first, second = finished.submissions(VICTIM)
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("1000M", "2000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("1-00:00:00", "2-00:00:00")


@pytest.mark.parametrize("rule", ["train", "simulate"])
def test_training_and_simulation_get_a_gpu_each(finished, rule):
    jobs = finished.submissions(f"rule_{rule}_")
    assert [job["TresPerJob"] for job in jobs] == ["gres:gpu:1"] * 2


def test_other_jobs_get_none(finished):
    assert {job["Comment"].split("_")[1] for job in finished.jobs if "TresPerJob" in job} == {"train", "simulate"}


def test_short_jobs_share_one_submission(finished):
    for group in ("beads", "report"):
        (job,) = finished.submissions(f"rule_{group}_toy")
        assert job["NumCPUs"] == "2"
    assert not finished.submissions("rule_figure") + finished.submissions("rule_map")
    assert not finished.submissions("rule_summary"), "bookkeeping holds no node"


def test_second_run_does_nothing(finished):
    result = finished.project.snakemake("-n", *PROFILE)
    assert "Nothing to be done" in result.stdout + result.stderr


def test_error_of_a_job_is_shown_where_snakemake_runs(finished):
    system = finished.project.read("config/systems/toy.yaml")
    beads = [*system["mapping"]["beads"][:-1], "NME3:CX"]
    finished.project.write("config/systems/toy.yaml", {**system, "mapping": {"beads": beads}})
    result = finished.project.snakemake(*PROFILE, *QUICK)
    assert result.returncode != 0
    assert "there is no atom 'NME3:CX' in the structure" in result.stdout + result.stderr
