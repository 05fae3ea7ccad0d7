"""The files around the package agree with one another."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def pinned():
    """Versions in the lock, by lower-case name."""
    lines = (ROOT / "envs" / "requirements.lock").read_text().splitlines()
    rows = [line.split(";")[0].split("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in rows}


def test_lock_pins_every_dependency_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = pinned()
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in wanted:
        name, lowest = re.fullmatch(r"([A-Za-z0-9-]+)(?:\[\w+\])?(?:>=([\d.]+))?(?:;.*)?", requirement).groups()
        version = versions[name.lower()]
        if lowest:
            assert [int(x) for x in version.split(".")[:2]] >= [int(x) for x in lowest.split(".")[:2]], requirement


def test_torch_is_pinned_to_the_version_with_a_cpu_build():
    assert pinned()["torch"] == "2.13.0"


def test_conda_environment_and_container_hold_the_lock_and_the_package():
    environment = yaml.safe_load((ROOT / "envs" / "cgpipe.yaml").read_text())
    assert "gxx" in environment["dependencies"], "the engine needs a compiler"
    script = (ROOT / "envs" / "cgpipe.post-deploy.sh").read_text()
    assert re.search(r"pip install .*--requirement envs/requirements.lock\n.*pip install .*--no-deps .* \.\n", script)
    image = (ROOT / "envs" / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", image, re.MULTILINE) for word in line.split()]
    assert all((ROOT / name).exists() for name in copied)
    assert {"envs/requirements.lock", "pyproject.toml", "setup.py", "cgpipe"} <= set(copied)


@pytest.mark.parametrize("profile", ["slurm", "generic", "kubernetes"])
def test_every_profile_plans_what_a_local_run_plans(profile):
    plans = [
        subprocess.run(
            [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--forceall", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for arguments in ([], ["--workflow-profile", f"profiles/{profile}"])
    ]
    assert [plan.returncode for plan in plans] == [0, 0], plans[1].stdout + plans[1].stderr
    tables = [re.findall(r"^(\w+) +(\d+)$", plan.stdout, re.MULTILINE) for plan in plans]
    assert dict(tables[0])["figure"] == "12"
    assert tables[0] == tables[1]


def test_full_config_meets_the_size_it_promises():
    from cgpipe.config.project import load_project, load_system, read_yaml  # noqa: PLC0415

    project = load_project(read_yaml(ROOT / "config" / "full.yaml"))
    reference = load_system(project, "ala2", folder=ROOT / "config" / "systems").reference
    assert reference.n_trajectories >= 4
    assert reference.n_trajectories * reference.length_ns >= 200
    check = reference.unbiased_check
    assert check.n_trajectories * check.length_ns >= 100


@pytest.mark.parametrize("arguments", [["--lint"], ["-n", "--configfile", "config/full.yaml"]])
def test_workflow_is_clean(arguments):
    result = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
