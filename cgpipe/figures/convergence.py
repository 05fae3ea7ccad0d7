"""How the reference's free energy and the model's settle with time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.record import NO_SURFACE, ComparisonRecord
from cgpipe.figures.style import CHECK_COLOUR, EXTRA_COLOUR, MODEL_COLOUR, PAGE_WIDTH, new_figure, plain_decades
from cgpipe.units import PICOSECONDS_PER_NANOSECOND

_ROUNDING = 1e-9
"""A divergence below this is that of an ensemble from itself."""

_BASIN_COLOURS = {"αR": CHECK_COLOUR, "β/PII": MODEL_COLOUR, "αL": EXTRA_COLOUR}


def convergence_figure(record: ComparisonRecord) -> Figure:
    """Reference (top) and model (bottom): divergence from the whole reference, and populations, against time."""
    if not record.residues:
        return _slow_figure(record)
    figure = new_figure(PAGE_WIDTH, 4.2)
    rows = figure.subplots(2, 2)
    for name, axes in zip(("reference", "model"), rows, strict=True):
        plot_divergence(record, axes[0], name=name)
        plot_basins(record, axes[1], name=name)
    return figure


def _slow_figure(record: ComparisonRecord) -> Figure:
    """The same for a protein: divergence over the slow coordinates."""
    figure = new_figure(PAGE_WIDTH, 2.4)
    if not record.surfaces:
        figure.text(0.5, 0.5, NO_SURFACE, ha="center")
        return figure
    floor = record.metric(record.surfaces[0].metric)["noise_floor"]
    for name, ax in zip(("reference", "model"), figure.subplots(1, 2), strict=True):
        values = record.arrays[f"{name}_chain_tic_convergence_js"]
        _plot_settling(record, ax, values[:, None], ["TIC 1, TIC 2"], floor, name=name)
    return figure


def _times(record: ComparisonRecord, name: str, n_times: int) -> tuple[NDArray[np.float64], str]:
    """End of each stretch of time, (n_times,), and its unit, which suits the length."""
    duration = record.header["durations_ps"][name]
    scale, unit = (PICOSECONDS_PER_NANOSECOND, "ns") if duration > PICOSECONDS_PER_NANOSECOND else (1.0, "ps")
    return np.arange(1, n_times + 1) / n_times * duration / scale, unit


def plot_divergence(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """Divergence of all data up to a time from the whole reference."""
    floor = record.metric(f"js_phi_psi[{record.residues[0]}]")["noise_floor"]
    return _plot_settling(record, ax, record.arrays[f"{name}_convergence_js"], record.residues, floor, name=name)


def _plot_settling(
    record: ComparisonRecord,
    ax: Axes,
    values: NDArray[np.float64],
    labels: list[str],
    floor: float | None,
    *,
    name: str,
) -> Axes:
    """Lines of divergences (n_times, n_lines) against time, with the noise floor."""
    times, unit = _times(record, name, len(values))
    for label, line in zip(labels, values.T, strict=True):
        shown = line > _ROUNDING
        ax.plot(times[shown], line[shown], "o-", ms=3, label=f"{name}, {label}")
    if name != "reference" and floor is not None:  # below which the reference, being part of the whole, always comes
        ax.axhline(floor, color="grey", ls=":", label="noise floor")
    ax.set_yscale("log")
    plain_decades(ax.yaxis)
    ax.set_xlabel(f"time per trajectory ({unit})")
    ax.set_ylabel("JS to its own whole (nats)" if name == "reference" else "JS to whole reference (nats)")
    ax.legend()
    return ax


def plot_basins(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """Populations within stretches of time (points) and up to each time (lines), first residue."""
    cumulative = record.arrays[f"{name}_convergence_populations"][:, 0]
    stretches = record.arrays[f"{name}_stretch_populations"][:, 0]
    times, unit = _times(record, name, len(cumulative))
    blank = np.where(cumulative > 0, cumulative, np.nan), np.where(stretches > 0, stretches, np.nan)
    for index, (basin, colour) in enumerate(_BASIN_COLOURS.items()):
        ax.plot(times, blank[0][:, index], color=colour, label=basin)
        ax.plot(times, blank[1][:, index], "o", color=colour, ms=3)
    ax.set_yscale("log")
    plain_decades(ax.yaxis)
    ax.set_xlabel(f"time per trajectory ({unit})")
    ax.set_ylabel("population")
    ax.set_title(f"{name} (points: single stretches)")
    ax.legend()
    return ax
