"""The potentials that must satisfy the contract, and frames on which it is judged."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from known_potentials import KT, NETWORK, make_compiled, make_network, make_parameters, make_prior

from cgpipe.model.force_field import ForceField, bind_network, known_types
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential

torch.set_num_threads(1)  # a second thread only costs on arrays this small

_MAKERS = {
    "prior": make_prior,
    "network": make_network,
    "table": lambda: tabulate(make_network(), 2048),
    "sum": lambda: SumPotential([make_prior(), make_network()]),
    "mean": lambda: MeanPotential([make_network(seed=seed) for seed in range(3)]),
    "mean of sums": lambda: MeanPotential(
        [SumPotential([make_prior(), tabulate(make_network(seed=seed), 512)]) for seed in range(2)]
    ),
    "compiled": lambda: make_compiled(n_folds=2),
}


@dataclass(frozen=True)
class Case:
    """A potential and what is special about it."""

    name: str
    potential: Potential

    @property
    def is_chiral(self) -> bool:
        """Whether its energy distinguishes mirror images."""
        return self.name in {"prior", "sum", "mean of sums", "compiled"}


@pytest.fixture(params=list(_MAKERS))
def case(request) -> Case:
    return Case(request.param, _MAKERS[request.param]())


@pytest.fixture
def potential(case) -> Potential:
    return case.potential


@pytest.fixture
def network() -> SchNet:
    return make_network()


@pytest.fixture
def table() -> SchNet:
    """The same network as `network`, tabulated as finely as in simulation."""
    return tabulate(make_network(), 2048)


@pytest.fixture(params=["network", "table"])
def either_network(request) -> SchNet:
    return request.getfixturevalue(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def chain():
    """Known chain of six beads, whose topology fits the potentials."""
    from known_systems import known_chain  # noqa: PLC0415 (the path is set above)

    return known_chain(6, cosine=(2.0, -1.5), length=0.25, length_stiffness=9000.0, angle_stiffness=150.0)


@pytest.fixture
def frames(chain, rng) -> torch.Tensor:
    """Plausible frames, (6, 6, 3), nm, float64: so few that the network evaluates its filters exactly."""
    return torch.from_numpy(chain.sample(6, rng))


@pytest.fixture
def many_frames(chain, rng) -> torch.Tensor:
    """So many frames that the network, as in training, makes a table of each filter."""
    return torch.from_numpy(chain.sample(200, rng))


@pytest.fixture
def force_field(chain) -> ForceField:
    torch.manual_seed(5)
    network = bind_network(NETWORK, chain.topology, types=known_types([chain.topology]), energy_scale=KT)
    return ForceField(
        topology=chain.topology,
        prior=make_parameters(),
        network=NETWORK,
        weights=network.state_dict(),
        temperature=300.0,
        energy_scale=KT,
        provenance={"stage": "train", "seed": 5},
        types=known_types([chain.topology]),
    )
