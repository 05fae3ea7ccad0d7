"""Started by torchrun: writes the gradient that this process steps by, as `test_workers.py` compares it."""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[2] / "reference"))

from known_potentials import TYPES, make_network

from cgpipe.training.batches import Frames
from cgpipe.training.loss import force_loss
from cgpipe.training.workers import workers_of_this_run


def main(folder, n_frames):
    """Gradient of the force loss of one batch, by this process's share of it."""
    network = make_network()
    rng = np.random.default_rng(3)
    positions, forces = (torch.from_numpy(rng.normal(0, 0.3, (n_frames, len(TYPES), 3))) for _ in range(2))
    frames = Frames(positions, forces)
    with workers_of_this_run(torch.device("cpu")) as workers:
        if len(share := workers.share(frames)):
            (force_loss(network, share) * (len(share) / n_frames)).backward()
        workers.sum_gradients(network.parameters())
        gradient = torch.cat([parameter.grad.ravel() for parameter in network.parameters()])
        np.save(folder / f"{workers.rank}_of_{workers.count}.npy", gradient.numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
