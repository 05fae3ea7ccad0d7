"""The prior of frames that noise moves is that of the moved frames."""

import json

import numpy as np
import pytest

from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import Topology
from cgpipe.units import thermal_energy

_LENGTH, _WIDTH, _N = 0.15, 0.003, 20_000


@pytest.fixture
def beads(project):
    """Two beads at a distance of normal distribution, in any direction."""
    rng = np.random.default_rng(6)
    directions = rng.standard_normal((_N, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    positions = np.zeros((_N, 2, 3))
    positions[:, 1] = rng.normal(_LENGTH, _WIDTH, (_N, 1)) * directions
    topology = Topology(("N", "CA"), ("N", "C"), ("ALA", "ALA"), (1, 1), (14.0, 12.0), ((0, 1),))
    path = project / "beads.h5md"
    with create_h5md(path, topology, frame_interval=1.0, provenance={}) as writer:
        writer.append(positions.astype(np.float32), np.zeros_like(positions, dtype=np.float32))
    return path


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_bond_is_as_soft_as_its_moved_frames(cgpipe, beads, project, noise):
    """Both ends move, each by the noise in every direction."""
    status, _, told = cgpipe(
        "prior", "--section", "{}", "--split", "{}", "--temperature", 300, "--noise", noise, "--seed", 1,
        "--beads", beads, "--output", project / "prior.json",
    )  # fmt: skip
    assert status == 0, told
    (bond,) = json.loads((project / "prior.json").read_text())["parameters"]["bonds"]
    expected = thermal_energy(300) / (_WIDTH**2 + 2 * noise**2)
    assert bond["stiffness"] == pytest.approx(expected, rel=0.05)
