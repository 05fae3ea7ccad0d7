"""Speed of a peer's SchNet on the work of `cgpipe benchmark`: forces of many replicas, or a training step.

Generous to the peers: no prior, the lightest possible integrator, the neighbour list built once where the peer allows it.
Prints JSON rows like those of `cgpipe benchmark --json`.

usage: python measure.py torchmd-net|schnetpack simulate|train BEADS FRAMES THREADS ROUNDS
"""

import json
import math
import resource
import statistics
import sys
import time
import typing

import torch
import torch.utils.data

FEATURES, BLOCKS, RADIAL, CUTOFF = 128, 2, 64, 1.5
SKIN = 0.1  # nm; the beads hardly move
SECONDS_PER_ROUND = 0.5
# schnetpack 2.0 takes a name from torch that newer versions lack; the newest version cannot be installed beside it.
torch.utils.data.dataloader.T_co = typing.TypeVar("T_co", covariant=True)


def compact_chain(n_beads, n_frames, noise):
    """Frames of beads on a cubic lattice, as dense as a folded protein, (n_frames, n_beads, 3), nm."""
    side = math.ceil(n_beads ** (1 / 3))
    places = torch.cartesian_prod(*(torch.arange(side),) * 3)[:n_beads].float()
    return 0.5 * places + noise * torch.randn(n_frames, n_beads, 3, generator=torch.Generator().manual_seed(1))


class TorchMDNet:
    """The graph network of torchmd-net, its SchNet."""

    package = "torchmdnet.models.model"

    def __init__(self, n_beads, n_frames):
        from torchmdnet.models.model import create_model

        self.model = create_model(
            {
                "model": "graph-network", "embedding_dimension": FEATURES, "num_layers": BLOCKS, "num_rbf": RADIAL,
                "rbf_type": "gauss", "trainable_rbf": False, "activation": "tanh", "neighbor_embedding": False,
                "cutoff_lower": 0.0, "cutoff_upper": CUTOFF, "max_z": 32, "max_num_neighbors": n_beads, "aggr": "add",
                "precision": 32, "derivative": True, "output_model": "Scalar", "reduce_op": "add",
                "atom_filter": -1, "prior_model": None,
            }
        )
        self.types = (torch.arange(n_beads) % 20).repeat(n_frames)
        self.batch = torch.arange(n_frames).repeat_interleave(n_beads)

    def forces(self, positions):
        return self.model(self.types, positions.reshape(-1, 3), batch=self.batch)[1].view_as(positions)


class SchNetPack:
    """SchNet of schnetpack; the pairs inside the cutoff are listed once."""

    package = "schnetpack"

    def __init__(self, n_beads, n_frames):
        import schnetpack as spk
        from schnetpack import properties as p

        places = compact_chain(n_beads, 1, 0.0)[0]
        distances = torch.cdist(places, places)
        pairs = ((distances > 0) & (distances < CUTOFF + SKIN)).nonzero()
        offsets = n_beads * torch.arange(n_frames).repeat_interleave(len(pairs))
        self.inputs = {
            p.Z: (torch.arange(n_beads) % 20 + 1).repeat(n_frames),
            p.idx_m: torch.arange(n_frames).repeat_interleave(n_beads),
            p.idx_i: pairs[:, 0].repeat(n_frames) + offsets,
            p.idx_j: pairs[:, 1].repeat(n_frames) + offsets,
            p.offsets: torch.zeros(len(pairs) * n_frames, 3),
            p.n_atoms: torch.full((n_frames,), n_beads),
        }
        representation = spk.representation.SchNet(
            n_atom_basis=FEATURES,
            n_interactions=BLOCKS,
            radial_basis=spk.nn.GaussianRBF(n_rbf=RADIAL, cutoff=CUTOFF),
            cutoff_fn=spk.nn.CosineCutoff(CUTOFF),
        )
        self.model = spk.model.NeuralNetworkPotential(
            representation=representation,
            input_modules=[spk.atomistic.PairwiseDistances()],
            output_modules=[
                spk.atomistic.Atomwise(n_in=FEATURES, output_key="energy"),
                spk.atomistic.Forces(energy_key="energy", force_key="forces"),
            ],
        )

    def forces(self, positions):
        flat = positions.reshape(-1, 3)
        return self.model({**self.inputs, "_positions": flat})["forces"].view_as(positions)


PEERS = {"torchmd-net": TorchMDNet, "schnetpack": SchNetPack}


def simulate(peer, n_beads, n_frames):
    """A step: forces and a velocity Verlet of them."""
    state = {"x": compact_chain(n_beads, n_frames, 0.01), "v": torch.zeros(n_frames, n_beads, 3)}
    peer.model.eval().requires_grad_(False)

    def work():
        forces = peer.forces(state["x"].detach().requires_grad_()).detach()
        state["v"] += 1e-9 * forces
        state["x"] = state["x"].detach() + 1e-9 * state["v"]

    return work


def train(peer, n_beads, n_frames):
    """A step of Adam on a batch."""
    positions = compact_chain(n_beads, n_frames, 0.03)
    target = 100 * torch.randn_like(positions)
    peer.model.train()
    optimiser = torch.optim.Adam(peer.model.parameters(), lr=1e-4)

    def work():
        optimiser.zero_grad()
        ((peer.forces(positions.clone().requires_grad_()) - target) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(peer.model.parameters(), 1.0)
        optimiser.step()

    return work


def main():
    """Measure one case."""
    name, task = sys.argv[1:3]
    n_beads, n_frames, n_threads, rounds = map(int, sys.argv[3:7])
    torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)  # as cgpipe does: the tails of the radial functions are denormal numbers
    __import__(PEERS[name].package)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    work = {"simulate": simulate, "train": train}[task](PEERS[name](n_beads, n_frames), n_beads, n_frames)
    work()
    work()
    setup, rates = time.perf_counter() - began, []
    for _ in range(rounds):
        n, start = 0, time.perf_counter()
        while (taken := time.perf_counter() - start) < SECONDS_PER_ROUND:
            work()
            n += 1
        rates.append(n * n_frames / taken)
    first, _, third = statistics.quantiles(rates, n=4)
    rate = statistics.median(rates)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e6
    print(
        json.dumps(
            {
                "contestant": name, "task": task, "n_beads": n_beads, "n_frames": n_frames, "n_features": FEATURES,
                "n_blocks": BLOCKS, "n_radial": RADIAL, "device": "cpu", "n_threads": n_threads, "rate": rate,
                "spread": 0.5 * (third - first) / rate, "setup_s": setup, "memory_MB": memory,
            }
        )
    )


if __name__ == "__main__":
    main()
