"""Hostile input; the long runs carry the marker `fuzz`, a short one runs with all tests."""
