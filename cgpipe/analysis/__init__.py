"""The same road from beads to numbers for reference and model."""
