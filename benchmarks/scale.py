"""Memory and speed of converting, mapping and counting against the number of frames.

Writes synthetic data of 175 atoms in the layout of the chignolin archives, unpacked, runs each command on 10^4, 10^5 and
10^6 frames in a process of its own, and prints a table: peak memory, and throughput beside the machine's plain read
speed of the same files.

usage: python benchmarks/scale.py FOLDER [largest number of frames]
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import h5py
import mdtraj
import numpy as np
from openmm import app

from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import from_mdtraj
from cgpipe.reference.structure import build_peptide

_SEQUENCE = "ACE TYR TYR ASP PRO GLU THR GLY THR TRP TYR NME"
_LENGTH = 500
"""Frames of one trajectory."""


def molecule():
    """Topology and positions, (n_atoms, 3), nm, of a capped chignolin."""
    peptide = build_peptide(_SEQUENCE)
    peptide.addHydrogens(app.ForceField("amber99sbildn.xml"))
    return mdtraj.Topology.from_openmm(peptide.topology), np.array([list(p) for p in peptide.positions._value])


def write_atoms(path, n_frames, rng):
    """Atomistic H5MD of random frames around one structure, in trajectories of 500."""
    topology, start = molecule()
    lengths = np.full(n_frames // _LENGTH, _LENGTH)
    with create_h5md(
        path, from_mdtraj(topology), frame_interval=100.0, provenance={}, arrays={"lengths": lengths}
    ) as writer:
        for _ in range(0, n_frames, 10_000):
            noise = rng.standard_normal((10_000, len(start), 3), dtype=np.float32)
            writer.append(start.astype(np.float32) + 0.005 * noise, 700 * noise[:, ::-1])


def run(arguments):
    """Seconds and peak memory (MB) of a command in a process of its own."""
    began = time.perf_counter()
    code = "import sys, resource; from cgpipe.cli.main import main; status = main(sys.argv[1:]); " \
        "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(status)"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    peak = next(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("PEAK"))
    return time.perf_counter() - began, peak / 1024


def read_speed(path):
    """MB/s of reading a file from the disk's cache, block by block."""
    began, size = time.perf_counter(), os.path.getsize(path)
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
    return size / 1e6 / (time.perf_counter() - began)


def main():
    """Print the table."""
    folder, largest = Path(sys.argv[1]), int(float(sys.argv[2])) if len(sys.argv) > 2 else 1_000_000
    folder.mkdir(parents=True, exist_ok=True)
    print("| frames | command | s | MB/s | of plain read | peak memory (MB) |\n|---|---|---|---|---|---|")
    for n_frames in (n for n in (10_000, 100_000, 1_000_000) if n <= largest):
        atoms, beads = folder / "atoms.h5md", folder / "beads.h5md"
        write_atoms(atoms, n_frames, np.random.default_rng(1))
        speed, megabytes = read_speed(atoms), atoms.stat().st_size / 1e6
        mapping = folder / "mapping.json"
        analysis = json.dumps({"n_blocks_per_trajectory": 1})
        commands = {
            "forcemap": ["--section", json.dumps({"beads": "ca"}), "--trajectories", atoms, "--output", mapping],
            "map": ["--maps", mapping, "--trajectory", atoms, "--output", beads],
            "analyse": ["--section", analysis, "--ensemble", "reference", "--beads", beads,
                        "--output", folder / "analysis.h5"],
        }
        for name, arguments in commands.items():
            seconds, peak = run([name, *arguments])
            size = beads.stat().st_size / 1e6 if name == "analyse" else megabytes
            rate = size / seconds
            print(f"| {n_frames:,} | {name} | {seconds:.1f} | {rate:.0f} | {rate / speed:.0%} | {peak:.0f} |", flush=True)
        for path in (atoms, beads):
            path.unlink()
    print(f"\nplain read: {speed:.0f} MB/s; h5py {h5py.__version__}, {resource.getpagesize()} byte pages")


if __name__ == "__main__":
    main()
