"""Superposed C-alpha traces of every metastable state in both ensembles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import CHAIN_MAP, PAGE_WIDTH, new_figure

_MARGIN = 0.15
"""nm."""
_BAR = 0.5
"""nm, of the scale bar."""


def structures_figure(record: ComparisonRecord) -> Figure:
    """A row an ensemble, a column a state; the chain runs from dark (N terminus) to bright."""
    names = [name for name in ("reference", "model") if f"{name}_structures" in record.arrays]
    n_states = len(record.arrays["reference_structures"])
    figure = new_figure(PAGE_WIDTH, PAGE_WIDTH / max(3, n_states) * len(names) + 0.4)
    rows = figure.subplots(len(names), n_states, squeeze=False, sharex=True, sharey=True)
    for name, axes in zip(names, rows, strict=True):
        for state, ax in enumerate(axes):
            plot_traces(record.arrays[f"{name}_structures"][state], ax)
            share = record.arrays[f"{name}_chain_macrostates"][state]
            ax.set_title(f"{name}, state {state + 1}\npopulation {share:.3f}")
    _scale_bar(rows[-1, 0])
    figure.colorbar(_chain_colours(), ax=rows, label="chain, N to C terminus", ticks=[], pad=0.01)
    return figure


def _chain_colours() -> LineCollection:
    colours = LineCollection([], cmap=CHAIN_MAP)
    colours.set_array(np.array([0.0, 1.0]))
    return colours


def plot_traces(frames: NDArray[np.float64], ax: Axes) -> Axes:
    """Traces (n_frames, n_residues, 3), nm, seen along the third axis; rows of NaN are left out."""
    for frame in frames[np.isfinite(frames).all(axis=(1, 2))]:
        segments = np.stack([frame[:-1, :2], frame[1:, :2]], axis=1)
        lines = LineCollection(list(segments), cmap=CHAIN_MAP, lw=1.4, alpha=0.6, capstyle="round")
        lines.set_array(np.linspace(0, 1, len(segments)))
        ax.add_collection(lines)
    seen = frames[np.isfinite(frames).all(axis=(1, 2))][..., :2].reshape(-1, 2)
    if len(seen):
        ax.update_datalim([seen.min(0) - _MARGIN, seen.max(0) + _MARGIN])
        ax.autoscale_view()
    else:
        ax.text(0.5, 0.5, "not visited", transform=ax.transAxes, ha="center", va="center")
    ax.set_aspect("equal", adjustable="box")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _scale_bar(ax: Axes) -> None:
    left, bottom = ax.get_xlim()[0], ax.get_ylim()[0]
    ax.plot([left + _MARGIN, left + _MARGIN + _BAR], [bottom + _MARGIN] * 2, color="black", lw=1.5)
    ax.text(left + _MARGIN + _BAR / 2, bottom + 1.3 * _MARGIN, f"{_BAR:g} nm", ha="center", va="bottom", fontsize=7)
