"""The plan of a trajectory: stretches with a seed each, of which those already on disk are not run again.

Because a stretch starts from stored positions and velocities and a seed of its own, a trajectory that was killed and
resumed gives the same bits as one that was not, on any platform that is deterministic at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cgpipe.progress import Progress
from cgpipe.seeding import integer_seed
from cgpipe.units import PICOSECONDS_PER_NANOSECOND


@dataclass(frozen=True)
class Stretch:
    """One segment of a trajectory."""

    seed: int
    """Of the thermostat and the first velocities."""
    n_intervals: int
    interval: float
    """ps."""
    progress: Progress

    def intervals(self) -> Iterator[int]:
        """Number of each interval; asking for the next one counts the last as done."""
        for number in range(self.n_intervals):
            yield number
            self.progress.update(self.interval / PICOSECONDS_PER_NANOSECOND)


@dataclass(frozen=True)
class Schedule:
    """A trajectory of `length` in intervals between frames or hills, in segments; all in ps."""

    name: str
    """Of the trajectory and of its random stream."""
    root_seed: int
    length: float
    interval: float
    segment: float

    def remaining(self, n_done: int) -> Iterator[Stretch]:
        """Segments after the first `n_done`, with a progress bar over them."""
        counts = self._counts()
        in_ns = self.interval / PICOSECONDS_PER_NANOSECOND
        done, total = sum(counts[:n_done]) * in_ns, sum(counts) * in_ns
        with Progress(self.name, total=total, unit="ns", done=done, per_day=True) as progress:
            for index in range(n_done, len(counts)):
                seed = integer_seed(self.root_seed, self.name, index)
                yield Stretch(seed, counts[index], self.interval, progress)

    def _counts(self) -> list[int]:
        """Intervals in each segment."""
        n_intervals, per_segment = round(self.length / self.interval), max(1, round(self.segment / self.interval))
        return [min(per_segment, n_intervals - first) for first in range(0, n_intervals, per_segment)]
