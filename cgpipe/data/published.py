"""Published data sets in the layouts of their authors: arrays in angstrom and kcal/mol/angstrom.

Units: issue 13 of torchmd/torchmd-protein-thermodynamics for the C-alpha arrays, input_generator/raw_data_loader.py of
danielpastor97/mlcg-tk for the chignolin archives, fetch_data/README.md of noegroup/flowm for their weights.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
from numpy.typing import NDArray

from cgpipe.config.reference import PublishedReferenceSection
from cgpipe.data.damage import named_damage
from cgpipe.data.source import (
    FrameSource,
    RawTrajectory,
    frame_source,
    log_weights_of,
    open_array,
    open_pair,
    read_topology,
)
from cgpipe.data.topology import Topology, from_mdtraj
from cgpipe.errors import ConfigError, DataError
from cgpipe.units import ANGSTROM, KCAL

_UNITS = {"length_unit": ANGSTROM, "force_unit": KCAL / ANGSTROM}
_WORD = re.compile(r"(?<![a-z])(coor(d(inate)?)?s?|forces?)(?![a-z])")
"""What tells positions from forces in the names of a pair: `chig_coor_e1s1.npy` and `chig_force_e1s1.npy`."""
_EMBEDDINGS = {
    # One residue letter per number from 0; a dot where a number has no residue, X for norleucine (NLE).
    # torchmd/torchmd-cg, tutorial; the same in compsciencelab/torchmd-exp
    "torchmd-cg": ".AGFYDEWPNQHSTVMCXRKLI",
    # torchmd/torchmd-protein-thermodynamics, Tutorials/1-Tutorial-CG-NNP-Training.ipynb: skips 18
    "torchmd-protein-thermodynamics": ".AGFYDEWPNQHSTVMCX.RKLI",
    # mlcg/cg/_mappings.py of danielpastor97/mlcg: alphabetical by name, HSD after HIS
    "mlcg": "ARNDCQEGHHILKMFPSTWYV",
}
_LETTERS = "ARNDCQEGHILKMFPSTWYVX"
_RESIDUES = re.findall("...", "ALAARGASNASPCYSGLNGLUGLYHISILELEULYSMETPHEPROSERTHRTRPTYRVALNLE")
"""Residue names in the order of the letters."""


def open_published(section: PublishedReferenceSection, files: Mapping[str, Path]) -> FrameSource:
    """Frames of a downloaded data set.

    files : by role, the path of each file; where the role is an archive, of the folder that it was unpacked to
    Weights are per frame, in the order of the trajectories by name, numbers in names counted as numbers.
    Raises DataError if files are damaged or do not fit one another, ConfigError if the topology is not found.
    """
    trajectories = _archived_pairs(files) if section.layout == "fu_berlin_archives" else _joined_arrays(section, files)
    n_atoms = trajectories[0].shape[1]
    if section.layout == "htmd_calpha":
        topology = _calpha_topology(_recognised(section.sequence or "", files["embeddings"], n_atoms))
    else:
        topology = _molecule(_pdb_file(section, files["topology"]), n_atoms)
    lengths = [trajectory.shape[0] for trajectory in trajectories]
    beside = _weight_arrays(files["weights"]) if "weights" in files else {}
    coordinates = beside.pop("coords", None)
    check = f"as layout {section.layout} has them; check {trajectories[0].name} and what else reference.files names"
    source = frame_source(
        topology,
        trajectories,
        log_weights=_log_weights(beside, lengths, files["weights"]) if beside else None,
        length_advice=f"positions were taken for angstrom, {check}",
        force_advice=f"forces were taken for kcal/mol/angstrom, {check}",
    )
    if coordinates is not None:
        _require_same_frames(source, coordinates, files["weights"])
    return source


def _archived_pairs(files: Mapping[str, Path]) -> list[RawTrajectory]:
    """One trajectory for each pair of files, in natural order of their names."""
    positions, forces = (_by_key(files[role]) for role in ("coordinates", "forces"))
    if alone := sorted(positions.keys() ^ forces.keys()):
        path = {**forces, **positions}[alone[0]]
        raise DataError(
            f"{path} has no partner in the other archive ({len(alone)} such files); "
            "positions and forces must come from the same data set: download both again"
        )
    keys = sorted(positions, key=_natural)
    return [open_pair(positions[key], forces[key], **_UNITS) for key in keys]


def _by_key(folder: Path) -> dict[str, Path]:
    """Arrays below a folder by their name without the word that tells positions from forces."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.npy")):
        key = _WORD.sub("", path.name, count=1)
        if path.name.startswith("."):  # what some archivers leave beside the files
            continue
        if found.setdefault(key, path) != path:
            raise DataError(f"{path} and {found[key]} have one name; the order of trajectories would be unknown")
    if not found:
        raise DataError(f"{folder} holds no npy file; expected one for each trajectory")
    return found


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Key that sorts numbers in names by their value: e2 before e10."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _joined_arrays(section: PublishedReferenceSection, files: Mapping[str, Path]) -> list[RawTrajectory]:
    """Trajectories of equal length that two arrays join."""
    frames = files.get("frames", Path())
    paths = {"coordinates": frames / "coordinates.npy", "forces": frames / "forces.npy", **files}
    joined = open_pair(paths["coordinates"], paths["forces"], **_UNITS)
    n_frames, n_atoms = joined.shape
    length = section.frames_per_trajectory or n_frames
    if n_frames % length:
        raise DataError(
            f"{joined.name} has {n_frames} frames, no whole number of trajectories of {length}; "
            "correct reference.frames_per_trajectory or leave it out"
        )
    return [_piece(joined, start, (length, n_atoms)) for start in range(0, n_frames, length)]


