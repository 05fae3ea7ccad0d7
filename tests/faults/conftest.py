"""Whole toy runs under faults; every test here carries the marker `faults`."""

import pytest
from toy_project import Project

from .table import Table


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run that nothing disturbed; tests that damage it take a copy."""
    project = Project(tmp_path_factory.mktemp("whole"))
    project.run()
    return project


@pytest.fixture(scope="session")
def undisturbed(whole):
    """Checksums of every result of a run that nothing disturbed."""
    return whole.artefacts()


@pytest.fixture(scope="session")
def table():
    """What was done to runs and how they came out, printed at the end for docs/faults.md."""
    table = Table()
    yield table
    print(f"\n{table}")
