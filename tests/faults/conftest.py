"""Whole toy runs under faults; every test here carries the marker `faults`."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "reference"))

from toy_project import Project

from .table import Table


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Checksums of every result of a run that nothing disturbed."""
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    project.run()
    return project.artefacts()


@pytest.fixture(scope="session")
def table():
    """What was done to runs and how they came out, printed at the end for docs/faults.md."""
    table = Table()
    yield table
    print(f"\n{table}")
