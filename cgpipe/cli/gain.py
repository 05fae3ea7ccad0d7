"""Decide whether another round of `snakemake improve` is worth its price.

Another round follows as long as the first metric of the comparison fell below the best before by more than
`improve.min_gain` standard errors of the difference. These are taken as of independent comparisons, which is too much
where one judge is most of both errors: the rule then stops early.

example: cgpipe gain --section improve.yaml --comparisons before.json round1.json --output gain.json
"""

import argparse
import math
from typing import Any

from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.config.project import parse_section, plain
from cgpipe.config.sections import ImproveSection
from cgpipe.data.files import load_json, save_json
from cgpipe.errors import DataError
from cgpipe.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe gain`."""
    add_section(parser, what="`improve`")
    add_inputs(parser, "comparisons", what="comparison.json of the start and of each round so far, in order")
    add_output(parser, what="JSON file of the decision")


def run(args: argparse.Namespace) -> None:
    """Write the decision."""
    section = parse_section(ImproveSection, args.section)
    *before, last = [load_json(path)[0] for path in args.comparisons]
    best = min(before, key=lambda metric: metric["value"])
    if best["error"] is None or last["error"] is None:
        raise DataError(
            f"the errors of {last['metric']} are not known, as umbrella windows weight the reference, so no rule can "
            "stop rounds by them; let a reference without windows judge (judged_by)"
        )
    gain, error = best["value"] - last["value"], math.hypot(best["error"], last["error"])
    rounds_left = section.n_rounds - len(before)
    go_on = rounds_left > 0 and gain > section.min_gain * error
    record = provenance("gain", {"improve": plain(section)}, seed=0, inputs=args.comparisons)
    content: dict[str, Any] = {"metric": last["metric"], "gain": gain, "error": error, "go_on": go_on}
    save_json(args.output, {**content, "provenance": record})
    verdict = "another round follows" if go_on else "no further round" if rounds_left > 0 else "the last round"
    print(f"{last['metric']} fell by {gain:.4f} +- {error:.4f} {last['unit']}: {verdict}")
