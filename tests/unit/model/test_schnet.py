"""The network against its formula, written out bead by bead."""

import torch

from cgpipe.model.schnet import SchNet, tabulate

_TYPES = [0, 1, 0]


def _network(section):
    torch.manual_seed(4)
    return SchNet(section, bead_types=_TYPES, energy_scale=2.0).double()


def _written_out(network, positions):
    """Energy of one frame by the formula of the module's docstring."""
    x = [network.embedding.weight[kind] for kind in _TYPES]
    n_beads = len(x)
    for block in network.blocks:
        messages = [
            sum(
                block.filter.value(torch.linalg.vector_norm(positions[j] - positions[i])) * block.senders(x[j])
                for j in range(n_beads)
                if j != i
            )
            for i in range(n_beads)
        ]
        x = [x[i] + block.outer(torch.tanh(block.inner(messages[i]))) for i in range(n_beads)]
    return 2.0 * sum(network.head_outer(torch.tanh(network.head_inner(row))) for row in x).squeeze()


def test_energy_is_that_of_the_formula(section, tensors):
    network, positions = _network(section), 0.4 * tensors(5, 3, 3)
    expected = torch.stack([_written_out(network, frame) for frame in positions])
    torch.testing.assert_close(network.energy(positions), expected, rtol=1e-12, atol=1e-13)


def test_beads_of_one_type_share_a_row(section):
    assert _network(section).embedding.weight.shape == (2, section.n_features)


def test_tabulate_consumes_the_network(section):
    network = _network(section)
    assert tabulate(network, 64) is network


def test_tabulating_twice_changes_nothing(section, tensors):
    positions = 0.4 * tensors(2, 3, 3)
    table = tabulate(_network(section), 64)
    energy = table.energy(positions)
    torch.testing.assert_close(tabulate(table, 64).energy(positions), energy, rtol=0, atol=0)
