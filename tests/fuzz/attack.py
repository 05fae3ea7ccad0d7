"""Feed damaged files to one reader in this process: `python attack.py KIND FIRST COUNT`.

Prints one JSON line for every input that ended in something else than success or a cgpipe error. The input at work lies
in a file, so that one that kills the process is known; whoever started it goes on behind that input.
"""

import contextlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from damage import CANARY, damaged
from readers import READERS
from seeds import PDB, WRITERS

from cgpipe.errors import CgpipeError

SECONDS_EACH = 20
MEMORY = 3 << 30
"""Of an input beyond what the libraries take, bytes."""


class Slow(BaseException):
    """An input took too long."""


def _too_slow(*_):
    raise Slow


def attack(kind: str, first: int, count: int, folder: Path) -> None:
    """Read the damaged inputs first..first + count of a kind."""
    path = folder / "work" / kind
    path.parent.mkdir()
    WRITERS[kind](path)
    whole = path.read_bytes()
    (folder / "work" / "topology.pdb").write_text(PDB)
    os.chdir(folder / "work")
    _judge(kind, path, "whole")
    around = _listing(folder)
    for number in range(first, first + count):
        rng = np.random.default_rng([number, sorted(WRITERS).index(kind)])
        path.write_bytes(damaged(whole, rng))
        print(json.dumps({"at": number}), file=sys.stderr, flush=True)
        _judge(kind, path, number)
        if (changed := _listing(folder)) != around:
            _tell(kind, number, f"files appeared: {sorted(changed - around)}")
            around = changed


def _listing(folder):
    """Files outside of the work folder, and the canary wherever it may be."""
    outside = {str(path) for path in folder.iterdir()}
    canaries = {
        str(path) for path in (Path(CANARY), Path("/") / CANARY, *Path("/").glob(f"*/{CANARY}")) if path.exists()
    }
    return outside | canaries


def _judge(kind, path, number):
    signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            READERS[kind](path)
    except CgpipeError as error:
        if not str(error).strip():
            _tell(kind, number, "an error without words")
    except BaseException as error:  # noqa: BLE001 (whatever else comes is what is looked for)
        where = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in where if "cgpipe/" in frame.filename]
        _tell(kind, number, f"{type(error).__name__}: {str(error)[:200]} at {ours[-1:]}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _tell(kind, number, text):
    print(json.dumps({"kind": kind, "input": number, "found": text}), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _too_slow)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, resource.RLIM_INFINITY))
    os.fsync = os.sync = lambda *_: None  # this disk need not last
    with tempfile.TemporaryDirectory() as place:
        attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(place))
