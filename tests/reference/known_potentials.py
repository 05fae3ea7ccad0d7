"""Potentials of a chain of six beads, with terms and weights that are large enough to be felt."""

import numpy as np
import torch

from cgpipe.config.sections import NetworkSection
from cgpipe.model.compiled import CompiledPotential
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import MeanPotential, Potential, SumPotential
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, Prior, PriorParameters, RepulsionTerm

TYPES = [0, 1, 2, 1, 0, 2]
NETWORK = NetworkSection(n_features=16, n_blocks=3, n_radial=12, cutoff_nm=1.0)
KT = 2.5


def make_parameters() -> PriorParameters:
    """Six beads in a chain with every kind of term; the parameters differ from term to term."""
    chain = range(6)
    return PriorParameters(
        bonds=tuple(HarmonicTerm((k, k + 1), 0.20 + 0.01 * k, 9000.0 + 500 * k) for k in chain[:5]),
        angles=tuple(HarmonicTerm((k, k + 1, k + 2), 1.9 + 0.1 * k, 150.0 + 10 * k) for k in chain[:4]),
        dihedrals=tuple(
            DihedralTerm((k, k + 1, k + 2, k + 3), (2.0, -1.5, 0.5), (1.0 + k, 0.5, -0.5)) for k in chain[:3]
        ),
        impropers=(DihedralTerm((2, 1, 3, 4), (-5.0, 0.4, -0.3), (3.0, -0.2, 0.1)),),
        repulsions=tuple(RepulsionTerm(pair, 0.3) for pair in [(0, 4), (0, 5), (1, 5)]),
        repulsion_exponent=6,
        repulsion_strength=KT,
    )


def make_prior() -> Prior:
    """The classical terms of `make_parameters`."""
    return Prior(make_parameters())


def make_network(types: list[int] = TYPES, *, seed: int = 0, section: NetworkSection = NETWORK) -> SchNet:
    """Network with weights that are large enough for forces of tens of kJ/mol/nm; float64."""
    torch.manual_seed(seed)
    network = SchNet(section, bead_types=types, energy_scale=KT).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    return network


def make_compiled(*, n_folds: int, section: NetworkSection = NETWORK) -> CompiledPotential:
    """The compiled engine of the same prior and networks."""
    networks = [tabulate(make_network(seed=seed, section=section), 2048) for seed in range(n_folds)]
    return CompiledPotential(make_parameters(), networks)


def make_plain(*, n_folds: int, section: NetworkSection = NETWORK) -> Potential:
    """What the compiled engine must equal, by torch alone and without tables."""
    networks = [make_network(seed=seed, section=section) for seed in range(n_folds)]
    return SumPotential([make_prior(), MeanPotential(networks)])


def overlapping(positions, gap):
    """The frames with their fifth bead next to the first, at a gap in nm."""
    moved = positions.copy()
    moved[:, 4] = moved[:, 0] + [gap, 0.0, 0.0]
    return moved


def far_apart(positions):
    """The frames with all beads far beyond any cutoff."""
    return positions + 100.0 * np.arange(positions.shape[1])[None, :, None]
