"""Toy projects, run once for all tests of the workflow."""

import json
import shutil

import pytest
from toy_project import TOY_PROTEIN, Project

from cgpipe.config.base import Section
from cgpipe.config.project import complete, section_argument
from cgpipe.config.sections import SystemConfig


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
    return finished.copy(tmp_path / "edited")


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
