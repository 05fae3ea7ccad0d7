"""The potentials that must satisfy the contract, and frames on which it is judged."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.model.force_field import ForceField, bind_network, known_types
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, Prior, PriorParameters, RepulsionTerm

sys.path.append(str(Path(__file__).resolve().parents[1] / "reference"))
torch.set_num_threads(1)  # a second thread only costs on arrays this small

_TYPES = [0, 1, 2, 1, 0, 2]
_NETWORK = NetworkSection(n_features=16, n_blocks=3, n_radial=12, cutoff_nm=1.0)
_KT = 2.5


def _parameters() -> PriorParameters:
    """Six beads in a chain with every kind of term; the parameters differ from term to term."""
    chain = range(6)
    return PriorParameters(
        bonds=tuple(HarmonicTerm((k, k + 1), 0.20 + 0.01 * k, 9000.0 + 500 * k) for k in chain[:5]),
        angles=tuple(HarmonicTerm((k, k + 1, k + 2), 1.9 + 0.1 * k, 150.0 + 10 * k) for k in chain[:4]),
        dihedrals=tuple(
            DihedralTerm((k, k + 1, k + 2, k + 3), (2.0, -1.5, 0.5), (1.0 + k, 0.5, -0.5)) for k in chain[:3]
        ),
        repulsions=tuple(RepulsionTerm(pair, 0.3) for pair in [(0, 4), (0, 5), (1, 5)]),
        repulsion_exponent=6,
        repulsion_strength=_KT,
    )


def make_prior() -> Prior:
    """The classical terms of `_parameters`."""
    return Prior(_parameters())


def make_network(types: list[int] = _TYPES, *, seed: int = 0, section: NetworkSection = _NETWORK) -> SchNet:
    """Network with weights that are large enough for forces of tens of kJ/mol/nm; float64."""
    torch.manual_seed(seed)
    network = SchNet(section, bead_types=types, energy_scale=_KT).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return network


_MAKERS = {
    "prior": make_prior,
    "network": make_network,
    "table": lambda: tabulate(make_network(), 2048),
    "sum": lambda: SumPotential([make_prior(), make_network()]),
    "mean": lambda: MeanPotential([make_network(seed=seed) for seed in range(3)]),
    "mean of sums": lambda: MeanPotential(
        [SumPotential([make_prior(), tabulate(make_network(seed=seed), 512)]) for seed in range(2)]
    ),
}


@dataclass(frozen=True)
class Case:
    """A potential and what is special about it."""

    name: str
    potential: Potential

    @property
    def is_chiral(self) -> bool:
        """Whether its energy distinguishes mirror images."""
        return self.name in {"prior", "sum", "mean of sums"}


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
    network = bind_network(_NETWORK, chain.topology, types=known_types([chain.topology]), energy_scale=_KT)
    return ForceField(
        topology=chain.topology,
        prior=_parameters(),
        network=_NETWORK,
        weights=network.state_dict(),
        temperature=300.0,
        energy_scale=_KT,
        provenance={"stage": "train", "seed": 5},
        types=known_types([chain.topology]),
    )
