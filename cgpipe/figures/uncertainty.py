"""Where the folds of a force field disagree, and what that is worth."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cgpipe.figures.style import ENERGY_MAP, MODEL_COLOUR, PAGE_WIDTH, new_figure
from cgpipe.units import ANGSTROM, KCAL

_TO_KCAL = ANGSTROM / KCAL
"""From kJ/mol/nm to kcal/mol/angstrom."""
_MOSTLY = 0.5
"""Share of a bin's frames beyond the training data from which it is hatched."""

Arrays = dict[str, NDArray[np.float64]]


def uncertainty_figure(arrays: Arrays, header: dict[str, Any]) -> Figure:
    """Calibration on held-out labels, and the spread along the simulation on the free-energy surface."""
    figure = new_figure(PAGE_WIDTH, 2.8)
    if "surface_spread" not in arrays:
        plot_calibration(arrays, header, figure.subplots())
        return figure
    left, right = figure.subplots(1, 2)
    plot_calibration(arrays, header, left)
    image = plot_surface_spread(arrays, header, right)
    figure.colorbar(image, ax=right, label="spread of the folds (kcal/mol/Å)", shrink=0.8)
    return figure


def plot_calibration(arrays: Arrays, header: dict[str, Any], ax: Axes) -> Axes:
    """Squared error of the mean force, without the noise of the labels, against what the spread of the folds says."""
    spread, noise = arrays["calibration_spread"] * _TO_KCAL**2, float(header["calibration_noise"])
    excess = (arrays["calibration_deviation"] - noise) * _TO_KCAL**2
    factor, error = header["calibration_factor"], header["calibration_factor_error"]
    errors = arrays["calibration_deviation_error"] * _TO_KCAL**2
    ax.errorbar(spread, excess, errors, fmt="o", ms=3, color=MODEL_COLOUR, label="held-out labels")
    ends = np.array([0.0, spread.max()])
    ax.plot(ends, factor * ends, color=MODEL_COLOUR, label=f"slope {factor:.2f} ± {error:.2f}")
    ax.plot(ends, ends, "--", color="black", label="if the spread were all")
    ax.set_xlabel("squared spread of the folds ((kcal/mol/Å)²)")
    ax.set_ylabel("squared error ((kcal/mol/Å)²)")
    ax.set_title(f"label noise of {noise * _TO_KCAL**2:.2f} (kcal/mol/Å)² taken off")
    ax.legend()
    return ax


def plot_surface_spread(arrays: Arrays, header: dict[str, Any], ax: Axes) -> Any:
    """Root of the mean squared spread in each bin of the surface; bins beyond the training data are hatched."""
    extent, angles = _extent(arrays)
    values = np.sqrt(arrays["surface_spread"]) * _TO_KCAL
    image = ax.imshow(
        values.T,
        origin="lower",
        extent=(extent[0], extent[1], extent[2], extent[3]),
        aspect="auto",
        cmap=ENERGY_MAP,
        vmin=0.0,
    )
    hatch_beyond(arrays, ax)
    share = f"{header['share_beyond']:.2%} of the frames spread more than 99 % of"
    ax.set_title(f"{share}\nthe training frames do (hatched: most of a bin)")
    ax.set_xlabel("φ (degrees)" if angles else "TIC 1")
    ax.set_ylabel("ψ (degrees)" if angles else "TIC 2")
    if angles:
        ax.set_xticks(range(-180, 181, 90))
        ax.set_yticks(range(-180, 181, 90))
    return image


def _extent(arrays: Arrays) -> tuple[NDArray[np.float64], bool]:
    """Range of both axes of the surface, (4,), angles in degrees; whether they are angles."""
    limits = arrays["surface_limits"]
    angles = bool(np.isclose(limits, [[-np.pi, np.pi]] * 2).all())
    return np.degrees(limits).ravel() if angles else limits.ravel(), angles


def is_of_surface(arrays: Arrays, limits: tuple[tuple[float, float], tuple[float, float]]) -> bool:
    """Whether the record tells of a surface with these limits."""
    return "surface_limits" in arrays and np.allclose(_extent(arrays)[0], np.ravel(limits))


def hatch_beyond(arrays: Arrays, ax: Axes) -> bool:
    """Hatch the bins most of whose frames lie beyond the training data; false if there are none."""
    beyond = np.nan_to_num(arrays["surface_beyond"]) > _MOSTLY
    if beyond.any():
        ranges = zip(_extent(arrays)[0].reshape(2, 2), beyond.shape, strict=True)
        centres = [np.linspace(low, high, 2 * n + 1)[1::2] for (low, high), n in ranges]
        ax.contourf(*centres, beyond.T, levels=[0.5, 1.5], hatches=["////"], colors="none")
    return bool(beyond.any())
