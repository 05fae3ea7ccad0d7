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
    rows = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in rows}


def test_lock_pins_every_dependency_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = pinned()
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in wanted:
        name, lowest = re.fullmatch(r"([A-Za-z0-9-]+)(?:\[\w+\])?(?:>=([\d.]+))?", requirement).groups()
        version = versions[name.lower()]
        if lowest:
            assert [int(x) for x in version.split(".")[:2]] >= [int(x) for x in lowest.split(".")[:2]], requirement


def test_torch_is_pinned_to_the_version_with_a_cpu_build():
    assert pinned()["torch"] == "2.13.0"


def test_conda_environment_installs_the_lock():
    environment = yaml.safe_load((ROOT / "envs" / "cgpipe.yaml").read_text())
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip == ["-r requirements.lock"]


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
