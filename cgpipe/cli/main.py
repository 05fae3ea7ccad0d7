"""The `cgpipe` command: finds the subcommand and prints errors as one line.

Only the module of the chosen subcommand is imported, so that help is immediate.
"""

import argparse
import os
import sys
from contextlib import suppress
from importlib import import_module

from cgpipe import __version__
from cgpipe.cli.interruption import Terminated, alone, terminable
from cgpipe.errors import CgpipeError

COMMANDS = {
    "new": "write the config of a new peptide or protein",
    "config": "show a system's completed config, or the JSON schema",
    "system": "build, protonate and minimise the atomistic system; choose its platform",
    "exchange": "let copies at rising temperatures exchange configurations, for starts",
    "tica": "fit slow coordinates along which another system is biased",
    "bias": "let one walker build a metadynamics bias, or write an umbrella window",
    "trajectory": "record one atomistic trajectory with unbiased forces",
    "weights": "weigh the frames of umbrella windows; free energies along biased variables",
    "download": "fetch one file of a published data set, or a structure, and check it",
    "convert": "turn published data or your own files into trajectories with forces",
    "forcemap": "fit the map of forces to beads; report the noise of the labels",
    "meanforce": "average the forces on held beads: labels of little noise",
    "map": "map one atomistic trajectory to beads",
    "share": "take some frames of another system's beads",
    "prior": "fit the classical terms to the beads",
    "transfer": "prior of a molecule from the priors of others, by residue type",
    "train": "train the network of one fold",
    "simulate": "simulate replicas with the mean force of the fold models",
    "states": "fit slow coordinates, clusters and macrostates of a protein to its reference",
    "analyse": "histograms and kinetics of one ensemble, reference or model",
    "compare": "model against reference: metrics with errors and noise floor",
    "uncertainty": "where the folds disagree, and what that says of the model's errors",
    "propose": "draw configurations where the folds disagree, for new mean forces",
    "explore": "average forces at configurations that the model proposed",
    "gain": "decide whether another round of improvement is worth its price",
    "figure": "draw one figure from result records",
    "index": "show every figure and metric of all systems on one page",
    "summary": "collect the comparisons of all systems into one table",
    "study": "collect the comparisons of a study's points into one table",
    "status": "show how far the whole pipeline is, and how long it will take",
    "verify": "check results: every file whole, of one chain, and sane",
    "trace": "print the chain of inputs, settings, seeds and versions behind a file",
    "export": "pack results with their provenance for deposition (RO-Crate)",
    "benchmark": "measure the speed of simulation, training and mapping on this machine",
}
"""Subcommands in the order of the science, and what each does."""


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="cgpipe",
        description="From atomistic molecular dynamics to a validated machine-learned coarse-grained force field.",
        epilog=f"commands, in the order of the science:\n{rows}\n\n`cgpipe COMMAND --help` teaches each; "
        "`snakemake --cores all` runs them all.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cgpipe {__version__}")
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND", help="one of the commands below")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; 0 on success, 1 on an error that the user can mend, 130 or 143 when interrupted or ended."""
    arguments = sys.argv[1:] if arguments is None else arguments
    name = _parser().parse_args(arguments[:1]).command
    module = import_module(f"cgpipe.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"cgpipe {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.add_arguments(parser)
    args = parser.parse_args(arguments[1:])
    try:
        with terminable(), alone(getattr(args, "output", None)):
            module.run(args)
    except CgpipeError as error:
        return _failed(name, str(error), 1)
    except KeyboardInterrupt:
        return _failed(name, "interrupted; the same command resumes it", 130)
    except Terminated:
        return _failed(name, "ended by SIGTERM; what was whole is kept, and the same command resumes it", 143)
    return 0


def _failed(name: str, text: str, code: int) -> int:
    with suppress(BrokenPipeError):  # a scheduler ends the reader of our messages together with us
        print(f"cgpipe {name}: {text}", file=sys.stderr)
    return code


def run_as_program() -> None:
    """Run the subcommand of the command line and end the process with its code.

    After a failure it ends at once: HDF5, which cannot close a file on a full disk, crashes when Python tidies up.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            stream.flush()
    if code:
        os._exit(code)


if __name__ == "__main__":
    run_as_program()
