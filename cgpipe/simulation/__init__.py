"""Langevin dynamics of many replicas under any potential."""
