"""All randomness: one root seed, and an independent stream for each named use.

A stream is fixed by the root seed and its name alone, so no stream depends on which others were drawn,
in which order, or on how work was split into jobs.
"""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def _entropy(root_seed: int, names: tuple[str | int, ...]) -> list[int]:
    """Five 32-bit words that identify a stream: the root seed and a digest of the name."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=16).digest()
    return [root_seed, *(int.from_bytes(digest[k : k + 4], "little") for k in range(0, 16, 4))]


def stream(root_seed: int, *names: str | int) -> np.random.Generator:
    """Random generator of the named use.

    >>> bool((stream(1, "noise", 0).random(3) == stream(1, "noise", 0).random(3)).all())
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(_entropy(root_seed, names))))


def integer_seed(root_seed: int, *names: str | int) -> int:
    """Positive 31-bit seed of the named use, for libraries that keep their own generator."""
    return int(stream(root_seed, *names).integers(1, 2**31 - 1))


@contextmanager
def seeded_random(seed: int) -> Iterator[None]:
    """Python's own generator, which OpenMM's Modeller and samplers draw from, seeded here and put back after."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
