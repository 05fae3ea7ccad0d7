"""Terms by residue type: the same molecule gets its own terms back, others those of equal types, or the mean."""

from dataclasses import replace

import numpy as np
import pytest

from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.table import bind_table, fit_table

_KT = 2.5


def _chain(letters):
    n = len(letters)
    names = tuple({"A": "ALA", "G": "GLY", "S": "SER"}[letter] for letter in letters)
    bonds = tuple((k, k + 1) for k in range(n - 1))
    return Topology(("CA",) * n, ("C",) * n, names, tuple(range(1, n + 1)), (12.0,) * n, bonds)


def _prior(n, rng):
    """Terms of a chain of n beads with parameters of choice."""

    def harmonics(size):
        rows = [tuple(range(k, k + size)) for k in range(n - size + 1)]
        return tuple(HarmonicTerm(row, float(rng.uniform(0.3, 0.5)), float(rng.uniform(1e3, 2e3))) for row in rows)

    dihedrals = tuple(DihedralTerm((k, k + 1, k + 2, k + 3), (float(k), 1.0), (2.0, -float(k))) for k in range(n - 3))
    pairs = [(i, j) for i in range(n) for j in range(i + 4, n)]
    repulsions = tuple(RepulsionTerm(pair, float(rng.uniform(0.4, 0.6))) for pair in pairs)
    return PriorParameters(harmonics(2), harmonics(3), dihedrals, (), repulsions, 6, _KT)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def test_a_molecule_of_distinct_terms_gets_them_back(rng):
    topology, prior = _chain("AGSAA"), _prior(5, rng)
    bound = bind_table(fit_table([(topology, prior)]), topology, like=prior, min_separation=4)
    for kind in ("bonds", "angles", "dihedrals", "repulsions"):
        for found, expected in zip(getattr(bound, kind), getattr(prior, kind), strict=True):
            assert found.sites == expected.sites
            values = [np.ravel([v for k, v in vars(term).items() if k != "sites"]) for term in (found, expected)]
            np.testing.assert_allclose(*values, rtol=1e-12)


def test_equal_terms_are_mixed_by_the_law_of_total_variance():
    """Two bonds of one type, with centres 0.3 and 0.5 nm and variances 0.01 and 0.03 nm^2: variance 0.02 + 0.01."""
    bonds = (HarmonicTerm((0, 1), 0.3, _KT / 0.01), HarmonicTerm((1, 2), 0.5, _KT / 0.03))
    prior = PriorParameters(bonds, (), (), (), (), 6, _KT)
    table = fit_table([(_chain("AAA"), prior)])
    np.testing.assert_allclose(table.bonds["ALA:CA-ALA:CA"], [0.4, 0.03], rtol=1e-12)


def test_impropers_are_not_mixed_with_dihedrals(rng):
    """A branch of a kind that no molecule had gets the mean of the impropers."""
    branched = replace(_chain("AGSA"), bonds=((0, 1), (0, 2), (0, 3)))
    improper = DihedralTerm((0, 1, 2, 3), (-9.0, 1.0), (4.0, 0.5))
    prior = PriorParameters((), (), _prior(4, rng).dihedrals, (improper,), (), 6, _KT)
    table = fit_table([(branched, prior)])
    table = replace(table, bonds={"*": [0.3, 0.01]}, angles={"*": [2.0, 0.01]})
    assert bind_table(table, branched, like=prior, min_separation=4).impropers == (improper,)
    other = replace(branched, residue_names=("SER",) * 4)
    assert bind_table(table, other, like=prior, min_separation=4).impropers == (improper,)


def test_types_that_no_molecule_had_get_the_mean(rng):
    prior = _prior(5, rng)
    table = fit_table([(_chain("AAAAA"), prior)])
    bound = bind_table(table, _chain("GGGGG"), like=prior, min_separation=4)
    assert bound.bonds[0].centre == pytest.approx(np.mean([term.centre for term in prior.bonds]))
    assert bound.repulsions[0].diameter == pytest.approx(prior.repulsions[0].diameter)
    np.testing.assert_allclose(bound.dihedrals[0].cosine, np.mean([term.cosine for term in prior.dihedrals], axis=0))


def test_dihedrals_have_a_direction_and_repulsions_none(rng):
    prior = _prior(5, rng)
    table = fit_table([(_chain("AAGSS"), prior)])
    assert "ALA:CA-ALA:CA-GLY:CA-SER:CA" in table.dihedrals
    assert "SER:CA-GLY:CA-ALA:CA-ALA:CA" not in table.dihedrals
    assert "ALA:CA-SER:CA" in table.repulsions
    bound = bind_table(table, _chain("SSGAA"), like=prior, min_separation=4)
    assert bound.repulsions[0].diameter == prior.repulsions[0].diameter


def test_several_molecules_add_to_one_table(rng):
    table = fit_table([(_chain("AAAAA"), _prior(5, rng)), (_chain("GGGGG"), _prior(5, rng))])
    assert set(table.bonds) == {"ALA:CA-ALA:CA", "GLY:CA-GLY:CA", "*"}


def test_left_out_terms_stay_out(rng):
    prior = PriorParameters(_prior(5, rng).bonds, _prior(5, rng).angles, (), (), (), 6, _KT)
    bound = bind_table(fit_table([(_chain("AAAAA"), prior)]), _chain("AAAAAA"), like=prior, min_separation=4)
    assert bound.dihedrals == bound.impropers == bound.repulsions == ()


def test_no_molecule_is_an_error():
    with pytest.raises(DataError, match="at least one molecule"):
        fit_table([])
