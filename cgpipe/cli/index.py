"""Write the page that shows every figure and metric of all systems; it needs no network.

example: cgpipe index --systems ala2 --results results --output results/index.html
"""

import argparse
import html
from pathlib import Path
from typing import Any

from cgpipe.cli.arguments import add_output
from cgpipe.data.files import load_json, whole_file

_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>cgpipe results</title><style>
body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; line-height: 1.4 }
img { max-width: 100%; height: auto } figure { margin: 1.5em 0 } td, th { padding: 0.1em 0.8em; text-align: right }
td:first-child, th:first-child { text-align: left } table { border-collapse: collapse }
tr:nth-child(even) { background: #f3f3f3 }
</style></head><body>
<h1>Results of cgpipe</h1>
"""
_COLUMNS = (
    "metric",
    "bound",
    "value",
    "error",
    "noise_floor",
    "sampling_floor",
    "unit",
    "n_samples_model",
    "n_samples_reference",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe index`."""
    parser.add_argument("--systems", nargs="+", required=True, metavar="NAME", help="systems to show, in this order")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="folder of the results")
    add_output(parser, what="HTML page; figures are linked relative to it")


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    links = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in map(html.escape, args.systems))
    body = "".join(_system(args.results, name, args.output.parent) for name in args.systems)
    with whole_file(args.output) as temporary:
        temporary.write_text(f"{_HEAD}<ul>{links}</ul>{body}</body></html>\n")


def _system(results: Path, name: str, base: Path) -> str:
    folder = results / name
    figures = "".join(_figure(path, base) for path in sorted((folder / "figures").glob("*.png")))
    return (
        f'<h2 id="{html.escape(name)}">{html.escape(name)}</h2>{_table(load_json(folder / "comparison.json"))}{figures}'
    )


def _figure(path: Path, base: Path) -> str:
    """One figure with a link to its PDF."""
    png, pdf = (html.escape(str(p.relative_to(base))) for p in (path, path.with_suffix(".pdf")))
    title = html.escape(path.stem.replace("_", " "))
    return f'<figure><img src="{png}" alt="{title}"><figcaption>{title} (<a href="{pdf}">PDF</a>)</figcaption></figure>'


def _table(metrics: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{column.replace('_', ' ')}</th>" for column in _COLUMNS)
    rows = "".join(f"<tr>{''.join(_cell(metric[column]) for column in _COLUMNS)}</tr>" for metric in metrics)
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(value: object) -> str:
    if value is None:
        return "<td>unknown</td>"
    return f"<td>{value:.4g}</td>" if isinstance(value, float) else f"<td>{html.escape(str(value))}</td>"