def _piece(joined: RawTrajectory, first: int, shape: tuple[int, int]) -> RawTrajectory:
    return replace(joined, shape=shape, read=lambda start, stop: joined.read(first + start, first + stop))


def _pdb_file(section: PublishedReferenceSection, path: Path) -> Path:
    """The PDB file, or the one that the config names in the folder that an archive became."""
    member = path / (section.topology_member or "")
    if path.is_dir() and not member.is_file():
        inside = ", ".join(str(found.relative_to(path)) for found in sorted(path.rglob("*.pdb"))[:5])
        raise ConfigError(
            f"reference.topology_member {section.topology_member!r} is no file of the archive, which holds {inside}"
        )
    return member


def _molecule(path: Path, n_atoms: int) -> Topology:
    """Topology of a PDB file; water and lone ions are dropped where the arrays lack them."""
    topology = read_topology(path)
    if topology.n_atoms != n_atoms:
        kept = [a.index for r in topology.residues if not r.is_water and r.n_atoms > 1 for a in r.atoms]
        topology = topology.subset(kept)
    return from_mdtraj(topology)


def _calpha_topology(letters: str) -> Topology:
    """One C-alpha bead a residue, bonded along the chain."""
    n_beads = len(letters)
    return Topology(
        names=("CA",) * n_beads,
        elements=("C",) * n_beads,
        residue_names=tuple(_RESIDUES[_LETTERS.index(letter)] for letter in letters),
        residue_numbers=tuple(range(1, n_beads + 1)),
        masses=(float(mdtraj.element.carbon.mass),) * n_beads,
        bonds=tuple((bead, bead + 1) for bead in range(n_beads - 1)),
    )


def _recognised(sequence: str, path: Path, n_beads: int) -> str:
    """Residue letters that the embeddings spell under the dictionary that gives the sequence; L or X for norleucine."""
    numbers = _numbers(path, n_beads)
    spelled = {name: _spell(letters, numbers) for name, letters in _EMBEDDINGS.items()}
    for letters in spelled.values():
        if sequence.upper() in {letters, letters.replace("X", "L")}:
            return letters
    given = "; ".join(f"{letters} ({name})" for name, letters in spelled.items())
    raise DataError(
        f"{path} does not spell reference.sequence {sequence} ({len(sequence)} residues for {n_beads} beads) under any "
        f"known dictionary: {given}; correct the sequence (X is norleucine) or give the embeddings of this protein"
    )


def _spell(letters: str, numbers: Iterable[int]) -> str:
    return "".join(letters[n] if 0 <= n < len(letters) and letters[n] != "." else "?" for n in numbers)


def _numbers(path: Path, n_beads: int) -> list[int]:
    """Embeddings of one frame; the file may hold them once or for every frame, as numbers or as their text."""
    rows = np.atleast_2d(open_array(path))
    if rows.shape[1] != n_beads or (rows[:: max(1, len(rows) // 1000)] != rows[0]).any():
        raise DataError(f"{path} has shape {rows.shape}, expected one embedding for each of {n_beads} beads")
    try:
        return [int(number) for number in rows[0]]
    except ValueError as error:
        raise DataError(f"{path} holds no whole numbers: {error}") from error


def _log_weights(arrays: Mapping[str, NDArray[Any]], lengths: list[int], path: Path) -> list[NDArray[np.float64]]:
    """Logarithmic weights of each trajectory, (n_frames,), from arrays that are joined by their names."""
    joined = [np.ravel(arrays[name]) for name in sorted(arrays, key=_natural)]
    return log_weights_of(np.concatenate(joined), lengths, name=f"{path} ({', '.join(arrays)})")


def _weight_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The array `weights`, with `coords` where there are any; without that name, all arrays."""
    if path.suffix == ".npy":
        return {path.name: open_array(path)}
    if path.is_dir():
        members = {member.stem: member for member in path.glob("*.npy")}
        return {name: open_array(members[name]) for name in _wanted(members)}
    with named_damage(path, remedy="delete it and download it again"), np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in _wanted(archive)}


def _wanted(names: Iterable[str]) -> list[str]:
    names = list(names)
    return [name for name in names if name in {"weights", "coords"}] if "weights" in names else names


def _require_same_frames(source: FrameSource, coordinates: NDArray[Any], path: Path) -> None:
    """C-alpha positions beside the weights must be those of the trajectories, or the weights are of other frames.

    coordinates : (n_frames, n_residues, 3), angstrom; judged by the distance of the ends where each trajectory starts
    """
    calpha = [site for site, name in enumerate(source.topology.names) if name == "CA"]
    starts = np.cumsum([0, *source.lengths[:-1]])
    if coordinates.shape[:2] != (sum(source.lengths), len(calpha)) or any(
        abs(_span(source.read(number, 0, 1).positions[0, calpha]) - ANGSTROM * _span(coordinates[start])) > 1e-3
        for number, start in enumerate(starts)
    ):
        raise DataError(
            f"{path} has other coordinates than the trajectories by name, so its weights are of other frames or in "
            "another order; leave out reference.files.weights"
        )


def _span(positions: NDArray[Any]) -> float:
    """Distance of the first site from the last, of (n_sites, 3)."""
    return float(np.linalg.norm(positions[-1] - positions[0]))
