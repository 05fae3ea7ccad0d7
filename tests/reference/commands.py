"""`cgpipe` as a process of its own, which tests may signal at a chosen moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SECONDS_TO_START = 60
CGPIPE = (sys.executable, "-m", "cgpipe.cli.main")
TORCHRUN = (
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-ranks-filter", "0", "--nproc-per-node",
)  # fmt: skip


def torchrun(n_processes):
    """Command by which so many processes train together."""
    return (*TORCHRUN, str(n_processes), "-m", "cgpipe.cli.main")


def start(arguments, *, command=CGPIPE):
    """The command with these arguments, running."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    line = [*command, *map(str, arguments)]
    return subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_command(arguments, *, command=CGPIPE, kill_when=None, kill_by=signal.SIGKILL):
    """Run the command; with kill_when, signal it as soon as that glob matches. True if it was signalled."""
    with start(arguments, command=command) as job:
        deadline = time.monotonic() + SECONDS_TO_START
        while kill_when and job.poll() is None and time.monotonic() < deadline:
            if list(kill_when[0].glob(kill_when[1])):
                job.send_signal(kill_by)
                _, error = job.communicate(timeout=120)
                assert kill_by == signal.SIGKILL or "same command resumes it" in error
                assert job.returncode != 0
                return True
            time.sleep(0.002)
        _, error = job.communicate(timeout=120)
    assert job.returncode == 0, error
    return False
