"""A Slurm cluster of one node on loopback, started as root without systemd from Debian's packages.

It stops what it started and nothing else. `SLURM_CONF` alone does not do: the job step of Snakemake's plugin drops it,
so /etc/slurm/slurm.conf is a link to ours while the cluster runs.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

LINK = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
_SECONDS_TO_START = 30


def missing() -> list[str]:
    """Programs of Slurm that are not installed here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _configuration(folder: Path, *, n_gpus: int) -> dict[str, str]:
    host, (control, node) = socket.gethostname().split(".")[0], _free_ports(2)
    devices = folder / f"nvidia[0-{n_gpus - 1}]"
    return {
        "slurm.conf": f"""
ClusterName=cgpipe
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2
MinJobAge=300
KillWait=30
MailProg=/bin/true
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=16000 Gres=gpu:{n_gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
""",
        "gres.conf": f"AutoDetect=off\nNodeName={host} Name=gpu File={devices}\n",
        "cgroup.conf": "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n",
    }


class Cluster:
    """The running cluster; use it as a context manager."""

    def __init__(self, *, n_gpus: int = 2) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cgpipe-slurm-", dir="/run"))
        self._jobs: list[subprocess.Popen] = []
        self._n_gpus = n_gpus

    def __enter__(self) -> Self:
        if LINK.exists() or LINK.is_symlink():
            raise RuntimeError(f"{LINK} exists, so this machine has a Slurm of its own, which is left alone")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for job in reversed(self._jobs):
            job.terminate()
        for job in reversed(self._jobs):
            try:
                job.wait(timeout=20)
            except subprocess.TimeoutExpired:
                job.kill()
                job.wait()
        if LINK.is_symlink() and LINK.readlink() == self.folder / "slurm.conf":
            LINK.unlink()
        shutil.rmtree(self.folder)

    def _start(self) -> None:
        self.folder.chmod(0o755)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        for index in range(self._n_gpus):
            (self.folder / f"nvidia{index}").touch()  # plain files serve as devices
        for name, text in _configuration(self.folder, n_gpus=self._n_gpus).items():
            (self.folder / name).write_text(text)
        LINK.parent.mkdir(exist_ok=True)
        LINK.symlink_to(self.folder / "slurm.conf")
        self._start_munge()
        self._spawn("slurmctld", "-D", "-i")
        self._spawn("slurmd", "-D")
        self._wait(lambda: "idle" in self.command("sinfo", "--noheader", "--format=%T"), "the node to be idle")

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        folder.mkdir(mode=0o755)
        (folder / "key").write_bytes(os.urandom(128))
        (folder / "key").chmod(0o600)
        for path in (folder, folder / "key"):
            shutil.chown(path, "munge", "munge")
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        as_munge = (
            "setpriv",
            "--reuid=munge",
            "--regid=munge",
            "--clear-groups",
        )  # it becomes munged, so it can be ended
        self._spawn(*as_munge, "munged", "--foreground", *options)
        self._wait((folder / "socket").exists, "munged to listen")

    def _spawn(self, *command: str) -> None:
        environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}  # gres.conf is looked for beside it
        with (self.folder / f"{command[0]}.out").open("w") as log:
            job = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        self._jobs.append(job)

    def command(self, *arguments: str) -> str:
        """Output of a Slurm command, or nothing where it fails."""
        return subprocess.run(arguments, capture_output=True, text=True, check=False).stdout

    def _wait(self, condition, what: str) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        while not condition():
            dead = [job for job in self._jobs if job.poll() is not None]
            if dead or time.monotonic() > deadline:
                paths = sorted(path for path in self.folder.iterdir() if path.suffix in {".log", ".out"})
                logs = "\n".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in paths)
                raise RuntimeError(f"waited in vain for {what}; ended: {[job.args for job in dead]}\n{logs}")
            time.sleep(0.1)
