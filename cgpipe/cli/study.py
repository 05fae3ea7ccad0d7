"""Collect the comparisons of a study's points into one table, a row for each point, seed and metric, and draw them.

example: cgpipe study --points points.json --labels '{"frames": "training frames"}' --title ala2 \\
             --comparisons a/comparison.json b/comparison.json --figure study.png study.pdf --output study.csv
"""

import argparse
import json

import pandas as pd

from cgpipe.cli.arguments import add_inputs, add_output
from cgpipe.config.studies import Point
from cgpipe.data.files import load_json, whole_file
from cgpipe.data.plain import from_plain
from cgpipe.errors import ConfigError
from cgpipe.figures.study import study_figure
from cgpipe.figures.style import save_figure, write_title
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe study`."""
    parser.add_argument(
        "--points", required=True, metavar="JSON", help="axis, value, seed, system, atomistic_ns of each point"
    )
    parser.add_argument("--labels", required=True, metavar="JSON", help="what to write at each axis, by its name")
    parser.add_argument("--title", required=True, help="what the figure says of the study")
    add_inputs(parser, "comparisons", what="comparison.json of each point, in their order")
    add_inputs(parser, "figure", what="figures to write, .png or .pdf")
    add_output(parser, what="CSV table")


def run(args: argparse.Namespace) -> None:
    """Write table and figures."""
    points = from_plain(list[Point], json.loads(args.points), source="--points")
    if len(points) != len(args.comparisons):
        raise ConfigError(f"--points tells of {len(points)} points, --comparisons names {len(args.comparisons)} files")
    rows = [
        {
            "axis": point.axis,
            "point": point.value,
            "seed": point.seed,
            "atomistic_ns": point.atomistic_ns,
            "unchanged": point.unchanged,
            "own_data": point.own_data,
            **metric,
        }
        for point, path in zip(points, args.comparisons, strict=True)
        for metric in load_json(path)
    ]
    known = {"error": float, "noise_floor": float}  # not a number where they are not known
    table = pd.DataFrame(rows).astype(known)
    with whole_file(args.output) as temporary:
        table.to_csv(temporary, index=False)
    figure = study_figure(table, json.loads(args.labels))
    write_title(figure, args.title)
    record = provenance("study", {"title": args.title}, seed=0, inputs=args.comparisons, outputs=[args.output])
    save_figure(figure, args.figure, record)
    print(_summary(table).to_string(index=False))


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over the seeds of each point's first metric, its spread and its floor."""
    first = table[table["metric"] == table["metric"].iloc[0]]
    groups = first.groupby(["axis", "point"], sort=False)
    return groups.agg(
        atomistic_ns=("atomistic_ns", "mean"),
        mean=("value", "mean"),
        spread=("value", "std"),
        noise_floor=("noise_floor", "mean"),
        seeds=("seed", "nunique"),
    ).reset_index()
