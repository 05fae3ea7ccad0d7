"""Which atoms make which bead, and how their forces become bead forces."""
