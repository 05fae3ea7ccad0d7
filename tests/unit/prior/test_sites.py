"""Terms of a topology."""

import pytest

from cgpipe.data.topology import Topology
from cgpipe.prior.sites import derive_sites


def _topology(n_beads, bonds):
    names = tuple(f"B{k}" for k in range(n_beads))
    return Topology(names, ("C",) * n_beads, ("X",) * n_beads, (1,) * n_beads, (1.0,) * n_beads, bonds)


@pytest.fixture
def capped_alanine():
    """C, N, CA, CB, C, N: a chain with a branch at CA."""
    return _topology(6, ((0, 1), (1, 2), (2, 3), (2, 4), (4, 5)))


def test_terms_of_capped_alanine(capped_alanine):
    sites = derive_sites(capped_alanine, min_separation=4)
    assert sites.bonds == capped_alanine.bonds
    assert sites.angles == ((0, 1, 2), (1, 2, 3), (1, 2, 4), (2, 4, 5), (3, 2, 4))
    assert sites.dihedrals == ((0, 1, 2, 3), (0, 1, 2, 4), (1, 2, 4, 5), (3, 2, 4, 5))
    assert sites.impropers == ((2, 1, 3, 4),)
    assert sites.repulsions == ((0, 5),)


@pytest.mark.parametrize(("min_separation", "n_pairs"), [(2, 10), (3, 6), (4, 3), (5, 1)])
def test_a_chain_repels_from_its_separation_on(min_separation, n_pairs):
    """Five bonds: pairs at separation s or more are 5 - s + 1 at each s."""
    chain = _topology(6, tuple((k, k + 1) for k in range(5)))
    assert len(derive_sites(chain, min_separation=min_separation).repulsions) == n_pairs


def test_a_ring_has_no_chain_back_to_its_start():
    ring = _topology(3, ((0, 1), (0, 2), (1, 2)))
    sites = derive_sites(ring, min_separation=4)
    assert sites.angles == ((0, 1, 2), (0, 2, 1), (1, 0, 2))
    assert sites.dihedrals == ()
    assert sites.repulsions == ()
