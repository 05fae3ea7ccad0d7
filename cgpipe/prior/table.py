"""Classical terms by residue type, from the priors of several molecules, for one that may have no data of its own.

A term is looked up by the types of its beads in the order of the chain; one that no molecule had gets the mean over all
terms of its kind. Repulsions are looked up regardless of order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.errors import DataError
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.prior.sites import Sites, derive_sites

_ANY = "*"
Rows = dict[str, list[float]]


@dataclass(frozen=True)
class PriorTable:
    """Mean parameters by types, such as `ALA:CA-GLY:CA`, and under `*` those of the mean over all terms."""

    bonds: Rows
    """Centre in nm, variance in nm^2."""
    angles: Rows
    """Centre in rad, variance in rad^2."""
    dihedrals: Rows
    """Cosine, then sine coefficients, kJ/mol; empty if the priors have no dihedral terms."""
    impropers: Rows
    """As the dihedrals."""
    repulsions: Rows
    """Diameter, nm; empty if the priors have no repulsion."""


def fit_table(priors: Sequence[tuple[Topology, PriorParameters]]) -> PriorTable:
    """Table of the priors of several molecules. Raises DataError if there are none."""
    if not priors:
        raise DataError("a transferable prior needs the prior of at least one molecule")
    return PriorTable(
        bonds=_harmonic_rows((t, term, p) for t, p in priors for term in p.bonds),
        angles=_harmonic_rows((t, term, p) for t, p in priors for term in p.angles),
        dihedrals=_fourier_rows((t, term) for t, p in priors for term in p.dihedrals),
        impropers=_fourier_rows((t, term) for t, p in priors for term in p.impropers),
        repulsions=_mean_rows((_pair(t, term.sites), [term.diameter]) for t, p in priors for term in p.repulsions),
    )


def bind_table(table: PriorTable, topology: Topology, *, like: PriorParameters, min_separation: int) -> PriorParameters:
    """Terms of a molecule from a table.

    like : parameters whose repulsion exponent and strength, and so the temperature, are kept
    """
    sites = derive_sites(topology, min_separation=min_separation)
    thermal_energy = like.repulsion_strength
    bonds, angles = (
        tuple(
            HarmonicTerm(term, centre, thermal_energy / variance)
            for term, (centre, variance) in _lookup(rows, terms, topology)
        )
        for rows, terms in ((table.bonds, sites.bonds), (table.angles, sites.angles))
    )
    dihedrals, impropers = (
        tuple(
            DihedralTerm(term, tuple(row[: len(row) // 2]), tuple(row[len(row) // 2 :]))
            for term, row in (_lookup(rows, terms, topology) if rows else ())
        )
        for rows, terms in ((table.dihedrals, sites.dihedrals), (table.impropers, sites.impropers))
    )
    repulsions = tuple(
        RepulsionTerm(term, table.repulsions.get(_pair(topology, term), table.repulsions[_ANY])[0])
        for term in (sites.repulsions if table.repulsions else ())
    )
    return PriorParameters(bonds, angles, dihedrals, impropers, repulsions, like.repulsion_exponent, thermal_energy)


def _lookup(rows: Rows, terms: Sites, topology: Topology) -> Iterable[tuple[tuple[int, ...], list[float]]]:
    return ((term, rows.get(_key(topology, term), rows[_ANY])) for term in terms)


def _key(topology: Topology, sites: tuple[int, ...]) -> str:
    return "-".join(topology.types[k] for k in sites)


def _pair(topology: Topology, sites: tuple[int, ...]) -> str:
    return "-".join(sorted(topology.types[k] for k in sites))


def _harmonic_rows(terms: Iterable[tuple[Topology, HarmonicTerm, PriorParameters]]) -> Rows:
    """Centre and variance of the mixture of all terms of a key: mean of variances plus variance of centres."""
    grouped: dict[str, list[tuple[float, float]]] = {}
    for topology, term, prior in terms:
        row = (term.centre, prior.repulsion_strength / term.stiffness)
        for key in (_key(topology, term.sites), _ANY):
            grouped.setdefault(key, []).append(row)
    return {key: _mixture(np.array(rows)) for key, rows in sorted(grouped.items())}


def _mixture(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> list[float]:
    return [float(rows[:, 0].mean()), float(rows[:, 1].mean() + rows[:, 0].var())]


def _fourier_rows(terms: Iterable[tuple[Topology, DihedralTerm]]) -> Rows:
    return _mean_rows((_key(topology, term.sites), [*term.cosine, *term.sine]) for topology, term in terms)


def _mean_rows(terms: Iterable[tuple[str, list[float]]]) -> Rows:
    grouped: dict[str, list[list[float]]] = {}
    for key, row in terms:
        for name in (key, _ANY):
            grouped.setdefault(name, []).append(row)
    return {key: np.mean(rows, axis=0).tolist() for key, rows in sorted(grouped.items())}
