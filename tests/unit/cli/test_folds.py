"""Frames of a simulation that uncertainty and proposals look at."""

import numpy as np

from cgpipe.cli import folds
from cgpipe.cli.folds import simulated_frames
from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import Topology


def test_all_replicas_of_all_jobs_are_looked_at(tmp_path, monkeypatch):
    """Two jobs of twenty replicas and fifty times each, of which a fifth is drawn; x tells the replica."""
    monkeypatch.setattr(folds, "MAX_FRAMES", 400)
    topology = Topology(("CA",), ("C",), ("ALA",), (1,), (12.0,), ())
    paths = [tmp_path / f"job{job}.h5md" for job in range(2)]
    for job, path in enumerate(paths):
        positions = np.zeros((20 * 50, 1, 3), dtype=np.float32)
        positions[:, 0, 0] = np.tile(20 * job + np.arange(20), 50)
        with create_h5md(path, topology, frame_interval=1.0, provenance={}) as writer:
            writer.append(positions)
    drawn = simulated_frames(paths, np.random.default_rng(2)).positions[:, 0, 0]
    assert len(drawn) == 400
    assert set(drawn) == set(range(40))
