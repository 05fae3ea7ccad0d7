"""From atomistic molecular dynamics to a validated machine-learned coarse-grained force field."""

__version__ = "0.1.0"
