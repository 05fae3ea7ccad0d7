"""Short simulations of a pair of beads."""

import numpy as np
import pytest
import torch
from stored import joined

from cgpipe.config.sections import SimulationSection
from cgpipe.data.segments import SegmentStore
from cgpipe.data.topology import Topology
from cgpipe.simulation.run import Setting, simulate
from cgpipe.simulation.stability import BondLimits

torch.set_num_threads(1)  # a second thread only costs on arrays this small

_SECTION = SimulationSection(
    length_ps=0.36, timestep_fs=4.0, friction_per_ps=5.0, frame_interval_ps=0.02, segment_ps=0.1, max_bond_stretch=50.0
)
"""18 frames of 5 steps, in segments of 5, 5, 5 and 3 frames."""


@pytest.fixture
def pair_topology():
    return Topology(
        names=("X", "Y"),
        elements=("C", "N"),
        residue_names=("AAA", "BBB"),
        residue_numbers=(1, 2),
        masses=(12.0, 14.0),
        bonds=((0, 1),),
    )


@pytest.fixture
def pair_start():
    """Start of nine replicas, each of its own length; float32 as read from a file."""
    positions = np.zeros((9, 2, 3), dtype=np.float32)
    positions[:, 1, 0] = 0.1 + 0.01 * np.arange(9)
    return positions


@pytest.fixture
def setting(pair_topology):
    """Maker of settings for a potential of the pair; other fields by name."""

    def make(potential, *, section=None, **changes):
        limits = BondLimits(pair_topology, torch.tensor([[0, 1]]), torch.tensor([0.1]), 50.0)
        values = {
            "masses": np.array(pair_topology.masses),
            "bonds": limits,
            "thermal_energy": 2.5,
            "replicas": range(9),
            "root_seed": 1,
            "dtype": torch.float32,
            "device": torch.device("cpu"),
            **changes,
        }
        return Setting(potential=potential, section=_SECTION.model_copy(update=section or {}), **values)

    return make


@pytest.fixture
def run(tmp_path):
    """Simulate into a store of its own, named; returns all recorded arrays, (n_frames, n_replicas, ...)."""

    def simulated(setting, start, name="run"):
        store = SegmentStore(tmp_path / name, "fingerprint")
        simulate(setting, start, store)
        return joined(store)

    return simulated
