"""Free energies along phi and psi with error bands, and the populations of the basins."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import CHECK_COLOUR, MODEL_COLOUR, PAGE_WIDTH, REFERENCE_COLOUR, new_figure, plain_decades

COLOURS = {"reference": REFERENCE_COLOUR, "model": MODEL_COLOUR, "check": CHECK_COLOUR}
LABELS = {"reference": "reference", "model": "CG model", "check": "unbiased check"}
_BASINS = ("αR", "β/PII", "αL")


def marginals_figure(record: ComparisonRecord) -> Figure:
    """Three panels a residue: along phi, along psi, basins."""
    residues = record.residues
    figure = new_figure(PAGE_WIDTH, 2.2 * max(1, len(residues)))
    if not residues:
        figure.text(0.5, 0.5, "no residue has all beads of phi and psi", ha="center")
        return figure
    rows = figure.subplots(len(residues), 3, squeeze=False)
    for index, (residue, axes) in enumerate(zip(residues, rows, strict=True)):
        for direction, symbol in enumerate("φψ"):
            plot_marginal(record, axes[direction], residue=index, direction=direction)
            axes[direction].set_xlabel(f"{symbol} (degrees)")
            axes[direction].set_ylabel("free energy (kcal/mol)")
            axes[direction].set_title(f"{residue}, bands: ±1 standard error")
        plot_populations(record, axes[2], residue=index)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def plot_marginal(record: ComparisonRecord, ax: Axes, *, residue: int, direction: int) -> Axes:
    """Free energy along phi (direction 0) or psi (1) of every ensemble."""
    for name in record.ensembles:
        line = record.kcal(f"{name}_marginals")[residue, direction]
        error = record.kcal(f"{name}_marginal_errors")[residue, direction]
        angle = -180 + 360 * (np.arange(len(line)) + 0.5) / len(line)
        seen = np.isfinite(line)
        ax.plot(angle, np.where(seen, line, np.nan), color=COLOURS[name], label=LABELS[name])
        band = seen & np.isfinite(error)
        low, high = line - error, line + error
        ax.fill_between(angle, low, high, where=band.tolist(), color=COLOURS[name], alpha=0.25, lw=0)
    ax.set_xlim(-180, 180)
    ax.set_xticks([-180, -90, 0, 90, 180])
    ax.set_ylim(bottom=0)
    return ax


def plot_populations(record: ComparisonRecord, ax: Axes, *, residue: int) -> Axes:
    """Bars of the basin populations with errors, on a logarithmic axis because the left-handed basin is rare."""
    n_ensembles = len(record.ensembles)
    for place, name in enumerate(record.ensembles):
        height = record.arrays[f"{name}_populations"][residue]
        error = record.arrays[f"{name}_population_errors"][residue]
        position = np.arange(len(_BASINS)) + (place - (n_ensembles - 1) / 2) * 0.8 / n_ensembles
        ax.bar(position, height, 0.75 / n_ensembles, yerr=error, color=COLOURS[name], ecolor="grey", capsize=1.5)
    ax.set_xticks(range(len(_BASINS)), _BASINS)
    ax.set_yscale("log")
    plain_decades(ax.yaxis)
    ax.set_ylabel("population")
    ax.set_title("basins, ±1 standard error")
    return ax
