"""Collective variables of a bias section for one molecule: its atoms, native structure and slow coordinates."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.chain import far_pairs, pair_distances
from cgpipe.analysis.states import StateSpace
from cgpipe.analysis.structure import CONTACT_STEEPNESS, CONTACT_TOLERANCE
from cgpipe.cli.states import load_states
from cgpipe.config.bias import BiasSection, ContactsSection
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.system import AtomisticSystem
from cgpipe.reference.variables import Contacts, Rmsd, Slow, Torsion, Variable

_MIN_RESIDUES = 5


def variables_of(section: BiasSection, atomistic: AtomisticSystem, states: Path | None) -> tuple[Variable, ...]:
    """Variables that the section names.

    states : what `cgpipe states` wrote for the system that `tics` names
    Raises DataError if an atom, contact or residue that they need is not there.
    """
    topology = atomistic.topology
    if section.torsions is not None:
        quadruples = [[topology.index(label) for label in torsion] for torsion in section.torsions]
        return tuple(Torsion((a, b, c, d)) for a, b, c, d in quadruples)
    carbons = np.flatnonzero(np.array(topology.names) == "CA")
    if len(carbons) < _MIN_RESIDUES:
        raise DataError(
            f"contacts, RMSD and slow coordinates need five C-alpha atoms or more, there are {len(carbons)}"
        )
    native = atomistic.starts["native"][carbons]
    if section.contacts is not None:
        return (_contacts(section.contacts, carbons, native),)
    if section.rmsd is not None:
        members = tuple(carbons.tolist())
        return (Rmsd(members, tuple((x, y, z) for x, y, z in native.tolist()), section.rmsd.max_nm),)
    if states is None:
        raise ConfigError("reference.bias.tics needs the slow coordinates of its system; give their file with --states")
    return _slow(load_states(states), carbons, section.tics.n_tics if section.tics else 1, source=states)


def _contacts(section: ContactsSection, carbons: NDArray[np.intp], native: NDArray[np.float64]) -> Contacts:
    """Native contacts of the C-alpha atoms."""
    pairs = far_pairs(len(carbons))
    lengths = pair_distances(torch.from_numpy(native[None]))[0]
    touching = lengths < section.contact_nm
    if not touching.any():
        raise DataError(
            f"no C-alpha atoms of the native structure are nearer than {section.contact_nm:g} nm; "
            "raise reference.bias.contacts.contact_nm"
        )
    members = tuple((i, j) for i, j in carbons[pairs[touching]].tolist())
    return Contacts(members, tuple((CONTACT_TOLERANCE * lengths[touching]).tolist()), CONTACT_STEEPNESS)


def _slow(space: StateSpace, carbons: NDArray[np.intp], n_tics: int, *, source: Path) -> tuple[Slow, ...]:
    """The slowest coordinates as functions of atoms: `slow_features` in its order, minus the mean, times the matrix."""
    n_residues = len(carbons)
    pairs = tuple((i, j) for i, j in carbons[far_pairs(n_residues)].tolist())
    quadruples = tuple(tuple(carbons[k : k + 4].tolist()) for k in range(n_residues - 3))
    if len(space.mean) != len(pairs) + 2 * len(quadruples):
        raise DataError(
            f"{source} is of another protein: it has {len(space.mean)} features, this one has {n_residues} "
            "residues; name a system of the same protein in reference.bias.tics"
        )
    variables = []
    for column, limits in zip(space.matrix.T[:n_tics], space.limits, strict=False):
        distances, cosines, sines = np.split(column, [len(pairs), len(pairs) + len(quadruples)])
        variables.append(
            Slow(
                pairs,
                tuple(distances.tolist()),
                quadruples,
                tuple(cosines.tolist()),
                tuple(sines.tolist()),
                -float(space.mean @ column),
                (float(limits[0]), float(limits[1])),
            )
        )
    return tuple(variables)
