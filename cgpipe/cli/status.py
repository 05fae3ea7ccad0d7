"""Show how far the whole pipeline is: files made of each stage, what runs now and how long it will take.

It asks Snakemake which files are there and reads the ends of the logs, so it can run on a login node beside anything,
and touches nothing. Work that says nothing for a minute is told from work that runs by the age of its last line.

example: cgpipe status
         cgpipe status --configfile config/full.yaml
"""

import argparse
import csv
import io
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from cgpipe.cli.main import COMMANDS
from cgpipe.config.project import load_project, merge, read_yaml
from cgpipe.errors import ConfigError

_TAIL_BYTES = 4096
_RECENT_SECONDS = 60.0
"""Progress lines come every ten seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe status`."""
    parser.add_argument("--configfile", type=Path, metavar="FILE", help="as given to snakemake")


def run(args: argparse.Namespace) -> None:
    """Print the state of every system."""
    values = read_yaml(Path("config/config.yaml"))
    if args.configfile is not None:
        values = merge(values, read_yaml(args.configfile))
    project = load_project(values)
    results = Path(project.results)
    systems: dict[str, list[Target]] = defaultdict(list)
    goals = ["all", *(["study"] if project.studies else []), *(["improve"] if project.improve else [])]
    for target in _targets(_summary(args.configfile, goals), results):
        systems[target.system].append(target)
    for system, targets in systems.items():
        print(_counts(system, targets))
        for log in sorted((results / system / "logs").glob("*.log")):
            if text := _news(log):
                print(f"  {text}")


@dataclass(frozen=True)
class Target:
    """One file that the workflow makes."""

    system: str
    rule: str
    made: bool


def _summary(configfile: Path | None, goals: list[str]) -> str:
    """Snakemake's table of all files that it would make or has made."""
    command = [sys.executable, "-m", "snakemake", "--summary", "--quiet", "all"]
    more = [] if configfile is None else ["--configfile", str(configfile)]
    result = subprocess.run([*command, *more, "--", *goals], capture_output=True, text=True, check=False)
    if result.returncode:
        raise ConfigError(f"snakemake cannot plan the workflow of this folder:\n{result.stderr.strip()}")
    return result.stdout


def _targets(table: str, results: Path) -> list[Target]:
    rows = csv.DictReader(io.StringIO(table[table.index("output_file") :]), delimiter="\t")
    return [
        Target(_system(row["output_file"], results), row["rule"], row["status"] == "ok" and row["plan"] == "no update")
        for row in rows
    ]


def _system(output: str, results: Path) -> str:
    """System that a file belongs to; those of no system lie beside the systems' folders."""
    below = Path(output).relative_to(results).parts
    if below[0] in {"studies", "improve"}:  # a point's folder ends with its seed, a round's with its number
        ends = [k for k, part in enumerate(below) if re.fullmatch(r"(seed|round)\d+", part)]
        return "/".join(below[: ends[0] + 1]) if ends else "all systems"
    return below[0] if len(below) > 1 else "all systems"


def _order(rule: str) -> int:
    """Place of a rule in the order of the science."""
    names = list(COMMANDS)
    return next((names.index(part) for part in reversed(rule.split("_")) if part in names), len(names))


def _counts(system: str, targets: list[Target]) -> str:
    stages: dict[str, list[bool]] = defaultdict(list)
    for target in sorted(targets, key=lambda target: _order(target.rule)):
        stages[target.rule].append(target.made)
    counts = "  ".join(f"{rule} {sum(made)}/{len(made)}" for rule, made in stages.items())
    return f"{system}: {sum(target.made for target in targets)} of {len(targets)} files made | {counts}"


def _news(log: Path) -> str:
    """What unfinished or failed work says of itself, or nothing."""
    try:
        age = time.time() - log.stat().st_mtime
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode(errors="replace").split("\n")[:-1]]
    except OSError:  # it was replaced just now
        return ""
    if failures := [line for line in lines if line.startswith("cgpipe ")]:  # torchrun says more after it
        return f"{log.stem}: FAILED {failures[-1]}"
    line = lines[-1] if lines else ""
    if not re.search(r"\b\d+ % \|", line) or "100 % |" in line:
        return ""
    if age < _RECENT_SECONDS:
        return f"{log.stem}: {line} ({age:.0f} s ago)"
    return f"{log.stem}: silent for {age / 60:.0f} min after: {line}"
