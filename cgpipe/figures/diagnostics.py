"""What a CG simulation logged: temperature, energy, longest bond."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import MODEL_COLOUR, PAGE_WIDTH, new_figure
from cgpipe.units import BOLTZMANN

_PANELS = {
    "kinetic_temperature": "kinetic temperature (K)",
    "potential_energy": "potential energy (kJ/mol)",
    "bond_stretch": "longest bond / mean length",
}


def diagnostics_figure(record: ComparisonRecord) -> Figure:
    """One panel a logged property: mean over replicas with a band of one standard deviation."""
    figure = new_figure(PAGE_WIDTH, 2.2)
    axes = figure.subplots(1, len(_PANELS))
    for ax, (name, label) in zip(axes, _PANELS.items(), strict=True):
        plot_series(record, ax, name=name)
        ax.set_ylabel(label)
    target = record.header["thermal_energy_kJ_per_mol"] / BOLTZMANN
    axes[0].axhline(target, color="grey", ls=":", label="thermostat")
    axes[0].set_title("momenta read cold by a finite step")
    axes[1].set_title("bands: spread over replicas")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
    return figure


def plot_series(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """A property against time, with the part that was discarded shaded."""
    mean, spread = record.arrays[f"model_series_{name}"].T
    times = record.header["frame_interval_ps"]["model"] * np.arange(1, len(mean) + 1)
    ax.plot(times, mean, color=MODEL_COLOUR)
    ax.fill_between(times, mean - spread, mean + spread, color=MODEL_COLOUR, alpha=0.2, lw=0)
    discarded = record.header["equilibration_ps"]["model"]
    if discarded:
        ax.axvspan(0, discarded, color="grey", alpha=0.2, lw=0)
    ax.set_xlabel("time (ps)")
    return ax
