"""A toy project: the real workflow on capped alanine, so small that it ends within a minute."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOY = {
    "description": "toy",
    "reference": {
        "kind": "openmm",
        "sequence": "ACE ALA NME",
        "platform": "Reference",
        "n_trajectories": 2,
        "length_ns": 0.06,
        "segment_ps": 20,
        "equilibration_ps": 2,
        "bias": {
            "torsions": [["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:C"], ["ALA2:N", "ALA2:CA", "ALA2:C", "NME3:N"]],
            "n_walkers": 1,
            "build_length_ns": 0.05,
        },
    },
    "mapping": {"beads": ["ACE1:C", "ALA2:N", "ALA2:CA", "ALA2:CB", "ALA2:C", "NME3:N"]},
    "network": {"n_features": 8, "n_radial": 8, "n_blocks": 1},
    "training": {"n_epochs": 2, "batch_size": 64},
    "simulation": {"n_replicas": 4, "length_ps": 4, "segment_ps": 1, "timestep_fs": 2},
    "analysis": {"n_bootstrap": 20, "n_blocks_per_trajectory": 4},
}


TOY_PROTEIN = {
    "description": "toy protein",
    "reference": {
        "kind": "openmm",
        "sequence": "ACE ALA ALA GLY ALA SER ALA NME",
        "platform": "Reference",
        "starts": ["native", "heated"],
        "heating": {"length_ps": 2},
        "n_trajectories": 4,
        "length_ns": 0.012,
        "frame_interval_ps": 0.04,
        "equilibration_ps": 1,
    },
    "mapping": {"beads": "ca"},
    "network": {"n_features": 8, "n_radial": 8, "n_blocks": 1},
    "training": {"n_epochs": 2, "batch_size": 64},
    "simulation": {"n_replicas": 4, "length_ps": 8, "segment_ps": 2, "timestep_fs": 2, "frame_interval_ps": 0.1},
    "analysis": {
        "n_bootstrap": 20,
        "n_blocks_per_trajectory": 4,
        "native": "native.pdb",
        "contact_nm": 1.2,
        "markov": {
            "lag_ps": 0.4,
            "model_lag_ps": 0.4,
            "n_clusters": 8,
            "n_macrostates": 2,
            "reweight": False,
            "n_posterior_samples": 10,
        },
    },
}


class Project:
    """A copy of the workflow in a folder of its own."""

    def __init__(self, folder: Path, system: dict = TOY) -> None:
        self.folder = folder
        for name in ("workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "config" / "systems").mkdir(parents=True)
        self.write("config/config.yaml", {"systems": ["toy"], "seed": 7})
        self.write("config/systems/toy.yaml", system)

    def write(self, name: str, content: dict) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content))

    def read(self, name: str) -> dict:
        return yaml.safe_load((self.folder / name).read_text())

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(self.folder)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )

    def run(self, *arguments: str) -> None:
        """A run that must succeed."""
        result = self.snakemake(*arguments)
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rules that a dry run would run, and how often."""
        text = self.snakemake("-n", *arguments).stdout
        rows = [line.split() for line in text.splitlines()]
        table = [row for row in rows if len(row) == 2 and row[0].isidentifier() and row[1].isdigit()]
        return {name: int(count) for name, count in table if name != "total"}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The toy project after a whole run."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.run()
    return project


@pytest.fixture(scope="session")
def protein(tmp_path_factory):
    """The toy protein after a whole run; its native structure is the minimum that its reference starts from."""
    project = Project(tmp_path_factory.mktemp("protein"), TOY_PROTEIN)
    project.run("results/toy/reference/system.pdb")
    shutil.copy(project.folder / "results" / "toy" / "reference" / "system.pdb", project.folder / "native.pdb")
    project.run()
    return project


@pytest.fixture
def edited(finished, tmp_path):
    """A copy of the finished project that a test may edit."""
    project = Project.__new__(Project)
    project.folder = tmp_path / "edited"
    shutil.copytree(finished.folder, project.folder)
    return project
