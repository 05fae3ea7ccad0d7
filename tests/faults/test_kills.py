"""Kills at random moments of whole runs: run again, each ends with the bits of the run that nothing disturbed."""

import signal
import time

import numpy as np
import pytest
from toy_project import Project

from .processes import Running, kill

VICTIMS = ("a worker", "Snakemake, its jobs living on", "everything")
RUNS_EACH = 5
KILLS_PER_RUN = 5
GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL; Snakemake itself needs the second where SIGTERM finds it between two threads."""
SHORTEST, LONGEST = 1.0, 9.0
"""Seconds before a kill; a run of the toy takes some 20 s on two cores, half of it imports."""


def _strike(victim, running, rng):
    """Kill what the test says; the number of processes that were there to be killed, 0 or 1."""
    if running.has_ended:
        return 0
    if victim == "a worker":
        workers = running.workers()
        return int(bool(workers) and kill(workers[rng.integers(len(workers))]))
    if victim == "everything":
        running.signal_all(signal.SIGKILL)
    else:
        running.kill_snakemake()
    return 1


def _disturbed(project, victim, rng):
    """Run again and again until nothing is left to do, with kills on the way; returns how many."""
    n_kills = 0
    for _ in range(10 * KILLS_PER_RUN):
        if victim != "a worker":
            project.snakemake("--unlock")
        running = Running(project)
        while n_kills < KILLS_PER_RUN and not running.has_ended:
            time.sleep(rng.uniform(SHORTEST, LONGEST))
            n_kills += _strike(victim, running, rng)
            if victim != "a worker":
                break
        if running.wait() == 0:
            return n_kills
    raise AssertionError(f"it never ended: {(project.folder / 'out.log').read_text()[-3000:]}")


@pytest.mark.parametrize("number", range(RUNS_EACH))
@pytest.mark.parametrize("victim", VICTIMS)
def test_run_that_was_killed_ends_with_the_same_bits(tmp_path, undisturbed, table, victim, number):
    rng = np.random.default_rng([number, VICTIMS.index(victim)])
    project = Project(tmp_path)
    with table.entry(f"`kill -9` of {victim}") as count:
        count[0] = _disturbed(project, victim, rng)
        assert project.artefacts() == undisturbed
        assert "Nothing to be done" in project.snakemake("-n").stdout
        leftover = [path for path in (tmp_path / "results").rglob(".*") if path.suffix != ".lock"]
        assert not leftover, "a whole run leaves nothing unfinished"


@pytest.mark.parametrize("number", range(6))
def test_sigterm_of_a_scheduler_is_resumed(tmp_path, undisturbed, table, number):
    rng = np.random.default_rng([number, 99])
    project = Project(tmp_path)
    with table.entry("SIGTERM to all, as a scheduler sends it") as count:
        for _ in range(20):
            running = Running(project)
            time.sleep(rng.uniform(SHORTEST, LONGEST))
            if not running.has_ended and count[0] < 3:
                running.signal_all(signal.SIGTERM)
                count[0] += 1
                running.kill_after(GRACE)
                project.snakemake("--unlock")
            if running.wait() == 0:
                break
        assert project.artefacts() == undisturbed
