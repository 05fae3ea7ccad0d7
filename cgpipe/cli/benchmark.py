"""Measure the speed of simulation, training or mapping on this machine, beside what its matrix products allow.

The work is synthetic: a chain as dense as a folded protein, all classical terms, an untrained network. Lists make a
grid. Each case runs in a process of its own; rates are medians of rounds, between which the speed of plain matrix
products is measured. `--torch` measures the same without the compiled engine as well. `report` makes tables and a
figure.

example: cgpipe benchmark simulate --beads 10 --replicas 1 32 256 1000 --threads 2 --torch
         cgpipe benchmark train --beads 10 --batch 512 --json train.json
         cgpipe benchmark report --inputs simulate.json train.json --output engine.md --figure engine.png
"""

import argparse
import multiprocessing
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

from cgpipe.cli.benchmark_report import write_report
from cgpipe.cli.hardware import add_device, add_threads
from cgpipe.cli.workloads import Case, Measurement, measure
from cgpipe.data.files import save_json
from cgpipe.model.native import is_built
from cgpipe.progress import Progress
from cgpipe.provenance import versions

_FRAMES = {
    "simulate": ("replicas", [1, 32, 256, 1000], "replicas side by side"),
    "train": ("batch", [512], "frames of a batch"),
    "map": ("frames", [10_000], "frames of a trajectory"),
}
"""What the frames of a case are called, how many by default, and what they are."""
_BEADS = {"simulate": 10, "train": 10, "map": 175}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe benchmark`."""
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK", help="simulate, train, map or report")
    for task, (frames, default, what) in _FRAMES.items():
        options = tasks.add_parser(task, help=f"speed of `cgpipe {task}`")
        _add_counts(options, "beads", [_BEADS[task]], "atoms of the molecule" if task == "map" else "beads")
        _add_counts(options, frames, default, what)
        _add_counts(options, "features", [128], "features of a bead")
        _add_counts(options, "blocks", [2], "interaction blocks")
        options.add_argument("--radial", type=_at_least(4), default=64, help="radial functions (default: 64)")
        add_device(options)
        add_threads(options)
        options.add_argument("--rounds", type=_at_least(1), default=5, help="measurements of each case (default: 5)")
        options.add_argument("--torch", action="store_true", help="without the compiled engine as well")
        options.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file too")
    report = tasks.add_parser("report", help="tables and a figure of earlier measurements")
    report.add_argument("--inputs", type=Path, nargs="+", required=True, metavar="FILE", help="what --json wrote")
    report.add_argument("--output", type=Path, required=True, metavar="FILE", help="Markdown page")
    report.add_argument("--figure", type=Path, nargs="+", required=True, metavar="FILE", help="PNG or PDF files")


def _add_counts(options: argparse.ArgumentParser, name: str, default: list[int], what: str) -> None:
    """A list of whole numbers; beads come in pairs at least."""
    shown = " ".join(map(str, default))
    kind = _at_least(2 if name == "beads" else 1)
    options.add_argument(
        f"--{name}", type=kind, nargs="+", default=default, metavar="N", help=f"{what} (default: {shown})"
    )


def _at_least(lowest: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {lowest}")
        return int(text)

    return count


def run(args: argparse.Namespace) -> None:
    """Measure and print, or report."""
    if args.task == "report":
        write_report(args.inputs, args.output, args.figure)
        return
    rows = []
    cases = list(_cases(args))
    print(f"{'contestant':<16}{'beads':>6}{'frames':>8}{'rate /s':>12}  spread  of ceiling  memory MB  set up s")
    with Progress(f"benchmark {args.task}", total=len(cases), unit="cases") as progress:
        for case in cases:
            found = _in_own_process(case)
            rows.append(_row(case, found))
            print(_line(rows[-1]))
            progress.update(1)
    if args.json:
        save_json(args.json, {"machine": machine(), "rows": rows})


def _cases(args: argparse.Namespace) -> Iterator[Case]:
    """The grid."""
    frames = getattr(args, _FRAMES[args.task][0])
    for n_beads, n_frames, n_features, n_blocks in product(args.beads, frames, args.features, args.blocks):
        case = Case(
            args.task,
            n_beads,
            n_frames,
            n_features=n_features,
            n_blocks=n_blocks,
            n_radial=args.radial,
            device=args.device,
            n_threads=args.threads,
            rounds=args.rounds,
            torch_alone=args.device == "cpu" and not is_built(),
        )
        yield case
        if args.torch and not case.torch_alone:
            yield replace(case, torch_alone=True)


def _in_own_process(case: Case) -> Measurement:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, case).result()


def _row(case: Case, found: Measurement) -> dict[str, Any]:
    contestant = "torch alone" if case.torch_alone or case.device != "cpu" else "engine"
    if case.task == "map":
        contestant = "map"
    return {"contestant": contestant, **asdict(case), **asdict(found), "ceiling": found.ceiling}


def _line(row: dict[str, Any]) -> str:
    share = f"{row['rate'] / row['ceiling']:10.0%}" if row["plain_flop"] else " " * 10
    return (
        f"{row['contestant']:<16}{row['n_beads']:>6}{row['n_frames']:>8}{row['rate']:>12.0f}  {row['spread']:6.1%}"
        f"  {share}  {row['memory_MB']:9.0f}  {row['setup_s']:8.2f}"
    )


def machine() -> dict[str, Any]:
    """Processor and versions."""
    return {"processor": _processor(), "system": platform.system(), "versions": versions()}


def _processor() -> str:
    """Name of the processor and the number of its cores that are ours."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {multiprocessing.cpu_count()} cores"
