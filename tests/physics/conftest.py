"""Statistical tests that take a minute or more; every test here carries the marker `physics`."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parents[1] / "reference"))
torch.set_num_threads(1)  # a second thread only costs on arrays this small


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.physics)
