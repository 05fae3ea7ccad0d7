"""Atoms or beads of one molecule: names, residues, masses, bonds."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import mdtraj
import numpy as np
from numpy.typing import NDArray

from cgpipe.data.plain import from_plain
from cgpipe.errors import DataError

_OF_SITES = ("names", "elements", "residue_names", "residue_numbers", "masses")


@dataclass(frozen=True)
class Topology:
    """What a molecule is made of; sites are atoms, or beads after mapping.

    Residue numbers count from 1 in the order of the chain, whatever the source file says.
    """

    names: tuple[str, ...]
    """Site names such as `CA`, (n_sites,)."""
    elements: tuple[str, ...]
    """Element symbols, (n_sites,)."""
    residue_names: tuple[str, ...]
    """Residue name of each site, (n_sites,)."""
    residue_numbers: tuple[int, ...]
    """Residue number of each site, (n_sites,)."""
    masses: tuple[float, ...]
    """amu, (n_sites,)."""
    bonds: tuple[tuple[int, int], ...]
    """Pairs of site indices, smaller first, sorted."""

    @property
    def n_sites(self) -> int:
        """Number of atoms or beads."""
        return len(self.names)

    @property
    def labels(self) -> tuple[str, ...]:
        """Unique readable labels such as `ALA2:CA`, (n_sites,)."""
        rows = zip(self.residue_names, self.residue_numbers, self.names, strict=True)
        return tuple(f"{residue}{number}:{name}" for residue, number, name in rows)

    @property
    def types(self) -> tuple[str, ...]:
        """Type of each site, equal for equal chemistry: `ALA:CA`, (n_sites,)."""
        return tuple(f"{residue}:{name}" for residue, name in zip(self.residue_names, self.names, strict=True))

    def index(self, label: str) -> int:
        """Index of the site with a label. Raises DataError that lists the labels of that residue."""
        if label in self.labels:
            return self.labels.index(label)
        near = [known for known in self.labels if known.split(":")[0] == label.split(":", maxsplit=1)[0]]
        known = ", ".join(near or self.labels)
        raise DataError(f"there is no atom {label!r} in the structure; atoms there: {known}")

    def subset(self, sites: NDArray[np.integer[Any]], bonds: tuple[tuple[int, int], ...]) -> "Topology":
        """Topology of some sites, in the given order, with the given bonds between them."""
        pick = [int(site) for site in sites]
        return Topology(
            names=tuple(self.names[k] for k in pick),
            elements=tuple(self.elements[k] for k in pick),
            residue_names=tuple(self.residue_names[k] for k in pick),
            residue_numbers=tuple(self.residue_numbers[k] for k in pick),
            masses=tuple(self.masses[k] for k in pick),
            bonds=bonds,
        )

    def to_plain(self) -> dict[str, Any]:
        """As lists and numbers, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Any, *, source: str) -> Self:
        """From what `to_plain` gave, after a round through JSON. Raises DataError that names the source."""
        return from_plain(cls, values, source=source)

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in _OF_SITES}
        if len(lengths) > 1:
            raise DataError(
                f"a topology has {' or '.join(map(str, sorted(lengths)))} sites; one entry each is expected"
            )
        if any(not 0 <= i < j < self.n_sites for i, j in self.bonds):
            raise DataError(f"a topology of {self.n_sites} sites has bonds to others, or in wrong order")


def from_mdtraj(topology: mdtraj.Topology, masses: NDArray[np.floating[Any]] | None = None) -> Topology:
    """Topology of an MDTraj (or, by its `from_openmm`, an OpenMM) topology; masses in amu, (n_sites,)."""
    atoms = list(topology.atoms)
    numbers = {residue: number for number, residue in enumerate(topology.residues, start=1)}
    values = [atom.element.mass for atom in atoms] if masses is None else masses.tolist()
    return Topology(
        names=tuple(atom.name for atom in atoms),
        elements=tuple(atom.element.symbol for atom in atoms),
        residue_names=tuple(atom.residue.name for atom in atoms),
        residue_numbers=tuple(numbers[atom.residue] for atom in atoms),
        masses=tuple(float(mass) for mass in values),
        bonds=tuple(sorted({_ordered(bond[0].index, bond[1].index) for bond in topology.bonds})),
    )


def to_mdtraj(topology: Topology) -> mdtraj.Topology:
    """MDTraj topology, for its selection language, writers and structure tools."""
    result = mdtraj.Topology()
    chain = result.add_chain()
    residues: dict[int, Any] = {}
    for name, element, residue, number in zip(
        topology.names, topology.elements, topology.residue_names, topology.residue_numbers, strict=True
    ):
        if number not in residues:
            residues[number] = result.add_residue(residue, chain, resSeq=number)
        result.add_atom(name, mdtraj.element.Element.getBySymbol(element), residues[number])
    for i, j in topology.bonds:
        result.add_bond(result.atom(i), result.atom(j))
    return result


def _ordered(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)
