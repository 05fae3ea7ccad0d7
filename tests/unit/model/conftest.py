"""Small networks and filters."""

import numpy as np
import pytest
import torch

from cgpipe.config.sections import NetworkSection

torch.set_num_threads(1)


@pytest.fixture
def section():
    return NetworkSection(n_features=8, n_blocks=2, n_radial=10, cutoff_nm=0.9)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def tensors(rng):
    """Maker of normal tensors of a shape, float64."""
    return lambda *shape: torch.from_numpy(rng.standard_normal(shape))
