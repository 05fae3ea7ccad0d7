"""Chains whose parameters are known, and beads with branches."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(21)
