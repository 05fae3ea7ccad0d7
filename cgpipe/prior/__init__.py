"""Classical terms and their fit."""
