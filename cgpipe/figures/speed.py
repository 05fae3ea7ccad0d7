"""Simulation speed against the number of replicas and of beads, with others beside."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.style import FOLD_COLOURS, PAGE_WIDTH, new_figure, plain_decades

_MARKERS = "osD^vP"
Rows = Sequence[dict[str, Any]]


def speed_figure(rows: Rows) -> Figure:
    """Replica-steps per second of every contestant; rows as `cgpipe benchmark --json` writes them."""
    figure = new_figure(PAGE_WIDTH, 2.8)
    left, right = figure.subplots(1, 2)
    simulated = [row for row in rows if row["task"] == "simulate"]
    n_beads = _most_common(row["n_beads"] for row in simulated)
    n_frames = _most_common(row["n_frames"] for row in simulated if row["n_beads"] != n_beads)
    names = list(dict.fromkeys(row["contestant"] for row in simulated))
    plot_speed([row for row in simulated if row["n_beads"] == n_beads], left, against="n_frames", names=names)
    left.set_xlabel("replicas")
    left.set_title(f"{n_beads} beads")
    plot_speed([row for row in simulated if row["n_frames"] == n_frames], right, against="n_beads", names=names)
    right.set_xlabel("beads")
    right.set_title(f"{n_frames} replicas")
    left.set_ylabel("replica-steps per second")
    left.legend()
    return figure


def plot_speed(rows: Rows, ax: Axes, *, against: str, names: Sequence[str]) -> Axes:
    """One line for each contestant, in the colours of the names' order; cases measured twice show their mean."""
    for name, colour, marker in zip(names, FOLD_COLOURS, _MARKERS, strict=False):
        rates: dict[int, list[float]] = {}
        for row in (row for row in rows if row["contestant"] == name):
            rates.setdefault(row[against], []).append(row["rate"])
        if rates:
            places = sorted(rates)
            means = [fmean(rates[place]) for place in places]
            ax.plot(places, means, color=colour, marker=marker, markersize=3, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_decades(ax.xaxis, wide=True)
    return ax


def _most_common(values: Any) -> int:
    """The value that most rows share; 0 of none."""
    counts = Counter(values)
    return max(counts, key=lambda value: (counts[value], -value)) if counts else 0
