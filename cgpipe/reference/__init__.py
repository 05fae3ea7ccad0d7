"""Atomistic reference by OpenMM: structure, system, bias, recorded trajectories."""
