"""Synthetic work of any size on which speed is measured: a dense chain of beads with all terms, and a network.

Every measurement runs in a process of its own, so that its memory is its own.
"""

import json
import math
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cgpipe.cli.main import main
from cgpipe.config.sections import NetworkSection
from cgpipe.data.h5md import create_h5md
from cgpipe.data.topology import Topology
from cgpipe.model.binding import bind_simulation
from cgpipe.model.force_field import bead_types, known_types
from cgpipe.model.matching import bind_training
from cgpipe.model.schnet import SchNet
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.sites import derive_sites
from cgpipe.simulation.replay import Advance, stepper
from cgpipe.simulation.state import State, begin
from cgpipe.training.batches import Frames
from cgpipe.training.loss import force_loss

_KT = 2.9
_N_TYPES = 20
_N_KNOTS = 2048
_CUTOFF = 1.5
"""nm."""
_SPACING = 0.5
"""nm between neighbours, which gives a folded protein's 0.13 nm^3 a residue."""
_SECONDS_PER_ROUND = 0.5
_BYTES_PER_KB = 1024


@dataclass(frozen=True)
class Case:
    """One measurement."""

    task: str
    """simulate, train or map."""
    n_beads: int
    """Of `map`: atoms."""
    n_frames: int
    """Replicas, frames of a batch, or frames of a trajectory."""
    n_features: int = 128
    n_blocks: int = 2
    n_radial: int = 64
    device: str = "cpu"
    n_threads: int = 1
    rounds: int = 5
    torch_alone: bool = False
    """Without the compiled engine."""


@dataclass(frozen=True)
class Measurement:
    """What was measured of a case."""

    rate: float
    """Replica-steps or frames per second, median of the rounds."""
    spread: float
    """Half the range of the middle half of the rounds, relative."""
    setup_s: float
    """Until the first result."""
    memory_MB: float
    """Peak above what the process took before."""
    gflops: float
    """Matrix products of this shape by torch, median of rounds in between; 0 of `map`."""
    flop: float
    """Floating point operations of the matrix products of one replica-step or frame that the engine needs."""
    plain_flop: float
    """The same as the layers are written, before anything is multiplied out."""

    @property
    def ceiling(self) -> float:
        """Rate if nothing but these products took time; 0 of `map`, which has none."""
        return 1e9 * self.gflops / self.plain_flop if self.plain_flop else 0.0


def measure(case: Case) -> Measurement:
    """Run a case."""
    torch.set_num_threads(case.n_threads)
    torch.set_flush_denormal(True)
    before = _peak_memory()
    with tempfile.TemporaryDirectory() as folder, torch.set_grad_enabled(case.task == "train"):
        began = time.perf_counter()
        work, amount = _WORK[case.task](case, Path(folder))
        work()
        setup = time.perf_counter() - began
        rates, products = zip(*(_round(work, amount, case) for _ in range(case.rounds)), strict=True)
    first, _, third = statistics.quantiles(rates, n=4) if len(rates) > 1 else (rates[0],) * 3
    rate = statistics.median(rates)
    flop, plain = (0.0, 0.0) if case.task == "map" else count_flop(case)
    memory = _peak_memory() - before
    if case.device != "cpu":
        memory = torch.cuda.max_memory_allocated() / 1e6
    return Measurement(rate, 0.5 * (third - first) / rate, setup, memory, statistics.median(products), flop, plain)


def count_flop(case: Case) -> tuple[float, float]:
    """Operations of the matrix products of one replica-step or frame: as the engine does them, and as written.

    One unit is n_features^2 products and sums of one bead, 2 n_features^2 operations. A block has W0 (but the first,
    whose input is constant), W1 and W2, the head half a unit. Multiplied out, block b has W1 and a mix into each later
    block and the head. Both go forward and backward; a force loss goes twice each way and has the matrices' own
    derivatives, which cost as much.
    """
    n = case.n_blocks
    written = 3 * n - 1 + 0.5
    mixed = n + sum(n - 1 - block + 0.5 for block in range(n))
    passes = {"simulate": 2, "train": 6}[case.task]
    unit = 2.0 * case.n_features**2 * case.n_beads
    return passes * mixed * unit, passes * written * unit


def _round(work: Callable[[], object], amount: int, case: Case) -> tuple[float, float]:
    """Rate, and GFlop/s of matrix products, one after the other."""
    n, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < _SECONDS_PER_ROUND:
        work()
        _wait(case.device)
        n += 1
    return n * amount / taken, 0.0 if case.task == "map" else _products(case)


def _products(case: Case) -> float:
    """GFlop/s of torch on products of many beads with a weight matrix."""
    left = torch.ones(256 * 10, case.n_features, device=case.device)
    right = torch.ones(case.n_features, case.n_features, device=case.device)
    n, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < 0.2 * _SECONDS_PER_ROUND:
        _ = left @ right
        _wait(case.device)
        n += 1
    return n * 2 * left.numel() * case.n_features / taken / 1e9


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def _peak_memory() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_KB / 1e6


