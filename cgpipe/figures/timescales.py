"""Is the Markov model one: implied timescales against the lag, and the Chapman-Kolmogorov test."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgpipe.figures.marginals import LABELS
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import FOLD_COLOURS, PAGE_WIDTH, new_figure, plain_decades


def timescales_figure(record: ComparisonRecord) -> Figure:
    """One panel an ensemble; a Markov model has timescales that do not depend on its lag."""
    names = _with_kinetics(record)
    figure = new_figure(PAGE_WIDTH, 2.8)
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    for name, ax in zip(names, axes, strict=True):
        plot_timescales(record, ax, name=name)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _with_kinetics(record: ComparisonRecord) -> list[str]:
    return [name for name in record.ensembles if f"{name}_kinetics_lags" in record.arrays]


def plot_timescales(record: ComparisonRecord, ax: Axes, *, name: str) -> Axes:
    """Implied timescales with posterior errors; below the grey line they are shorter than the lag."""
    lags, implied, errors = (record.arrays[f"{name}_kinetics_{key}"] for key in ("lags", "implied", "implied_errors"))
    for k, colour in zip(range(implied.shape[1]), FOLD_COLOURS, strict=False):
        ax.errorbar(lags, implied[:, k], yerr=errors[:, k], fmt="o-", ms=3, capsize=2, color=colour, label=f"t{k + 1}")
    ax.fill_between(lags, lags, color="grey", alpha=0.25, lw=0, label="shorter than the lag")
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_decades(ax.xaxis)
    plain_decades(ax.yaxis, wide=True)
    seen = implied[np.isfinite(implied)]
    if len(seen):
        ax.set_ylim(min(lags.min(), seen.min()) / 1.5, seen.max() * 3)
    ax.set_xlabel("lag (ps)")
    ax.set_ylabel("implied timescale (ps)")
    share = record.arrays[f"{name}_kinetics_connected_fraction"][0]
    ax.set_title(f"{LABELS[name]}, {share:.0%} of frames connected")
    return ax


def chapman_kolmogorov_figure(record: ComparisonRecord) -> Figure:
    """A row an ensemble, a column a state: predicted and estimated chance to be found there again."""
    names = _with_kinetics(record)
    n_states = record.arrays["reference_kinetics_predicted"].shape[1]
    figure = new_figure(PAGE_WIDTH, 1.9 * len(names) + 0.3)
    rows = figure.subplots(len(names), n_states, squeeze=False, sharey=True)
    for name, axes in zip(names, rows, strict=True):
        for state, ax in enumerate(axes):
            plot_persistence(record, ax, name=name, state=state)
            ax.set_title(f"{LABELS[name]}, state {state + 1}")
        axes[0].set_ylabel("chance to be there again")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def plot_persistence(record: ComparisonRecord, ax: Axes, *, name: str, state: int) -> Axes:
    """Prediction of the model at its lag (line, band: posterior) and models at longer lags (points)."""
    lags, predicted, errors, estimated = (
        record.arrays[f"{name}_kinetics_{key}"] for key in ("test_lags", "predicted", "predicted_errors", "estimated")
    )
    line, error = predicted[:, state], errors[:, state]
    ax.plot(lags, line, color=FOLD_COLOURS[0], label="predicted")
    ax.fill_between(lags, line - error, line + error, color=FOLD_COLOURS[0], alpha=0.25, lw=0)
    ax.plot(lags, estimated[:, state], "o", color=FOLD_COLOURS[1], ms=4, label="estimated")
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("lag (ps)")
    return ax
