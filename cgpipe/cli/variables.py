"""Collective variables of a bias section for one molecule: its atoms, native structure and slow coordinates."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cgpipe.analysis.chain import alpha_carbons, far_pairs, pair_distances
from cgpipe.analysis.structure import CONTACT_STEEPNESS, CONTACT_TOLERANCE
from cgpipe.cli.tica import SlowCoordinates, load_slow
from cgpipe.config.bias import BiasSection, ContactsSection
from cgpipe.errors import ConfigError, DataError
from cgpipe.reference.system import AtomisticSystem
from cgpipe.reference.variables import Contacts, Rmsd, Slow, Torsion, Variable


def variables_of(section: BiasSection, atomistic: AtomisticSystem, slow: Path | None) -> tuple[Variable, ...]:
    """Variables that the section names.

    slow : what `cgpipe tica` wrote for the system that `tics` names
    Raises DataError if an atom, contact or residue that they need is not there.
    """
    topology = atomistic.topology
    if section.torsions is not None:
        quadruples = [[topology.index(label) for label in torsion] for torsion in section.torsions]
        return tuple(Torsion((a, b, c, d)) for a, b, c, d in quadruples)
    carbons = alpha_carbons(topology)
    if not len(carbons):
        raise DataError("contacts, RMSD and slow coordinates need the C-alpha atoms of five residues or more")
    native = atomistic.starts["native"][carbons]
    if section.contacts is not None:
        return (_contacts(section.contacts, carbons, native),)
    if section.rmsd is not None:
        members = tuple(carbons.tolist())
        return (Rmsd(members, tuple((x, y, z) for x, y, z in native.tolist()), section.rmsd.max_nm),)
    if slow is None:
        raise ConfigError("reference.bias.tics needs the slow coordinates of its system; give their file with --slow")
    residues = [topology.residue_names[atom] for atom in carbons]
    coordinates = load_slow(slow)
    if coordinates.residues != residues:
        raise DataError(
            f"{slow} is of another protein, {' '.join(coordinates.residues)}; this one is {' '.join(residues)}: name a "
            "system of the same protein in reference.bias.tics"
        )
    return _slow(coordinates, carbons, section.tics.n_tics if section.tics else 1)


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


def _slow(coordinates: SlowCoordinates, carbons: NDArray[np.intp], n_tics: int) -> tuple[Slow, ...]:
    """The slowest coordinates as functions of atoms: `slow_features` in its order, minus the mean, times the matrix."""
    pairs = tuple((i, j) for i, j in carbons[far_pairs(len(carbons))].tolist())
    quadruples = tuple(tuple(carbons[k : k + 4].tolist()) for k in range(len(carbons) - 3))
    variables = []
    for column, limits in zip(coordinates.matrix.T[:n_tics], coordinates.limits, strict=False):
        distances, cosines, sines = np.split(column, [len(pairs), len(pairs) + len(quadruples)])
        variables.append(
            Slow(
                pairs,
                tuple(distances.tolist()),
                quadruples,
                tuple(cosines.tolist()),
                tuple(sines.tolist()),
                -float(coordinates.mean @ column),
                (float(limits[0]), float(limits[1])),
            )
        )
    return tuple(variables)
