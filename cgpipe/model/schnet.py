"""CGSchNet with forces derived by hand: Husic et al. 2020, DOI 10.1063/5.0026133.

Every block adds to the features x of a bead

    v_i = W2 tanh(W1 m_i + b1) + b2,   m_i = sum_{j != i} W(d_ij) * (W0 x_j),

and the energy is a sum over beads of a two-layer head. The gradient with respect to the distances is written out as
ordinary operations, so that the force loss needs a single backward pass, and simulation none.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cgpipe.config.sections import NetworkSection
from cgpipe.geometry import displacements, distances
from cgpipe.model.edges import Edges
from cgpipe.model.radial import FilterNetwork, FilterTable
from cgpipe.potential import Potential


class InteractionBlock(nn.Module):
    """Weights of one continuous-filter convolution and the update that follows it."""

    def __init__(self, section: NetworkSection) -> None:
        super().__init__()
        n_features = section.n_features
        self.filter: FilterNetwork | FilterTable = FilterNetwork(section.n_radial, n_features, section.cutoff_nm)
        self.senders = nn.Linear(n_features, n_features, bias=False)
        self.inner = nn.Linear(n_features, n_features)
        self.outer = nn.Linear(n_features, n_features)


@dataclass
class _Trace:
    """What the forward pass leaves for the gradient, one entry a block."""

    sent: list[Tensor]
    """(n_beads, n_frames, n_features), W0 x."""
    hidden: list[Tensor]
    """(n_beads, n_frames, n_features), tanh of the update."""
    head: Tensor
    """(n_beads, n_frames, n_features / 2), tanh of the head."""


class SchNet(Potential):
    """The network energy of one molecule.

    bead_types    : (n_beads,), row of each bead in the embedding
    n_types       : rows of the embedding; by default as many as the beads name
    energy_scale  : kJ/mol, the unit of the network's output; kT makes all weights of order one
    """

    bead_types: Tensor

    def __init__(
        self, section: NetworkSection, *, bead_types: list[int], energy_scale: float, n_types: int | None = None
    ) -> None:
        super().__init__()
        self.section, self.energy_scale = section, energy_scale
        self.edges = Edges(len(bead_types))
        self.register_buffer("bead_types", torch.tensor(bead_types, dtype=torch.long))
        self.embedding = nn.Embedding(n_types or max(bead_types) + 1, section.n_features)
        self.blocks = nn.ModuleList(InteractionBlock(section) for _ in range(section.n_blocks))
        self.head_inner = nn.Linear(section.n_features, section.n_features // 2)
        self.head_outer = nn.Linear(section.n_features // 2, 1, bias=False)

    def on_molecule(self, bead_types: list[int]) -> "SchNet":
        """The same weights, shared, on another molecule of the same types."""
        other = SchNet(
            self.section,
            bead_types=bead_types,
            energy_scale=self.energy_scale,
            n_types=self.embedding.num_embeddings,
        ).to(self.embedding.weight)
        other.embedding, other.blocks = self.embedding, self.blocks
        other.head_inner, other.head_outer = self.head_inner, self.head_outer
        return other

    @property
    def layers(self) -> list[InteractionBlock]:
        """The interaction blocks in order."""
        return [block for block in self.blocks if isinstance(block, InteractionBlock)]

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of each frame, kJ/mol; the plain road, differentiable any number of times."""
        distance = distances(positions, self.edges.pairs).T  # (n_pairs, n_frames), as everything below
        return self._forward([block.filter.value(distance) for block in self.layers])[0]

    def energy_and_forces(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and forces, differentiable in the parameters."""
        vectors = displacements(positions, self.edges.pairs).transpose(0, 1)
        distance = torch.linalg.vector_norm(vectors, dim=-1)
        values, slopes = zip(*(block.filter(distance) for block in self.layers), strict=True)
        energy, trace = self._forward(list(values))
        tension = -self._distance_gradient(list(values), list(slopes), trace) / distance
        return energy, self.edges.pull(tension[..., None] * vectors).transpose(0, 1)

    def _forward(self, filters: list[Tensor]) -> tuple[Tensor, _Trace]:
        n_frames = filters[0].shape[1]
        features = self.embedding(self.bead_types)[:, None]  # the same in every frame until the first convolution
        sent, hidden = [], []
        for block, filter_ in zip(self.layers, filters, strict=True):
            sent.append(block.senders(features).expand(-1, n_frames, -1))
            hidden.append(torch.tanh(block.inner(self.edges.messages(filter_, sent[-1]))))
            features = features + block.outer(hidden[-1])
        head = torch.tanh(self.head_inner(features))
        energy = self.energy_scale * self.head_outer(head).sum(dim=(0, 2))
        return energy, _Trace(sent, hidden, head)

    def _distance_gradient(self, filters: list[Tensor], slopes: list[Tensor], trace: _Trace) -> Tensor:
        """dE/dd of each pair, (n_pairs, n_frames), kJ/mol/nm, walking the blocks backwards."""
        upstream = (self.energy_scale * self.head_outer.weight) * (1 - trace.head**2)
        features = upstream @ self.head_inner.weight  # dE/dx, (n_beads, n_frames, n_features)
        gradient = torch.zeros_like(filters[0][..., 0])
        for index in reversed(range(len(trace.sent))):
            block = self.layers[index]
            update = (features @ block.outer.weight) * (1 - trace.hidden[index] ** 2)
            message = update @ block.inner.weight  # dE/dm
            products = self.edges.pair_products(message, trace.sent[index])
            gradient = gradient + (slopes[index] * products).sum(-1)
            if index:  # the embedding does not depend on the distances
                features = features + self.edges.messages(filters[index], message) @ block.senders.weight
        return gradient


def tabulate(network: SchNet, n_knots: int) -> SchNet:
    """The network with tables for filters, for simulation; the network given is consumed."""
    for block in network.layers:
        if isinstance(block.filter, FilterNetwork):
            block.filter = FilterTable(block.filter, n_knots)
    return network
