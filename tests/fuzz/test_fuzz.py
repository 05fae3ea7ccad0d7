"""Damaged and hostile files end in success or in a cgpipe error: no crash, no code that runs, no path out, no hunger.

A short run stands with all tests; `make fuzz` feeds a hundred thousand inputs and more.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .seeds import WRITERS

_SLOW = {"structure.pdb": 10}
"""How many times fewer inputs of a kind: PDBFixer takes 80 ms each."""
_SHORT, _LONG, _GUIDED = 150, 6500, 3000


def _attack(kind, count, first=0):
    """What was found in the damaged inputs first..count, each given to the reader of its kind, which may die of it."""
    found = []
    while first < count:
        command = [sys.executable, str(Path(__file__).with_name("attack.py")), kind, str(first), str(count - first)]
        job = subprocess.run(command, capture_output=True, text=True, check=False)
        found += [json.loads(line) for line in job.stdout.splitlines()]
        if job.returncode == 0:
            break
        places = [line for line in job.stderr.splitlines() if line.startswith('{"at"')]
        assert places, job.stderr[-2000:]
        died_at = json.loads(places[-1])["at"]
        found.append({"kind": kind, "input": died_at, "found": f"the process died with {job.returncode}"})
        first = died_at + 1
    return found


@pytest.mark.parametrize("kind", WRITERS)
def test_a_few_damaged_files(kind):
    assert not _attack(kind, _SHORT // _SLOW.get(kind, 1))


def test_the_file_that_kills_the_hdf5_library():
    """Of h5py 3.16: a segmentation fault where the positions are read."""
    assert not _attack("trajectory.h5md", 5731, first=5730)


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", WRITERS)
def test_many_damaged_files(kind):
    count = _LONG // _SLOW.get(kind, 1)
    found = _attack(kind, count)
    print(f"{kind}: {count} inputs, {len(found)} found")
    assert not found


@pytest.mark.fuzz
@pytest.mark.skipif(sys.platform != "linux", reason="atheris is for Linux")
@pytest.mark.parametrize("kind", sorted(set(WRITERS) - set(_SLOW)))
def test_inputs_that_search_for_new_lines(kind, tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("guided.py")), kind, str(_GUIDED), str(tmp_path)]
    job = subprocess.run(command, capture_output=True, text=True, check=False)
    assert job.returncode == 0, job.stderr[-4000:]
