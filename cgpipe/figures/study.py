"""What limits a model: metrics along the axes of a study."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.style import FOLD_COLOURS, MODEL_COLOUR, PAGE_WIDTH, new_figure, plain_decades

_METRICS = {"js_": "JS divergence (nats)", "free_energy_rmse_weighted": "free-energy error (kcal/mol)"}
"""Beginnings of the names of what is shown, and its label; the first metric of a beginning is the whole surface's."""
_WIDE_RANGE = 9.0
"""Ratio of the ends of an axis from which it is logarithmic."""


def study_figure(table: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """A row for each metric, a column for each axis; dots are seeds, the line joins their means."""
    shown = {label: name for begin, label in _METRICS.items() if (name := _first(table, begin)) is not None}
    axes = [axis for axis in labels if (table["axis"] == axis).any()]
    figure = new_figure(PAGE_WIDTH, 0.5 + 1.9 * len(shown))
    grid = figure.subplots(len(shown), len(axes), squeeze=False, sharey="row", sharex="col")
    for row, (label, metric) in zip(grid, shown.items(), strict=True):
        row[0].set_ylabel(label)
        for ax, axis in zip(row, axes, strict=True):
            plot_axis(table[(table["axis"] == axis) & (table["metric"] == metric)], ax)
    for ax, axis in zip(grid[-1], axes, strict=True):
        ax.set_xlabel(labels[axis])
    grid[0, 0].legend()
    return figure


def _first(table: pd.DataFrame, begin: str) -> str | None:
    return next((name for name in table["metric"] if name.startswith(begin)), None)


def plot_axis(rows: pd.DataFrame, ax: Axes) -> Axes:
    """One metric along one axis."""
    numbers = pd.to_numeric(rows["point"], errors="coerce")
    places = numbers if numbers.notna().all() else pd.Series(pd.factorize(rows["point"])[0], index=rows.index)
    for number, seed in enumerate(rows["seed"].unique()):
        own, colour = rows[rows["seed"] == seed], FOLD_COLOURS[number % len(FOLD_COLOURS)]
        ax.errorbar(places[own.index], own["value"], own["error"], fmt="o", ms=3, lw=0.8, color=colour, alpha=0.7)
    means = rows.groupby(places)["value"].mean()
    style = "-" if numbers.notna().all() else "None"
    ax.plot(means.index, means, ls=style, marker="_", ms=12, color=MODEL_COLOUR, label="mean of the seeds")
    ax.axhline(rows["noise_floor"].mean(), ls="--", color="black", label="noise floor of the judge")
    ax.set_yscale("log")
    plain_decades(ax.yaxis)
    if numbers.notna().all() and numbers.max() > _WIDE_RANGE * numbers.min() > 0:
        ax.set_xscale("log")
        plain_decades(ax.xaxis, wide=True)
    elif not numbers.notna().all():
        ax.set_xticks(range(rows["point"].nunique()), list(dict.fromkeys(rows["point"])), rotation=30, ha="right")
    else:
        ax.set_xticks(sorted(set(numbers)))
    return ax
