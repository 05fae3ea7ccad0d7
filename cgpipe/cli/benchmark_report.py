"""Measurements of speed as a Markdown page and a figure."""

from pathlib import Path
from typing import Any

from cgpipe.data.files import load_json, whole_file
from cgpipe.errors import DataError
from cgpipe.figures.speed import speed_figure
from cgpipe.figures.style import save_figure

_SAME = ("task", "n_beads", "n_frames", "n_features", "n_blocks")
_HEADINGS = {"simulate": "Simulation", "train": "Training", "map": "Mapping"}
_LEGEND = """Medians of rounds; ± is half the range of their middle half, or of peers.json half of the whole range.
The ceiling is the rate if nothing but the matrix products of the layers, as they are written, took time, at the speed
that such products reach between the rounds. docs/engine.md says more."""
_UNITS = {"simulate": "replica-steps/s", "train": "frames/s", "map": "frames/s"}


def write_report(inputs: list[Path], output: Path, figures: list[Path]) -> None:
    """Tables of each file by task, and a figure of all. Raises DataError for files that hold no measurements.

    Ratios compare rows of one file, which were measured in one run.
    """
    records = [_load(path) for path in inputs]
    sections = [_section(record, task) for task in _HEADINGS for record in records]
    with whole_file(output) as temporary:
        temporary.write_text("\n\n".join(["# Speed", _LEGEND, *filter(None, sections)]) + "\n")
    save_figure(speed_figure([row for record in records for row in record["rows"]]), figures)


def _load(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = load_json(path)
    if not isinstance(record, dict) or not {"machine", "rows"} <= record.keys():
        raise DataError(f"{path} holds no measurements; write it by `cgpipe benchmark simulate --json {path}`")
    return record


def _section(record: dict[str, Any], task: str) -> str:
    """Heading, machine and table of one file's rows of a task; nothing if it has none."""
    rows = [row for row in record["rows"] if row["task"] == task]
    if not rows:
        return ""
    known = ", ".join(f"{name} {version}" for name, version in record["machine"]["versions"].items())
    where = f"{record['machine']['processor']}; {known}"
    return f"## {_HEADINGS[task]}\n\n{where}\n\n{_table(rows, _UNITS[task])}"


def _table(rows: list[dict[str, Any]], unit: str) -> str:
    head = (
        f"| contestant | beads | frames | features | threads | {unit} | of the engine | of the ceiling | memory (MB) |"
    )
    lines = [head, "|" + "---|" * 9]
    engine = {_key(row): row["rate"] for row in rows if row["contestant"] == "engine"}
    for row in sorted(rows, key=lambda row: (row["n_beads"], row["n_frames"], -row["rate"])):
        ratio = f"1/{engine[_key(row)] / row['rate']:.1f}" if _key(row) in engine else ""
        share = f"{row['rate'] / row['ceiling']:.0%}" if row.get("plain_flop") else ""
        rate = f"{row['rate']:,.0f} ± {row['spread']:.0%}"
        network = f"{row['n_features']}, {row['n_blocks']} blocks" if row["task"] != "map" else ""
        cells = (row["contestant"], row["n_beads"], row["n_frames"], network, row["n_threads"], rate, ratio, share)
        lines.append("| " + " | ".join(map(str, cells)) + f" | {row['memory_MB']:,.0f} |")
    return "\n".join(lines)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _SAME)
