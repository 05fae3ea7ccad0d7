"""Whether a bias has done its work: free energies along its variables, by halves and with errors, and what was seen."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cgpipe.figures.style import CHECK_COLOUR, ENERGY_MAP, EXTRA_COLOUR, PAGE_WIDTH, REFERENCE_COLOUR, new_figure
from cgpipe.units import KCAL

Arrays = dict[str, NDArray[np.float64]]
_LINES = ((REFERENCE_COLOUR, "all frames"), (CHECK_COLOUR, "first halves"), (EXTRA_COLOUR, "second halves"))


def bias_figure(arrays: Arrays, header: dict[str, Any]) -> Figure:
    """A column a biased variable: free energy above, frames of each trajectory below; of windows also their overlap."""
    labels, overlap = header["labels"], arrays.get("overlap")
    n_columns = len(labels) + (overlap is not None)
    figure = new_figure(max(2, n_columns) * PAGE_WIDTH / 3 + 0.4, 3.6)
    places = figure.add_gridspec(2, n_columns)
    for number, label in enumerate(labels):
        upper, lower = (figure.add_subplot(places[row, number]) for row in (0, 1))
        lower.sharex(upper)
        plot_free_energies(arrays, number, upper)
        plot_visits(arrays, number, lower)
        lower.set_xlabel(label.replace("rad", "degrees"))
        if "rad" in label:
            lower.set_xticks(range(-180, 181, 90))
    handles = figure.axes[0].get_legend_handles_labels()
    if overlap is not None:
        ax = figure.add_subplot(places[:, -1])
        figure.colorbar(plot_overlap(overlap, ax), ax=ax, label="overlap", shrink=0.6)
    figure.legend(*handles, loc="outside lower center", ncols=2)
    return figure


def _bins(arrays: Arrays, number: int) -> NDArray[np.float64]:
    """Edges of the bins; a period in degrees."""
    edges = arrays[f"edges{number}"]
    return np.degrees(edges) if np.allclose(edges[[0, -1]], [-np.pi, np.pi]) else edges


def plot_free_energies(arrays: Arrays, number: int, ax: Axes) -> Axes:
    """Free energy along a variable from all frames, with its error, and from either half of the trajectories."""
    edges, errors = _bins(arrays, number), arrays[f"error{number}"] / KCAL
    whole = np.where(np.isfinite(errors), arrays[f"free_energy{number}"][0] / KCAL, np.nan)
    centres = 0.5 * (edges[1:] + edges[:-1])
    label = "±1 standard error over trajectories"
    ax.fill_between(centres, whole - errors, whole + errors, color=REFERENCE_COLOUR, alpha=0.2, lw=0, label=label)
    for row, (colour, label) in zip(arrays[f"free_energy{number}"], _LINES, strict=True):
        finite = np.where(np.isfinite(row), row / KCAL, np.nan)
        ax.plot(centres, finite, color=colour, label=label)
    ax.set_ylabel("free energy (kcal/mol)")
    ax.set_ylim(bottom=0)
    return ax


def plot_visits(arrays: Arrays, number: int, ax: Axes) -> Axes:
    """Frames of each trajectory along a variable."""
    edges, counts = _bins(arrays, number), arrays[f"counts{number}"]
    for row in counts:
        ax.stairs(row, edges, color=REFERENCE_COLOUR, alpha=0.5, lw=0.7)
    ax.set_ylabel("frames of a trajectory")
    ax.set_ylim(bottom=0)
    return ax


def plot_overlap(overlap: NDArray[np.float64], ax: Axes) -> Any:
    """Probability that a frame of one window (row) is taken for one of another (column)."""
    image = ax.imshow(overlap, cmap=ENERGY_MAP, vmin=0.0, vmax=overlap.max())
    ax.set_xlabel("window")
    ax.set_ylabel("window")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    return image
