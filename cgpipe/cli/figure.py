"""Draw one figure from the records of a system, as PNG and PDF. The PNG carries the record of what it was made from.

example: cgpipe figure --name free_energy --title ala2 --sources analysis/comparison.h5 --output fe.png fe.pdf
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from cgpipe.cli.arguments import add_inputs
from cgpipe.cli.prior_file import load_prior
from cgpipe.data.records import load_record
from cgpipe.figures.bias import bias_figure
from cgpipe.figures.contacts import contacts_figure
from cgpipe.figures.convergence import convergence_figure
from cgpipe.figures.coordinates import coordinates_figure
from cgpipe.figures.diagnostics import diagnostics_figure
from cgpipe.figures.distributions import distributions_figure
from cgpipe.figures.free_energy import free_energy_figure
from cgpipe.figures.learning_curves import learning_curves_figure
from cgpipe.figures.marginals import marginals_figure
from cgpipe.figures.prior_fits import prior_figure
from cgpipe.figures.record import ComparisonRecord
from cgpipe.figures.structures import structures_figure
from cgpipe.figures.style import save_figure, write_title
from cgpipe.figures.timescales import chapman_kolmogorov_figure, timescales_figure
from cgpipe.figures.transitions import transitions_figure
from cgpipe.figures.uncertainty import uncertainty_figure
from cgpipe.provenance import provenance

_COMPARISONS: dict[str, Callable[..., Figure]] = {
    "free_energy": free_energy_figure,
    "marginals": marginals_figure,
    "distributions": distributions_figure,
    "convergence": convergence_figure,
    "diagnostics": diagnostics_figure,
    "coordinates": coordinates_figure,
    "structures": structures_figure,
    "timescales": timescales_figure,
    "chapman_kolmogorov": chapman_kolmogorov_figure,
    "transitions": transitions_figure,
    "contacts": contacts_figure,
}
_PRIORS = {
    "prior_bonds": ("bond",),
    "prior_angles": ("angle",),
    "prior_dihedrals": ("dihedral", "improper"),
    "prior_repulsion": ("repulsion",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe figure`."""
    parser.add_argument(
        "--name",
        required=True,
        choices=[*_COMPARISONS, *_PRIORS, "bias", "learning_curves", "uncertainty"],
    )
    parser.add_argument("--title", required=True, help="what the figure says of the system")
    add_inputs(
        parser,
        "sources",
        what="the record of `cgpipe compare` (for free_energy also that of `uncertainty`), `prior`, `uncertainty` or "
        "`weights`, or histories of `cgpipe train`",
    )
    add_inputs(parser, "output", what="files to write, .png or .pdf")


def run(args: argparse.Namespace) -> None:
    """Draw and save."""
    figure = _draw(args.name, args.sources)
    write_title(figure, args.title)
    others = [path for path in args.output if path.suffix != ".png"]
    save_figure(figure, others)
    settings = {"figure": args.name, "title": args.title}
    record = provenance("figure", settings, seed=0, inputs=args.sources, outputs=others)
    save_figure(figure, [path for path in args.output if path.suffix == ".png"], record)


def _draw(name: str, sources: list[Path]) -> Figure:
    if name == "learning_curves":
        return learning_curves_figure([pd.read_csv(path) for path in sources])
    if name == "uncertainty":
        return uncertainty_figure(*load_record(sources[0]))
    if name == "bias":
        return bias_figure(*load_record(sources[0]))
    if name in _PRIORS:
        return prior_figure(load_prior(sources[0]).fits, _PRIORS[name])
    more = (load_record(path)[0] for path in sources[1:])
    return _COMPARISONS[name](ComparisonRecord(*load_record(sources[0])), *more)
