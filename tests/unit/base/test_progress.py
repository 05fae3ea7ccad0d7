"""Lines of progress in a log: what is done, how fast, how long it takes."""

import pytest

from cgpipe import progress as module
from cgpipe.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""
    times = {"now": 100.0}
    monkeypatch.setattr(module.time, "monotonic", lambda: times["now"])
    return times


def test_rate_and_time_left(clock, capsys):
    with Progress("trajectory 0", total=10.0, unit="ns", per_day=True) as bar:
        clock["now"] += 20.0
        bar.update(2.0)
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "trajectory 0: 20 % | 2 of 10 ns | 8,640 ns/day | 80 s left"


def test_work_of_an_earlier_run_does_not_count_for_the_rate(clock, capsys):
    with Progress("train", total=10.0, unit="epochs", done=6.0) as bar:
        clock["now"] += 20.0
        bar.update(2.0, note="loss 3")
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "train: 80 % | 8 of 10 epochs | 0.1 epochs/s | 20 s left loss 3"


def test_a_log_is_not_flooded(clock, capsys):
    with Progress("train", total=1000.0, unit="steps") as bar:
        for _ in range(1000):
            clock["now"] += 0.1
            bar.update(1.0)
    assert 5 <= len(capsys.readouterr().err.splitlines()) <= 11


def test_a_failure_is_not_reported_as_an_end(clock, capsys):
    bar = Progress("train", total=10.0, unit="steps")
    clock["now"] += 1.0
    bar.__exit__(ValueError, ValueError("broken"), None)
    assert capsys.readouterr().err == ""