def compact_chain(n_beads: int, n_frames: int, *, noise: float) -> Tensor:
    """Frames of a chain that winds through a cube, as dense as a folded protein, (n_frames, n_beads, 3), nm."""
    side = math.ceil(n_beads ** (1 / 3))
    line, column = np.divmod(np.arange(n_beads), side)
    column = np.where(line % 2, side - 1 - column, column)
    layer, row = np.divmod(line, side)
    row = np.where(layer % 2, side - 1 - row, row)
    places = torch.from_numpy(np.column_stack([column, row, layer])).float()
    generator = torch.Generator().manual_seed(1)
    return _SPACING * places + noise * torch.randn(n_frames, n_beads, 3, generator=generator)


def topology(n_beads: int) -> Topology:
    """A chain of beads."""
    return Topology(
        names=("CA",) * n_beads,
        elements=("C",) * n_beads,
        residue_names=tuple(f"R{k % _N_TYPES:02d}" for k in range(n_beads)),
        residue_numbers=tuple(range(1, n_beads + 1)),
        masses=(110.0,) * n_beads,
        bonds=tuple((k, k + 1) for k in range(n_beads - 1)),
    )


def prior(n_beads: int) -> PriorParameters:
    """All classical terms of the chain."""
    sites = derive_sites(topology(n_beads), min_separation=4)
    return PriorParameters(
        bonds=tuple(HarmonicTerm(pair, _SPACING, 30_000.0) for pair in sites.bonds),
        angles=tuple(HarmonicTerm(triple, 2.0, 60.0) for triple in sites.angles),
        dihedrals=tuple(DihedralTerm(four, (2.0, -1.0, 0.5), (1.0, 0.5, -0.5)) for four in sites.dihedrals),
        impropers=(),
        repulsions=tuple(RepulsionTerm(pair, 0.4) for pair in sites.repulsions),
        repulsion_exponent=6,
        repulsion_strength=_KT,
    )


def _network(case: Case) -> SchNet:
    torch.manual_seed(1)
    section = NetworkSection(
        n_features=case.n_features, n_blocks=case.n_blocks, n_radial=case.n_radial, cutoff_nm=_CUTOFF
    )
    types = [k % _N_TYPES for k in range(case.n_beads)]
    return SchNet(section, bead_types=types, energy_scale=_KT, n_types=_N_TYPES)


def _simulation(case: Case, _: Path) -> tuple[Callable[[], object], int]:
    """So many Langevin steps of all replicas."""
    device = torch.device(case.device)
    potential = bind_simulation(
        prior(case.n_beads),
        [_network(case).double()],
        dtype=torch.float32,
        device=device,
        n_table_knots=_N_KNOTS,
        compiled=not case.torch_alone,
    )
    positions = compact_chain(case.n_beads, case.n_frames, noise=0.01)
    arrays = {"positions": positions.numpy(), "velocities": np.zeros(positions.shape)}
    masses = np.array(topology(case.n_beads).masses)
    start = begin(arrays, masses, potential, dtype=torch.float32, device=device)
    n_steps = max(1, min(50, 200_000 // (case.n_frames * case.n_beads**2)))
    noise = torch.randn(n_steps, *positions.shape).to(device)
    advance = stepper(start, potential, timestep=0.002, friction=1.0, thermal_energy=_KT)
    states = _trajectory(start, advance, noise)
    return lambda: next(states), n_steps * case.n_frames


def _trajectory(state: State, advance: Advance, noise: Tensor) -> Iterator[State]:
    while True:
        state = advance(state, noise)
        yield state


def _training(case: Case, _: Path) -> tuple[Callable[[], object], int]:
    """One step of Adam on a batch."""
    network = _network(case).float().to(case.device)
    chain = topology(case.n_beads)
    types = known_types([chain])
    bound = network.on_molecule(bead_types(chain, types))
    learner = bound if case.torch_alone else bind_training(network, chain, types=types)
    positions = compact_chain(case.n_beads, case.n_frames, noise=0.03).to(case.device)
    frames = Frames(positions, 100 * torch.randn(positions.shape).to(case.device))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)

    def work() -> None:
        optimiser.zero_grad()
        force_loss(learner, frames).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    return work, case.n_frames


def _mapping(case: Case, folder: Path) -> tuple[Callable[[], object], int]:
    """`cgpipe map` of a trajectory, every tenth atom a bead."""
    atoms = np.arange(0, case.n_beads, 10)
    with create_h5md(folder / "atoms.h5md", topology(case.n_beads), frame_interval=1.0, provenance={}) as writer:
        for _ in range(0, case.n_frames, 1000):
            frames = compact_chain(case.n_beads, 1000, noise=0.03).numpy()
            writer.append(frames, 100 * frames)
    weights = np.zeros((len(atoms), case.n_beads))
    weights[np.arange(len(atoms)), atoms] = 1.0
    maps = {
        "force_weights": weights.tolist(),
        "atoms": atoms.tolist(),
        "beads": topology(len(atoms)).to_plain(),
        "provenance": {"settings": {}},
    }
    (folder / "maps.json").write_text(json.dumps(maps))
    files = ["--maps", folder / "maps.json", "--trajectory", folder / "atoms.h5md", "--output", folder / "beads.h5md"]
    return lambda: main(["map", *map(str, files)]), -(-case.n_frames // 1000) * 1000


_WORK: dict[str, Callable[[Case, Path], tuple[Callable[[], Any], int]]] = {
    "simulate": _simulation,
    "train": _training,
    "map": _mapping,
}
