"""Progress of long work: a bar on a terminal, a line every few seconds where output is kept in a log."""

import sys
import time
from typing import Self

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_PER_DAY = 86_400.0


class Progress:
    """Counts work done in some unit; use it as a context manager.

    done    : work that an earlier, interrupted run left behind; it does not count for the rate
    per_day : state the rate per day (ns/day), not per second
    """

    def __init__(self, label: str, *, total: float, unit: str, done: float = 0.0, per_day: bool = False) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._first, self._done = done, done
        self._scale, self._per = (_SECONDS_PER_DAY, "day") if per_day else (1.0, "s")
        self._start = self._last_line = time.monotonic()
        self._bar = tqdm(total=1.0, desc=label, bar_format="{desc} {bar} {postfix}") if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def update(self, amount: float, note: str = "") -> None:
        """Work done since the last call, and a few words on its state."""
        self._done += amount
        text = f"{self._summary()} {note}".rstrip()
        if self._bar is not None:
            self._bar.n = min(1.0, self._done / self._total)
            self._bar.set_postfix_str(text)
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._line(text)

    def _summary(self) -> str:
        elapsed = max(time.monotonic() - self._start, 1e-9)
        rate = (self._done - self._first) / elapsed
        left = f"{max(0.0, self._total - self._done) / rate:,.0f} s left" if rate > 0 else "time left unknown"
        percent = 100 * self._done / self._total
        count = f"{self._done:,.4g} of {self._total:,.4g} {self._unit}"
        return f"{percent:.0f} % | {count} | {rate * self._scale:,.4g} {self._unit}/{self._per} | {left}"

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        print(f"{self._label}: {text}", file=sys.stderr, flush=True)  # noqa: T201 (this module is the progress output)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None:
            self._line(self._summary())
