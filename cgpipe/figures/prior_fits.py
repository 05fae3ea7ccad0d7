"""Histogram of every classical term's coordinate against the density of its fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.style import MODEL_COLOUR, PAGE_WIDTH, REFERENCE_COLOUR, new_figure

_COLUMNS = 3
_MAX_PANELS = 24
_SCALES = {"nm": (1000.0, "length (pm)"), "rad": (180.0 / np.pi, "angle (degrees)")}


def prior_figure(fits: list[dict[str, Any]], kinds: Sequence[str]) -> Figure:
    """One panel a term of these kinds (bond, angle, dihedral, improper, repulsion), the first 24 of large molecules."""
    chosen = [fit for fit in fits if fit["kind"] in kinds][:_MAX_PANELS]
    n_columns = min(_COLUMNS, max(1, len(chosen)))
    n_rows = max(1, -(-len(chosen) // n_columns))
    figure = new_figure(PAGE_WIDTH * n_columns / _COLUMNS, 1.7 * n_rows + 0.3)
    if not chosen:
        figure.text(0.5, 0.5, f"the prior has no {kinds[0]}", ha="center")
        return figure
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, fit in zip(axes, chosen, strict=False):
        plot_fit(fit, ax)
    for ax in axes[len(chosen) :]:
        ax.set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _short(beads: str) -> str:
    """Beads of a term, without their atom where all are C-alpha: four of these would not fit a panel."""
    names = beads.split(" - ")
    return "-".join(name.removesuffix(":CA") for name in names) if all(n.endswith(":CA") for n in names) else beads


def plot_fit(fit: dict[str, Any], ax: Axes) -> Axes:
    """Weighted histogram of the frames and Boltzmann density of the term alone."""
    scale, label = _SCALES[fit["unit"]]
    centres = scale * np.array(fit["centres"])
    ax.fill_between(centres, np.array(fit["density"]) / scale, color=REFERENCE_COLOUR, alpha=0.25, lw=0, label="frames")
    ax.plot(centres, np.array(fit["fitted"]) / scale, color=MODEL_COLOUR, label="fitted term")
    if fit["kind"] in {"dihedral", "improper"}:
        ax.set_xticks(range(-180, 181, 90))
    ax.set_xlabel(label)
    ax.set_ylabel("density")
    ax.set_yticks([])
    ax.set_ylim(bottom=0)
    notes = ["improper"] if fit["kind"] == "improper" else []
    notes += [] if fit["kind"] == "repulsion" else [f"KL {fit['divergence_nats']:.4f} nats"]
    ax.set_title("\n".join([_short(fit["label"].split(" ", 1)[1]), ", ".join(notes)]).strip())
    return ax
