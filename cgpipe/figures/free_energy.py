"""The figure that matters: free energy of reference and model over (phi, psi), and their difference."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.style import DIFFERENCE_MAP, ENERGY_MAP, PAGE_WIDTH, new_figure

_MAX_ENERGY = 8.0
_MAX_DIFFERENCE = 1.5
_TICKS = (-180, -90, 0, 90, 180)


def free_energy_figure(record: ComparisonRecord) -> Figure:
    """Three panels a residue: reference, model, model minus reference where both are populated."""
    residues = record.residues
    figure = new_figure(PAGE_WIDTH, 2.8 * max(1, len(residues)))
    if not residues:
        figure.text(0.5, 0.5, "no residue has all beads of phi and psi", ha="center")
        return figure
    rows = figure.subplots(len(residues), 3, squeeze=False, sharex=True, sharey=True)
    for index, (residue, axes) in enumerate(zip(residues, rows, strict=True)):
        surfaces = [_blank_unseen(record.kcal(f"{name}_surface")[index]) for name in ("reference", "model")]
        for ax, surface, name in zip(axes, surfaces, ("reference", "model"), strict=False):
            image = plot_surface(surface, ax)
            ax.set_title(f"{residue}, {name}\n{_frames(record, name, residue):,} frames")
        figure.colorbar(image, ax=list(axes[:2]), label="free energy (kcal/mol)", pad=0.02, extend="max")
        image = plot_difference(surfaces[1] - surfaces[0], axes[2])
        axes[2].set_title("model − reference\n" + _metric_text(record, residue))
        figure.colorbar(image, ax=axes[2], label="difference (kcal/mol)", pad=0.02, extend="both")
        axes[0].set_ylabel("ψ (degrees)")
    for ax in rows[-1]:
        ax.set_xlabel("φ (degrees)")
    return figure


def _blank_unseen(surface: NDArray[np.float64]) -> NDArray[np.float64]:
    """The free energy with NaN, which is drawn white, where it is infinite."""
    return np.where(np.isfinite(surface), surface, np.nan)


def _frames(record: ComparisonRecord, name: str, residue: str) -> int:
    return int(record.metric(f"js_phi_psi[{residue}]")[f"n_samples_{name}"])


def _metric_text(record: ComparisonRecord, residue: str) -> str:
    metric = record.metric(f"js_phi_psi[{residue}]")
    return f"JS {metric['value']:.4f} ± {metric['error']:.4f} nats\nnoise floor {metric['noise_floor']:.4f} nats"


def plot_surface(surface: NDArray[np.float64], ax: Axes) -> Any:
    """Image of a free energy (n_bins, n_bins), kcal/mol; NaN, where nothing was seen, stays white."""
    return _image(surface, ax, cmap=ENERGY_MAP, vmin=0.0, vmax=_MAX_ENERGY)


def plot_difference(difference: NDArray[np.float64], ax: Axes) -> Any:
    """Image of a difference (n_bins, n_bins), kcal/mol, white where either ensemble has no frame."""
    return _image(difference, ax, cmap=DIFFERENCE_MAP, vmin=-_MAX_DIFFERENCE, vmax=_MAX_DIFFERENCE)


def _image(values: NDArray[np.float64], ax: Axes, **colours: Any) -> Any:
    ax.set_xticks(_TICKS)
    ax.set_yticks(_TICKS)
    return ax.imshow(values.T, origin="lower", extent=(-180, 180, -180, 180), aspect="equal", **colours)
