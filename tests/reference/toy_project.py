"""A toy project: the real workflow on capped alanine or a small protein, so small that it ends within a minute."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

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
    # Strong friction, because a network that has learned nothing heats its frames.
    "simulation": {"n_replicas": 8, "length_ps": 4, "segment_ps": 1, "timestep_fs": 2, "friction_per_ps": 10},
    "analysis": {"n_bootstrap": 20, "n_blocks_per_trajectory": 4},
}


TOY_PROTEIN = {
    "description": "toy protein",
    "reference": {
        "kind": "openmm",
        "sequence": "ACE ALA ALA GLY ALA SER ALA NME",
        "platform": "Reference",
        "starts": ["native", "heated", "exchanged"],
        "heating": {"length_ps": 2},
        "exchange": {"temperatures_K": [360], "length_ns": 0.004},
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


def _is_artefact(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not (hidden or {"logs", "benchmarks"} & set(path.parts) or path.name in {"summary.log", "summary.tsv"})


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

    def copy(self, folder: Path) -> "Project":
        """The same project, with its results, in another folder."""
        copied = Project.__new__(Project)
        copied.folder = folder
        shutil.copytree(self.folder, folder)
        return copied

    def write(self, name: str, content: dict) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content))

    def read(self, name: str) -> dict:
        return yaml.safe_load((self.folder / name).read_text())

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        return self._call(self.command(*arguments))

    def cgpipe(self, *arguments: str) -> subprocess.CompletedProcess:
        return self._call(["cgpipe", *arguments])

    def _call(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def command(self, *arguments: str) -> list[str]:
        """Snakemake on two cores, or as a profile among the arguments says."""
        cores = [] if "--workflow-profile" in arguments else ["--cores", "2"]
        return [sys.executable, "-m", "snakemake", *cores, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What the commands see: this Python's programs, and no settings of the user's."""
        return {"PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder)}

    def artefacts(self) -> dict[str, str]:
        """SHA-256 of every result, by path; logs, timings and unfinished work, which differ between runs, are none."""
        results = self.folder / "results"
        files = [path for path in results.rglob("*") if path.is_file()]
        chosen = [path for path in files if _is_artefact(path.relative_to(results))]
        return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in chosen}

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
