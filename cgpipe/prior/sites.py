"""Which beads make the bonds, angles, dihedrals and repulsive pairs of a topology."""

from dataclasses import dataclass

from cgpipe.data.topology import Topology

_BRANCHES = 3
"""Neighbours that give a bead a handedness; any three of more fix it."""

Sites = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class TermSites:
    """Bead indices of every term, each in a fixed order."""

    bonds: Sites
    angles: Sites
    dihedrals: Sites
    impropers: Sites
    """A bead that branches, then three of its neighbours."""
    repulsions: Sites


def derive_sites(topology: Topology, *, min_separation: int) -> TermSites:
    """Chains of two, three and four bonded beads, branches, and the pairs at least min_separation bonds apart."""
    neighbours: list[set[int]] = [set() for _ in range(topology.n_sites)]
    for i, j in topology.bonds:
        neighbours[i].add(j)
        neighbours[j].add(i)
    near = {pair for path in _paths(neighbours, min_separation) for pair in [(path[0], path[-1])]}
    far = [(i, j) for i in range(topology.n_sites) for j in range(i + 1, topology.n_sites) if (i, j) not in near]
    chains = {n: tuple(p for p in _paths(neighbours, n) if len(p) == n) for n in (3, 4)}
    branches = tuple(
        (bead, *sorted(bonded)[:_BRANCHES]) for bead, bonded in enumerate(neighbours) if len(bonded) >= _BRANCHES
    )
    return TermSites(topology.bonds, chains[3], chains[4], branches, tuple(far))


def _paths(neighbours: list[set[int]], n_beads: int) -> list[tuple[int, ...]]:
    """All bonded chains of two to n_beads distinct beads, each once, smaller end first, sorted."""
    paths: list[tuple[int, ...]] = [(start,) for start in range(len(neighbours))]
    found: list[tuple[int, ...]] = []
    for _ in range(n_beads - 1):
        paths = [(*path, k) for path in paths for k in sorted(neighbours[path[-1]]) if k not in path]
        found += [path for path in paths if path[0] < path[-1]]
    return sorted(found)
