"""The figure that matters: free energy of reference and model, and their difference."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.record import NO_SURFACE, ComparisonRecord, Surface, stated
from cgpipe.figures.style import DIFFERENCE_MAP, ENERGY_MAP, PAGE_WIDTH, new_figure
from cgpipe.figures.uncertainty import hatch_beyond, is_of_surface

_MAX_ENERGY = 8.0
_MAX_DIFFERENCE = 1.5


def free_energy_figure(record: ComparisonRecord, uncertainty: dict[str, NDArray[np.float64]] | None = None) -> Figure:
    """Three panels a surface: reference, model, model minus reference where both are populated.

    uncertainty : arrays of `cgpipe uncertainty`; on its surface the model is hatched where it extrapolates
    """
    surfaces = record.surfaces
    figure = new_figure(PAGE_WIDTH, 2.8 * max(1, len(surfaces)))
    if not surfaces:
        figure.text(0.5, 0.5, NO_SURFACE, ha="center")
        return figure
    rows = figure.subplots(len(surfaces), 3, squeeze=False, sharex="row", sharey="row")
    for surface, axes in zip(surfaces, rows, strict=True):
        _plot_row(record, surface, figure, axes)
    judged = [k for k, surface in enumerate(surfaces) if uncertainty and is_of_surface(uncertainty, surface.limits)]
    if uncertainty and judged and hatch_beyond(uncertainty, rows[judged[0], 1]):
        ax = rows[judged[0], 1]
        ax.set_title(f"{ax.get_title()}, hatched:\nbeyond the training data")
    return figure


def _plot_row(record: ComparisonRecord, surface: Surface, figure: Figure, axes: NDArray[Any]) -> None:
    energies = [_blank_unseen(surface.energies[name]) for name in ("reference", "model")]
    metric = record.metric(surface.metric)
    for ax, energy, name in zip(axes, energies, ("reference", "model"), strict=False):
        image = plot_surface(energy - np.nanmin(energy), surface, ax)
        ax.set_title(f"{surface.title}, {name}\n{metric[f'n_samples_{name}']:,} frames")
    figure.colorbar(image, ax=list(axes[:2]), label="free energy (kcal/mol)", pad=0.02, extend="max", shrink=0.75)
    image = plot_difference(energies[1] - energies[0], surface, axes[2])
    axes[2].set_title("model − reference\n" + _metric_text(metric))
    figure.colorbar(image, ax=axes[2], label="difference (kcal/mol)", pad=0.02, extend="both", shrink=0.75)
    axes[0].set_ylabel(surface.axes[1])
    for ax in axes:
        ax.set_xlabel(surface.axes[0])


def _blank_unseen(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The free energy with NaN, which is drawn white, where it is infinite."""
    return np.where(np.isfinite(energy), energy, np.nan)


def _metric_text(metric: dict[str, Any]) -> str:
    floor = "unknown" if metric["noise_floor"] is None else f"{metric['noise_floor']:.4f} nats"
    return f"JS {stated(metric, 4)} nats\nnoise floor {floor}"


def plot_surface(energy: NDArray[np.float64], surface: Surface, ax: Axes) -> Any:
    """Image of a free energy above its minimum (n_bins, n_bins), kcal/mol, states numbered; NaN stays white."""
    for number, (x, y) in enumerate(surface.marks, start=1):
        box = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": "black", "lw": 0.6}
        ax.text(x, y, str(number), ha="center", va="center", fontsize=7, bbox=box, zorder=3)
    return _image(energy, surface, ax, cmap=ENERGY_MAP, vmin=0.0, vmax=_MAX_ENERGY)


def plot_difference(difference: NDArray[np.float64], surface: Surface, ax: Axes) -> Any:
    """Image of a difference (n_bins, n_bins), kcal/mol, white where either ensemble has no frame."""
    return _image(difference, surface, ax, cmap=DIFFERENCE_MAP, vmin=-_MAX_DIFFERENCE, vmax=_MAX_DIFFERENCE)


def _image(values: NDArray[np.float64], surface: Surface, ax: Axes, **colours: Any) -> Any:
    (left, right), (bottom, top) = surface.limits
    if surface.ticks:
        ax.set_xticks(surface.ticks)
        ax.set_yticks(surface.ticks)
    image = ax.imshow(values.T, origin="lower", extent=(left, right, bottom, top), **colours)
    ax.set_aspect((right - left) / (top - bottom))
    return image
