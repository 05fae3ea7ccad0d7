"""How the reference's free energy and the model's settle with time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import CHECK_COLOUR, EXTRA_COLOUR, MODEL_COLOUR, PAGE_WIDTH, new_figure

_BASIN_COLOURS = {"αR": CHECK_COLOUR, "β/PII": MODEL_COLOUR, "αL": EXTRA_COLOUR}


def convergence_figure(record: ComparisonRecord) -> Figure:
    """Reference (top) and model (bottom): divergence from the whole reference, and populations, against time."""
    figure = new_figure(PAGE_WIDTH, 4.2)
    if not record.residues:
        figure.text(0.5, 0.5, "no residue has all beads of phi and psi", ha="center")
        return figure
    rows = figure.subplots(2, 2)
    for name, axes in zip(("reference", "model"), rows, strict=True):
        plot_divergence(record, axes[0], name=name)
        plot_basins(record, axes[1], name=name)
    return figure


def _times(record: ComparisonRecord, name: str, n_times: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.arange(1, n_times + 1) / n_times * record.header["durations_ps"][name]


def plot_divergence(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """Divergence of all data up to a time from the whole reference."""
    values = record.arrays[f"{name}_convergence_js"]
    times = _times(record, name, len(values))
    for residue, line in zip(record.residues, values.T, strict=True):
        shown = line > 0  # the whole reference has no distance from itself
        ax.plot(times[shown], line[shown], "o-", ms=3, label=f"{name}, {residue}")
    floor = record.metric(f"js_phi_psi[{record.residues[0]}]")["noise_floor"]
    ax.axhline(floor, color="grey", ls=":", label="noise floor")
    ax.set_yscale("log")
    ax.set_xlabel("time per trajectory (ps)")
    ax.set_ylabel("JS to whole reference (nats)")
    ax.legend()
    return ax


def plot_basins(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """Populations within stretches of time (points) and up to each time (lines), first residue."""
    cumulative = record.arrays[f"{name}_convergence_populations"][:, 0]
    stretches = record.arrays[f"{name}_stretch_populations"][:, 0]
    times = _times(record, name, len(cumulative))
    for index, (basin, colour) in enumerate(_BASIN_COLOURS.items()):
        ax.plot(times, cumulative[:, index], color=colour, label=basin)
        ax.plot(times, stretches[:, index], "o", color=colour, ms=3)
    ax.set_yscale("log")
    ax.set_xlabel("time per trajectory (ps)")
    ax.set_ylabel("population")
    ax.set_title(f"{name}: lines, up to a time; points, within a stretch")
    ax.legend()
    return ax
