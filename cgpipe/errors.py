"""The errors that cgpipe raises for its users; the command line prints them as one line and exits with 1.

Each text says what was given, what was expected and what to do.
"""

from typing import Any


class CgpipeError(Exception):
    """Any failure that the user can mend."""


class ConfigError(CgpipeError):
    """The configuration asks for something that is unknown, contradictory or impossible."""


class DataError(CgpipeError):
    """A file or an array is missing, damaged, inconsistent or not physical."""


class FitError(CgpipeError):
    """The data do not determine the parameters that were asked for."""


class UnstableError(CgpipeError):
    """A simulation left the physical range."""

    frames: Any = None
    """Last sane frames of the part that failed, (n_frames, n_beads, 3), nm, where there are any."""
