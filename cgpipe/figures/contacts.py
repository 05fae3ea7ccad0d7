"""Contact maps of reference and model."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.record import ComparisonRecord, stated
from cgpipe.figures.style import DIFFERENCE_MAP, ENERGY_MAP, PAGE_WIDTH, new_figure


def contacts_figure(record: ComparisonRecord) -> Figure:
    """Probabilities of both in one map, the reference above the diagonal, and their difference."""
    figure = new_figure(PAGE_WIDTH, 3.1)
    left, right = figure.subplots(1, 2)
    reference, model = (record.arrays[f"{name}_chain_contacts"] for name in ("reference", "model"))
    image = plot_map(_square(reference, model, record.n_residues), left, cmap=ENERGY_MAP, limits=(0.0, 1.0))
    left.set_title("above the diagonal: reference, below: CG model")
    figure.colorbar(image, ax=left, label="contact probability", pad=0.02)
    difference = model - reference
    image = plot_map(_square(difference, difference, record.n_residues), right, cmap=DIFFERENCE_MAP, limits=(-0.5, 0.5))
    metric = record.metric("contact_probability_rmse")
    right.set_title(f"model − reference, RMS {stated(metric, 3)}")
    figure.colorbar(image, ax=right, label="difference", pad=0.02, extend="both")
    return figure


def _square(upper: NDArray[np.float64], lower: NDArray[np.float64], n_residues: int) -> NDArray[np.float64]:
    """Values of the far pairs (n_pairs,) as a square; NaN near the diagonal."""
    square = np.full((n_residues, n_residues), np.nan)
    first, second = np.triu_indices(n_residues, k=3)
    square[first, second], square[second, first] = upper, lower
    return square


def plot_map(square: NDArray[np.float64], ax: Axes, *, cmap: str, limits: tuple[float, float]) -> Any:
    """Image of a value for each pair of residues, (n_residues, n_residues)."""
    extent = (0.5, len(square) + 0.5, len(square) + 0.5, 0.5)
    image = ax.imshow(square, cmap=cmap, vmin=limits[0], vmax=limits[1], extent=extent)
    ax.set_xlabel("residue")
    ax.set_ylabel("residue")
    return image
