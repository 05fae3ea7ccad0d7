"""A small molecule and frames of it."""

import numpy as np
import pytest

from cgpipe.data.topology import Topology


@pytest.fixture
def topology():
    """The heavy backbone of a capped alanine's middle."""
    return Topology(
        names=("N", "CA", "CB", "C"),
        elements=("N", "C", "C", "C"),
        residue_names=("ALA",) * 4,
        residue_numbers=(2,) * 4,
        masses=(14.0, 12.0, 12.0, 12.0),
        bonds=((0, 1), (1, 2), (1, 3)),
    )


@pytest.fixture
def frames():
    """Positions and forces of 30 frames, float32, and a logarithmic weight for each."""
    rng = np.random.default_rng(4)
    return {
        "positions": rng.standard_normal((30, 4, 3)).astype(np.float32),
        "forces": rng.standard_normal((30, 4, 3)).astype(np.float32),
        "log_weights": rng.standard_normal(30),
    }
