"""Which atoms become beads, and which beads are bonded."""

import numpy as np
from numpy.typing import NDArray

from cgpipe.config.sections import MappingSection
from cgpipe.data.topology import Topology, to_mdtraj
from cgpipe.errors import ConfigError, DataError

_BACKBONE = "(name N CA C) and not (resname NME and name C)"
_PRESETS = {
    "ca": "name CA",
    "ca_cb": "name CA CB",
    "backbone_cb": f"({_BACKBONE}) or name CB",
    "heavy": "not element H",
}
"""Selections in MDTraj's language. The methyl carbon of NME is called C too and is no backbone."""


def select_beads(section: MappingSection, topology: Topology) -> NDArray[np.intp]:
    """Atom of each bead, (n_beads,), in the order of the section's list or of the atoms.

    Raises DataError if a named atom is missing, ConfigError if a selection is invalid or yields fewer than two beads.
    """
    if isinstance(section.beads, list):
        atoms = np.array([topology.index(label) for label in section.beads], dtype=np.intp)
    else:
        atoms = _selected(_PRESETS.get(section.beads, section.beads), topology)
    if len(atoms) < 2 or len(set(atoms.tolist())) != len(atoms):
        raise ConfigError(
            f"mapping.beads {section.beads!r} gives {len(atoms)} atoms; expected two or more, all distinct"
        )
    return atoms


def _selected(expression: str, topology: Topology) -> NDArray[np.intp]:
    try:
        return np.asarray(to_mdtraj(topology).select(expression), dtype=np.intp)
    except (ValueError, TypeError, AttributeError, SyntaxError) as error:
        presets = ", ".join(_PRESETS)
        raise ConfigError(
            f"mapping.beads: {expression!r} is neither a preset ({presets}) nor a selection: {error}"
        ) from error


def bead_topology(topology: Topology, atoms: NDArray[np.intp]) -> Topology:
    """Topology of the beads; two beads are bonded if bonds join their atoms without passing another bead's atom.

    Raises DataError if the beads do not hang together, which mostly means that the structure lacks bonds.
    """
    bead_of = {int(atom): bead for bead, atom in enumerate(atoms)}
    neighbours: dict[int, set[int]] = {atom: set() for atom in range(topology.n_sites)}
    for i, j in topology.bonds:
        neighbours[i].add(j)
        neighbours[j].add(i)
    bonds = set()
    for atom, bead in bead_of.items():
        bonds |= {(min(bead, other), max(bead, other)) for other in _reachable_beads(atom, neighbours, bead_of)}
    result = topology.subset(atoms, tuple(sorted(bonds)))
    _require_connected(result)
    return result


def _reachable_beads(start: int, neighbours: dict[int, set[int]], bead_of: dict[int, int]) -> set[int]:
    """Beads that a walk along bonds meets first."""
    seen, front, found = {start}, [start], set()
    while front:
        for atom in neighbours[front.pop()] - seen:
            seen.add(atom)
            if atom in bead_of:
                found.add(bead_of[atom])
            else:
                front.append(atom)
    return found


def _require_connected(beads: Topology) -> None:
    joined = {0}
    for _ in range(beads.n_sites):
        joined |= {k for bond in beads.bonds for k in bond if joined & set(bond)}
    if missing := [label for k, label in enumerate(beads.labels) if k not in joined]:
        raise DataError(
            f"beads {', '.join(missing)} are not bonded to the rest; give one molecule whose structure lists its bonds"
        )
