"""Topology, trajectories, their files, and the split of frames; numpy only."""
