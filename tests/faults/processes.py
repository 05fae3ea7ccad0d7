"""Processes of a run, to be found and killed."""

import signal
import subprocess
import time

import psutil


class Running:
    """Snakemake on a project, in a session of its own."""

    def __init__(self, project, *arguments):
        self._job = subprocess.Popen(
            project.command(*arguments),
            cwd=project.folder,
            env=project.environment,
            stdout=(project.folder / "out.log").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def has_ended(self):
        return self._job.poll() is not None

    def wait(self, seconds=300):
        return self._job.wait(timeout=seconds)

    def _below(self):
        try:
            return psutil.Process(self._job.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def workers(self):
        """Processes of `cgpipe` that run now."""
        return [process for process in self._below() if _is_cgpipe(process)]

    def kill_snakemake(self):
        """Kill Snakemake alone: its jobs live on."""
        self._job.send_signal(signal.SIGKILL)
        self._job.wait()

    def signal_all(self, number):
        """Signal Snakemake and all that it started, as a scheduler does."""
        for process in [*self._below(), psutil.Process(self._job.pid)]:
            _signal(process, number)

    def kill_after(self, seconds):
        """Kill what has not ended by itself so many seconds from now."""
        try:
            self._job.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.signal_all(signal.SIGKILL)


def _is_cgpipe(process):
    try:
        line = process.cmdline()
        return process.name() != "tee" and len(line) > 1 and line[1].endswith("/cgpipe")
    except psutil.Error:
        return False


def _signal(process, number):
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def kill(process):
    """Kill one process; False if it was gone already."""
    return _signal(process, signal.SIGKILL)


def wait_for(condition, seconds=120):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
