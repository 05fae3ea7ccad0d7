"""The metastable states as a graph: populations and the transitions between them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from cgpipe.figures.marginals import LABELS
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import FOLD_COLOURS, PAGE_WIDTH, new_figure

_LARGEST = 900.0
"""Area of the circle of a state that holds everything, points^2."""
_SMALLEST = 60.0


def transitions_figure(record: ComparisonRecord) -> Figure:
    """One graph an ensemble."""
    names = [name for name in record.ensembles if f"{name}_kinetics_transitions" in record.arrays]
    figure = new_figure(PAGE_WIDTH, 3.0)
    for name, ax in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        plot_graph(record, ax, name=name)
    return figure


def plot_graph(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """States on a circle, area by stationary population; arrows by the probability of a transition within one lag."""
    transitions, populations = (record.arrays[f"{name}_kinetics_{key}"] for key in ("transitions", "populations"))
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(populations)) / len(populations)
    places = np.column_stack([np.cos(angle), np.sin(angle)])
    ax.scatter(
        places[:, 0],
        places[:, 1],
        s=_SMALLEST + _LARGEST * populations,
        color=[FOLD_COLOURS[k % len(FOLD_COLOURS)] for k in range(len(populations))],
        zorder=3,
    )
    for state, ((x, y), share) in enumerate(zip(places, populations, strict=True)):
        ax.text(1.6 * x, 1.45 * y, f"state {state + 1}\n{share:.3f}", ha="center", va="center", fontsize=7)
        for other in range(len(populations)):
            if other != state and np.isfinite(transitions[state, other]) and transitions[state, other] > 0:
                _arrow(ax, (x, y), tuple(places[other]), float(transitions[state, other]))
    lag = record.arrays[f"{name}_kinetics_lag"][0]
    ax.set_title(f"{LABELS[name]}: probability within {lag:g} ps")
    ax.set_xlim(-2.1, 2.1)
    ax.set_ylim(-1.3 if len(populations) == 3 else -1.8, 1.8)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], probability: float) -> None:
    width = 0.4 + 3.0 * float(np.sqrt(probability))
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            lw=width,
            color="grey",
            arrowstyle="-|>",
            mutation_scale=8,
            connectionstyle="arc3,rad=0.18",
            shrinkA=14,
            shrinkB=14,
        )
    )
    middle, along = (np.array(start) + np.array(end)) / 2, np.array(end) - np.array(start)
    side = np.array([along[1], -along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
    x, y = middle + 0.27 * side
    ax.text(x, y, f"{probability:.2g}", ha="center", va="center", fontsize=6)
