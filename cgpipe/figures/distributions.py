"""Bond and angle distributions of model against reference."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.marginals import COLOURS, LABELS
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import PAGE_WIDTH, new_figure

_COLUMNS = 4
_MAX_PANELS = 24
_BINS_JOINED = 2
_WIDTHS = {"reference": 3.0}
"""A broad line below stays visible where the others agree with it."""


def distributions_figure(record: ComparisonRecord) -> Figure:
    """One panel a bond and an angle, the first 24 of large molecules."""
    bonds = [("bonds", k, label, (50.0, 850.0), "length (pm)") for k, label in enumerate(record.header["bonds"])]
    bends = [("angles", k, label, (0.0, 180.0), "angle (degrees)") for k, label in enumerate(record.header["angles"])]
    panels = (bonds + bends)[:_MAX_PANELS]
    n_rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(PAGE_WIDTH, 1.6 * n_rows)
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for ax, (kind, index, label, limits, unit) in zip(axes, panels, strict=False):
        shown = {name: record.arrays[f"{name}_{kind}"][index] for name in record.ensembles}
        plot_distribution(shown, ax, limits=limits)
        ax.set_title(label)
        ax.set_xlabel(unit)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def plot_distribution(densities: dict[str, NDArray[np.float64]], ax: Axes, *, limits: tuple[float, float]) -> Axes:
    """Densities on one regular grid over limits, cut to where there is any."""
    for name, values in densities.items():
        density = values.reshape(-1, _BINS_JOINED).sum(1)
        edges = np.linspace(*limits, len(density) + 1)
        centres, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
        seen = np.flatnonzero(density > 1e-4 * density.max())
        part = slice(max(0, seen[0] - 2), seen[-1] + 3)
        ax.plot(
            centres[part], density[part] / width, color=COLOURS[name], lw=_WIDTHS.get(name, 1.0), label=LABELS[name]
        )
    ax.set_ylim(bottom=0)
    ax.set_yticks([])
    ax.set_ylabel("density")
    return ax
