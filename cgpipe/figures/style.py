"""How every figure looks: sizes for journal columns, colours that the colour-blind can tell apart, honest labels."""

import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cgpipe.data.files import whole_file

COLUMN_WIDTH = 3.4
"""Inches."""
PAGE_WIDTH = 7.0
"""Inches."""
REFERENCE_COLOUR, MODEL_COLOUR, CHECK_COLOUR, EXTRA_COLOUR = "#000000", "#D55E00", "#0072B2", "#009E73"
"""From Okabe and Ito's palette."""
FOLD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
ENERGY_MAP, DIFFERENCE_MAP, CHAIN_MAP = "viridis", "RdBu_r", "plasma"
_RESOLUTION = 300
_LETTERS_PER_INCH = 15
"""Of a title at 8 points."""

mpl.rcParams.update(
    {
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "legend.fontsize": 7,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.2,
        "legend.frameon": False,
        "pdf.fonttype": 42,
        "svg.hashsalt": "cgpipe",
    }
)


def new_figure(width: float, height: float) -> Figure:
    """Empty figure of a size in inches, with a layout that keeps labels apart."""
    return Figure(figsize=(width, height), layout="constrained")


def write_title(figure: Figure, text: str) -> None:
    """What the figure is of, at its upper left, broken into lines that fit its width."""
    width = int(_LETTERS_PER_INCH * figure.get_figwidth())
    figure.suptitle(textwrap.fill(text, width), fontsize=8, x=0.01, ha="left")


def plain_decades(axis: Axis, *, wide: bool = False) -> None:
    """Label a logarithmic axis at 1, 2 and 5 times each power of ten, or at these alone if wide, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, paths: Sequence[Path], record: Mapping[str, Any] | None = None) -> None:
    """Write the figure to each path in the format of its ending, without the time of writing.

    record : what a PNG shall say of its origin
    """
    text = {} if record is None else {"cgpipe": json.dumps(record, sort_keys=True)}
    for path in paths:
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": "cgpipe", **text}
        drawn = io.BytesIO()  # a full disk would make matplotlib print a traceback
        figure.savefig(drawn, format=path.suffix[1:], dpi=_RESOLUTION, metadata=metadata)
        with whole_file(path) as temporary:
            temporary.write_bytes(drawn.getvalue())
