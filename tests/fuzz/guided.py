"""Coverage-guided attack on one reader: `python guided.py KIND RUNS FOLDER`; ends with 0 if only cgpipe errors came.

libFuzzer changes the bytes and keeps what leads to lines of cgpipe that were not reached before.
"""

import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["cgpipe"]):
    from readers import READERS
    from seeds import PDB, WRITERS

    from cgpipe.errors import CgpipeError


def main(kind: str, runs: int, folder: Path) -> None:
    """Attack the reader of a kind with so many inputs, beginning with a whole file."""
    path, corpus = folder / "work" / kind, folder / "corpus"
    path.parent.mkdir()
    corpus.mkdir()
    WRITERS[kind](path)
    (corpus / "whole").write_bytes(path.read_bytes())
    (folder / "work" / "topology.pdb").write_text(PDB)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(CgpipeError):
            READERS[kind](path)

    options = [f"-runs={runs}", "-seed=1", "-timeout=20", "-rss_limit_mb=4096", "-verbosity=0", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.fsync = os.sync = lambda *_: None  # this disk need not last
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
