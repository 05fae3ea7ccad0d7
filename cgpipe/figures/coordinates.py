"""Free energies of a protein along single coordinates with error bands, and the populations of its states."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.marginals import COLOURS, LABELS
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import PAGE_WIDTH, new_figure, plain_decades

_COLUMNS = 3
_RARE = 0.02
"""With a state less populated than this, the axis spans so many decades that only these are labelled."""


def coordinates_figure(record: ComparisonRecord) -> Figure:
    """One panel a coordinate, then the populations of the macrostates."""
    coordinates = record.header["coordinates"]
    n_rows = -(-(len(coordinates) + 1) // _COLUMNS)
    figure = new_figure(PAGE_WIDTH, 2.1 * n_rows + 0.3)
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for index, (coordinate, ax) in enumerate(zip(coordinates, axes, strict=False)):
        plot_coordinate(record, ax, index=index)
        unit = "" if coordinate["unit"] == "1" else f" ({coordinate['unit']})"
        ax.set_xlabel(f"{coordinate['symbol']}{unit}")
        ax.set_ylabel("free energy (kcal/mol)")
    plot_states(record, axes[len(coordinates)])
    for ax in axes[len(coordinates) + 1 :]:
        ax.set_visible(False)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(
        *handles,
        loc="outside lower center",
        ncols=3,
        title="bands and bars: ±1 standard error; no band where a resample has no frames",
    )
    return figure


def plot_coordinate(record: ComparisonRecord, ax: Axes, *, index: int) -> Axes:
    """Free energy of every ensemble along one coordinate, cut to where any was seen."""
    low, high = record.header["coordinates"][index]["limits"]
    visited = []
    for name in record.ensembles:
        line = record.kcal(f"{name}_chain_lines")[index]
        error = record.kcal(f"{name}_chain_line_errors")[index]
        place = low + (high - low) * (np.arange(len(line)) + 0.5) / len(line)
        seen = np.isfinite(line)
        visited.append(place[seen])
        ax.plot(place, np.where(seen, line, np.nan), color=COLOURS[name], label=LABELS[name])
        band = seen & np.isfinite(error)
        ax.fill_between(place, line - error, line + error, where=band.tolist(), color=COLOURS[name], alpha=0.25, lw=0)
    shown = np.concatenate(visited)
    ax.set_xlim(shown.min(), shown.max())
    ax.set_ylim(bottom=0)
    return ax


def plot_states(record: ComparisonRecord, ax: Axes) -> Axes:
    """Bars of the populations of the macrostates with errors."""
    n_states = len(record.arrays["reference_chain_macrostates"])
    n_ensembles = len(record.ensembles)
    for place, name in enumerate(record.ensembles):
        height = record.arrays[f"{name}_chain_macrostates"]
        error = record.arrays[f"{name}_chain_macrostate_errors"]
        position = np.arange(n_states) + (place - (n_ensembles - 1) / 2) * 0.8 / n_ensembles
        ax.bar(position, height, 0.75 / n_ensembles, yerr=error, color=COLOURS[name], ecolor="grey", capsize=1.5)
    ax.set_xticks(range(n_states), [str(k + 1) for k in range(n_states)])
    ax.set_xlabel("state")
    ax.set_yscale("log")
    heights = np.concatenate([record.arrays[f"{name}_chain_macrostates"] for name in record.ensembles])
    plain_decades(ax.yaxis, wide=bool(heights[heights > 0].min() < _RARE))
    ax.set_ylabel("population")
    return ax
