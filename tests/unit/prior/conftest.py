"""Chains whose parameters are known, and beads with branches."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "reference"))


@pytest.fixture
def rng():
    return np.random.default_rng(21)
