"""A toy molecule with known forces, networks that learn them, and a potential with a single parameter."""

import numpy as np
import pytest
import torch
from torch import nn

from cgpipe.config.sections import NetworkSection, TrainingSection
from cgpipe.model.schnet import SchNet
from cgpipe.potential import Potential
from cgpipe.training.batches import Frames, Molecule
from cgpipe.training.loop import Resume, train

torch.set_num_threads(1)  # a second thread only costs on arrays this small

_SECTION = TrainingSection(batch_size=64, n_epochs=4, learning_rate=5e-3)
_NETWORK = NetworkSection(n_features=16, n_blocks=1, n_radial=10, cutoff_nm=0.8)


class Spring(Potential):
    """Two beads on a spring of zero length whose stiffness is learned."""

    def __init__(self, stiffness: float) -> None:
        super().__init__()
        self.stiffness = nn.Parameter(torch.tensor(stiffness, dtype=torch.float64))

    def energy(self, positions):
        return 0.5 * self.stiffness * ((positions[:, 1] - positions[:, 0]) ** 2).sum(-1)

    def energy_and_forces(self, positions):
        pull = self.stiffness * (positions[:, 1] - positions[:, 0])
        return self.energy(positions), torch.stack([pull, -pull], dim=1)


@pytest.fixture
def spring():
    """Maker of springs of a first stiffness, kJ/mol/nm^2."""
    return Spring


@pytest.fixture
def spring_frames():
    """Maker of frames of two beads with the forces of a stiffness; the number of frames by choice."""

    def make(stiffness, n_frames=64):
        positions = torch.from_numpy(np.random.default_rng(n_frames).normal(size=(n_frames, 2, 3)))
        return Frames(positions, Spring(stiffness).energy_and_forces(positions)[1].detach())

    return make


@pytest.fixture(scope="session")
def toy():
    """Training and validation frames of a harmonic chain of four beads with exact forces, float32."""
    from known_systems import known_chain  # noqa: PLC0415 (the path is set above)

    chain = known_chain(4, cosine=(0.0,), length_stiffness=20_000.0, angle_stiffness=150.0)
    positions = torch.from_numpy(chain.sample(2500, np.random.default_rng(0)))
    forces = chain.potential.energy_and_forces(positions)[1]
    frames = Frames(positions.float(), forces.float())
    return frames.select(np.arange(2000)), frames.select(np.arange(2000, 2500))


@pytest.fixture
def small_toy(toy):
    """So few frames that an epoch takes milliseconds."""
    return toy[0].select(np.arange(300)), toy[1].select(np.arange(100))


@pytest.fixture
def network():
    """Maker of untrained networks of four beads from a seed."""

    def make(seed=0, **changes):
        torch.manual_seed(seed)
        return SchNet(_NETWORK.model_copy(update=changes), bead_types=[0, 1, 2, 3], energy_scale=2.5).float()

    return make


@pytest.fixture
def section():
    """Maker of training sections."""

    def make(**changes):
        return _SECTION.model_copy(update=changes)

    return make


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "model.checkpoint"


@pytest.fixture
def fit(checkpoint):
    """Train a potential on (training, validation) with a checkpoint."""

    def trained(potential, frames, section, *, path=checkpoint, fingerprint="mine", root_seed=1):
        resume = Resume(path, fingerprint)
        return train(
            potential, [Molecule(potential, *frames)], section, root_seed=root_seed, name="fold 0", resume=resume
        )

    return trained


@pytest.fixture
def assert_same_bits():
    """Whether two training states are equal in every number."""

    def check(first, second):
        assert first.history == second.history
        for group in ("weights", "best_weights", "adam"):
            one, other = getattr(first, group), getattr(second, group)
            assert one.keys() == other.keys()
            assert all(torch.equal(one[key], other[key]) for key in one), f"{group} differ"

    return check
