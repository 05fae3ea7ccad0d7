"""What limits a model: metrics along the axes of a study."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.style import (
    CHECK_COLOUR,
    COLUMN_WIDTH,
    EXTRA_COLOUR,
    FOLD_COLOURS,
    MODEL_COLOUR,
    PAGE_WIDTH,
    new_figure,
    plain_decades,
)

_METRICS = {"js_": "JS divergence (nats)", "free_energy_rmse_weighted": "free-energy error\n(kcal/mol)"}
"""Beginnings of the names of what is shown, and its label; the first of a beginning says most of the molecule."""
_COLUMNS, _LETTERS = 4, 26
"""Panels side by side, and letters of a label beneath one."""
_WIDE_RANGE = 9.0
"""Ratio of the ends of an axis from which it is logarithmic."""


def study_figure(table: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """A panel for each axis and metric; dots are seeds, the line joins their means.

    table : as `cgpipe study` writes it; where points are `unchanged`, their mean stands in every panel, and so does
        that of what is `own_data`
    """
    shown = {label: name for begin, label in _METRICS.items() if (name := _first(table, begin)) is not None}
    axes = [axis for axis in labels if (table["axis"] == axis).any()]
    n_columns = min(len(axes), _COLUMNS)
    stripes = [axes[first : first + n_columns] for first in range(0, len(axes), n_columns)]
    alone = n_columns == 1
    figure = new_figure(COLUMN_WIDTH if alone else PAGE_WIDTH, 0.5 + 1.8 * len(shown) * len(stripes))
    grid = figure.subplots(len(stripes) * len(shown), n_columns, squeeze=False)
    for ax in grid.flat:
        ax.set_axis_off()
    for number, (label, metric) in enumerate(shown.items()):
        rows = [grid[stripe * len(shown) + number] for stripe in range(len(stripes))]
        _plot_metric(table[table["metric"] == metric], rows, stripes)
        for row in rows:
            row[0].set_ylabel(label)
            for ax in row:
                ax.tick_params(labelbottom=number == len(shown) - 1)
    for stripe, names in enumerate(stripes):
        for ax, axis in zip(grid[(stripe + 1) * len(shown) - 1], names, strict=False):
            ax.set_xlabel(textwrap.fill(labels[axis], _LETTERS))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2 if alone else 4)
    return figure


def _plot_metric(table: pd.DataFrame, rows: list[NDArray[np.object_]], stripes: list[list[str]]) -> None:
    """One metric along all axes, all to one scale."""
    unchanged, own_data = (
        table.loc[table[name], "value"].mean() if name in table else np.nan for name in ("unchanged", "own_data")
    )
    panels = [(ax, axis) for row, axes in zip(rows, stripes, strict=True) for ax, axis in zip(row, axes, strict=False)]
    for ax, axis in panels:
        ax.set_axis_on()
        plot_axis(table[table["axis"] == axis], ax)
        if np.isfinite(unchanged):
            ax.axhline(unchanged, ls=":", color=EXTRA_COLOUR, label="unchanged system")
        if np.isfinite(own_data):
            ax.axhline(own_data, ls="-.", color=CHECK_COLOUR, label="own frames of the seeds")
    limits = [ax.get_ylim() for ax, _ in panels]
    for ax, _ in panels:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


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
    ax.margins(x=0.15)
    ax.set_yscale("log")
    plain_decades(ax.yaxis)
    if numbers.notna().all() and numbers.max() > _WIDE_RANGE * numbers.min() > 0:
        ax.set_xscale("log")
        plain_decades(ax.xaxis, wide=True)
    elif not numbers.notna().all():
        ax.set_xticks(range(rows["point"].nunique()), list(dict.fromkeys(rows["point"])))
    else:
        ax.set_xticks(sorted(set(numbers)))
    return ax
