"""CGSchNet, and the force field: prior plus network."""
