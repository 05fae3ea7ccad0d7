"""Streams depend on the root seed and their name, and on nothing else."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from cgpipe.seeding import integer_seed, stream


def test_equal_names_give_equal_numbers():
    assert (stream(1, "noise", 4).random(8) == stream(1, "noise", 4).random(8)).all()


@pytest.mark.parametrize("other", [(2, "noise", 4), (1, "noise", 5), (1, "start", 4), (1, "noise"), (1, "noise", 4, 0)])
def test_other_names_give_other_numbers(other):
    assert not (stream(1, "noise", 4).random(8) == stream(*other).random(8)).any()


def test_streams_are_uncorrelated():
    """The largest correlation of 780 pairs of 4000 numbers stays under 5 standard errors."""
    numbers = np.array([stream(3, "replica", k).standard_normal(4000) for k in range(40)])
    correlations = np.corrcoef(numbers)[np.triu_indices(40, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)


def test_integer_seeds_suit_openmm():
    """OpenMM takes 32-bit signed integers and reads zero as `choose one yourself`."""
    seeds = [integer_seed(root, "trajectory", k) for root, k in itertools.product(range(20), range(20))]
    assert len(set(seeds)) == 400
    assert min(seeds) > 0
    assert max(seeds) < 2**31


def test_a_seed_is_the_same_in_another_process():
    """Python's own hash of strings changes from process to process."""
    program = "from cgpipe.seeding import integer_seed; print(integer_seed(2020, 'split', 3))"
    printed = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in "ab"}
    assert printed == {f"{integer_seed(2020, 'split', 3)}\n".encode()}
