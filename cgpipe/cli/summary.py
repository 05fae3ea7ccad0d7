"""Collect the comparisons of all systems into one table, a row for each system and metric.

example: cgpipe summary --comparisons results/ala2/comparison.json --output results/summary.csv
"""

import argparse

import pandas as pd

from cgpipe.cli.arguments import add_inputs, add_output
from cgpipe.data.files import load_json, whole_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe summary`."""
    add_inputs(parser, "comparisons", what="comparison.json of each system, in the system's folder")
    add_output(parser, what="CSV table")


def run(args: argparse.Namespace) -> None:
    """Write the table."""
    rows = [{"system": path.parent.name, **metric} for path in args.comparisons for metric in load_json(path)]
    with whole_file(args.output) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
