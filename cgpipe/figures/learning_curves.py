"""Force loss of every fold over the epochs."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cgpipe.figures.style import COLUMN_WIDTH, FOLD_COLOURS, new_figure
from cgpipe.units import ANGSTROM, KCAL

_TO_KCAL = (ANGSTROM / KCAL) ** 2


def learning_curves_figure(histories: list[pd.DataFrame]) -> Figure:
    """Training (dashed) and validation (solid) loss of each fold."""
    figure = new_figure(COLUMN_WIDTH, 2.4)
    ax = figure.subplots()
    for fold, history in enumerate(histories):
        plot_history(history, ax, fold=fold)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("force loss ((kcal/mol/Å)²)")
    ax.set_title("mostly label noise: compare curves of one fold only")
    ax.plot([], [], "--", color="grey", lw=0.9, label="training")
    ax.legend()
    return figure


def plot_history(history: pd.DataFrame, ax: Axes, *, fold: int) -> Axes:
    """Curves of one fold; the chosen epoch is marked."""
    colour = FOLD_COLOURS[fold % len(FOLD_COLOURS)]
    epochs = history["epoch"] + 1
    ax.plot(epochs, history["training_loss"] * _TO_KCAL, "--", color=colour, lw=0.9)
    ax.plot(epochs, history["validation_loss"] * _TO_KCAL, color=colour, label=f"fold {fold}, validation")
    best = history["validation_loss"].idxmin()
    ax.plot(epochs[best], history["validation_loss"][best] * _TO_KCAL, "o", color=colour, ms=4)
    return ax
