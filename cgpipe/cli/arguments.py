"""Arguments that several subcommands share."""

import argparse
from pathlib import Path


def add_section(parser: argparse.ArgumentParser, name: str = "section", *, what: str) -> None:
    """`--section`: the settings of the stage."""
    parser.add_argument(
        f"--{name}", required=True, metavar="JSON|FILE", help=f"{what} section of the config, as JSON or a YAML file"
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed`: the root of all randomness."""
    parser.add_argument("--seed", type=int, default=2020, help="root seed (default: %(default)s)")


def add_output(parser: argparse.ArgumentParser, *, what: str) -> None:
    """`--output`: where the result goes."""
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=what)


def add_inputs(parser: argparse.ArgumentParser, name: str, *, what: str) -> None:
    """A list of input files."""
    parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, metavar="FILE", help=what)
