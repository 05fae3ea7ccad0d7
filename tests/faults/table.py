"""Counts of faults, for the page in docs."""

import time
from collections import defaultdict
from contextlib import contextmanager


class Table:
    """Faults by kind: how many, how many were survived, how long the runs took until they were whole."""

    def __init__(self):
        self._rows = defaultdict(lambda: [0, 0, 0.0])

    @contextmanager
    def entry(self, kind):
        """One run under faults of a kind; the block gives the number of faults, and fails if a result differs."""
        count, start = [0], time.monotonic()
        try:
            yield count
        except BaseException:
            self._add(kind, count[0], 0, start)
            raise
        self._add(kind, count[0], count[0], start)

    def _add(self, kind, count, survived, start):
        row = self._rows[kind]
        row[0], row[1], row[2] = row[0] + count, row[1] + survived, row[2] + time.monotonic() - start

    def __str__(self):
        lines = ["| fault | times | survived | s in all |", "|---|---|---|---|"]
        lines += [
            f"| {kind} | {n} | {survived} | {seconds:.0f} |" for kind, (n, survived, seconds) in self._rows.items()
        ]
        counts = [sum(row[k] for row in self._rows.values()) for k in (0, 1)]
        return "\n".join([*lines, f"| all | {counts[0]} | {counts[1]} | |"])
