"""Toy projects, run once for all tests of the workflow."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "reference"))

from toy_project import TOY_PROTEIN, Project


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
