"""Marks the tests of the folders that stay out of a plain run by the name of their folder."""

from pathlib import Path

_APART = ("physics", "slurm", "faults")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in _APART:
            item.add_marker(folder)
