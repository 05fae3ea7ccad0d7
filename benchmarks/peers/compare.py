"""cgpipe beside its peers in one run: round by round, each contestant in turn, medians over the rounds.

usage: python benchmarks/peers/compare.py --peers VENV/bin/python --threads 2 --rounds 5 --json FILE
       (run it by the Python of cgpipe's environment; more contestants by --add NAME=COMMAND, which is called with
       TASK BEADS FRAMES THREADS ROUNDS and prints a JSON row like measure.py's)
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CASES = [("simulate", 10, n) for n in (1, 32, 256, 1000)] + [("simulate", 80, 32), ("train", 10, 512)]


def run(command):
    """Standard output of a command, or None if it failed, with the reason on the screen."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        print(f"failed: {shlex.join(map(str, command))}\n{done.stderr[-500:]}", file=sys.stderr)
        return None
    return done.stdout


def ours(task, n_beads, n_frames, threads):
    """Rows of the engine and of torch alone, and the machine."""
    frames = {"simulate": "--replicas", "train": "--batch"}[task]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        run(
            [sys.executable, "-m", "cgpipe.cli.main", "benchmark", task, "--beads", n_beads, frames, n_frames,
             "--threads", threads, "--rounds", 3, "--torch", "--json", path]
        )
        content = json.loads(path.read_text())
    return content["rows"], content["machine"]


def main():
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="Python of the peers' environment")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--add", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--json", type=Path, required=True)
    args = parser.parse_args()
    others = {name: [args.peers, HERE / "measure.py", name] for name in ("torchmd-net", "schnetpack")}
    others |= {name: shlex.split(command) for name, command in (text.split("=", 1) for text in args.add)}
    found = {}
    for number in range(args.rounds):
        for task, n_beads, n_frames in CASES:
            rows, machine = ours(task, n_beads, n_frames, args.threads)
            for command in others.values():
                output = run([*command, task, n_beads, n_frames, args.threads, 3])
                rows += [json.loads(output.splitlines()[-1])] if output else []
            for row in rows:
                found.setdefault((row["contestant"], task, n_beads, n_frames), []).append(row)
                print(number, row["contestant"], task, n_beads, n_frames, f"{row['rate']:.0f}", flush=True)
    machine["versions"] |= {"peers": (HERE / "requirements.txt").read_text().split("\n", 1)[1].replace("\n", " ").strip()}
    args.json.write_text(json.dumps({"machine": machine, "rows": [merged(rows) for rows in found.values()]}, indent=2))


def merged(rows):
    """Median of the rates of one contestant, with half the range of the rounds as spread."""
    rates = [row["rate"] for row in rows]
    rate = statistics.median(rates)
    return {**rows[-1], "rate": rate, "spread": 0.5 * (max(rates) - min(rates)) / rate}


if __name__ == "__main__":
    main()
