"""Whole files of every kind that cgpipe reads, small, for damage to start from."""

import io
import json
import tarfile
import zipfile

import numpy as np
import torch
import yaml

from cgpipe.cli.bias_file import save_bias
from cgpipe.config.project import complete, plain
from cgpipe.config.sections import NetworkSection, SystemConfig
from cgpipe.data.h5md import create_h5md
from cgpipe.data.records import save_record
from cgpipe.data.segments import SegmentStore
from cgpipe.data.topology import Topology
from cgpipe.figures.style import new_figure, save_figure
from cgpipe.model.force_field import ForceField, bind_network, known_types
from cgpipe.model.force_field_file import save_force_field
from cgpipe.prior.prior import DihedralTerm, HarmonicTerm, PriorParameters, RepulsionTerm
from cgpipe.provenance import provenance
from cgpipe.reference.bias import Bias
from cgpipe.reference.variables import Torsion
from cgpipe.training.checkpoint import Epoch, TrainingState, save_state

TOPOLOGY = Topology(
    names=("N", "CA", "C", "O"),
    elements=("N", "C", "C", "O"),
    residue_names=("ALA",) * 4,
    residue_numbers=(1,) * 4,
    masses=(14.0, 12.0, 12.0, 16.0),
    bonds=((0, 1), (1, 2), (2, 3)),
)
PDB = "".join(
    f"ATOM  {k:5d}  {name:<3} ALA A{1 + k // 5:4d}    {k * 1.1:8.3f}{0.3 * k * k:8.3f}{0.0:8.3f}"
    f"  1.00  0.00           {name[0]}\n"
    for k, name in enumerate(["N", "CA", "C", "O", "CB"] * 2, start=1)
) + "CONECT    1    2\nEND\n"  # fmt: skip
PRIOR = PriorParameters(
    bonds=(HarmonicTerm((0, 1), 0.15, 9000.0),),
    angles=(HarmonicTerm((0, 1, 2), 1.9, 150.0),),
    dihedrals=(DihedralTerm((0, 1, 2, 3), (2.0, -1.5, 0.5), (1.0, 0.5, -0.5)),),
    impropers=(DihedralTerm((1, 0, 2, 3), (-9.0, 1.5, 0.5), (4.0, 0.5, -0.5)),),
    repulsions=(RepulsionTerm((0, 3), 0.3),),
    repulsion_exponent=6,
    repulsion_strength=2.5,
)
SYSTEM = {
    "description": "seed",
    "reference": {"kind": "openmm", "sequence": "ACE ALA NME", "temperature_K": 300.0, "starts": ["native"]},
    "mapping": {"beads": ["ACE1:C", "ALA2:CA"]},
    "training": {"n_epochs": 3, "learning_rate": 0.01},
    "analysis": {"markov": {"lag_ps": 1.0, "model_lag_ps": 2.0}},
}
PROJECT = {"systems": ["ala2"], "seed": 7, "mirror": {"http://a": "/b"}, "overrides": {"ala2": {"training": {}}}}


def _record():
    return provenance("seed", {"training": {"n_epochs": 3}}, seed=1)


def _frames(n_frames=6):
    rng = np.random.default_rng(2)
    return rng.normal(size=(n_frames, 4, 3)).astype(np.float32)


def _h5md(path):
    with create_h5md(
        path, TOPOLOGY, frame_interval=0.2, provenance=_record(), arrays={"lengths": np.array([3, 3])}
    ) as file:
        file.append(_frames(), _frames(), np.zeros(6), potential_energy=np.zeros(6))


def _npz(path, **arrays):
    np.savez(path, **arrays)


def _archive(path):
    content = {"folder/one.npy": _bytes(_frames()), "two.txt": b"hello" * 50, "deep/er/three.npy": _bytes(_frames(2))}
    if path.suffix in {".zip", ".npz"}:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _model(path):
    section = NetworkSection(n_features=4, n_blocks=1, n_radial=4)
    types = known_types([TOPOLOGY])
    torch.manual_seed(0)
    network = bind_network(section, TOPOLOGY, types=types, energy_scale=2.5)
    weights = dict(network.state_dict())
    save_force_field(path, ForceField(TOPOLOGY, PRIOR, section, weights, 300.0, 2.5, _record(), types))


def _checkpoint(path):
    weights = {"a": torch.zeros(2, 3)}
    save_state(
        path, TrainingState(weights, weights, {"0.step": torch.ones(())}, [Epoch(0, 1e-3, 2.0, 3.0)]), fingerprint="f"
    )


def _segments(path):
    store = SegmentStore(path.with_name("seed"), "f")
    store.append({"positions": _frames()}, {"velocities": _frames(1)})
    path.write_bytes((path.with_name(".seed.segments") / "000000.npz").read_bytes())
    store.remove()


def _figure(path):
    figure = new_figure(1.0, 1.0)
    figure.subplots().plot([0, 1])
    save_figure(figure, [path], _record())


def _prior(path):
    path.write_text(json.dumps({"parameters": PRIOR.to_plain(), "fits": [], "provenance": _record()}))


def _bias(path):
    save_bias(path, Bias((Torsion((0, 1, 2, 3)), Torsion((1, 2, 3, 0))), np.zeros((4, 4))), _record())


def _mapping(path):
    content = {
        "beads": TOPOLOGY.to_plain(),
        "atoms": [0, 1, 2, 3],
        "force_map": "slice",
        "force_weights": np.eye(4).tolist(),
    }
    path.write_text(json.dumps(content | {"provenance": _record()}))


def _lock(path):
    path.write_text(json.dumps({"https://a/b": {"sha256": "0" * 64, "bytes": 3, "first_seen": "2026-01-01"}}))


def _section(path):
    path.write_text(json.dumps(plain(complete(SystemConfig, SYSTEM, source="seed").training)))


WRITERS = {
    "system.yaml": lambda path: path.write_text(yaml.safe_dump(SYSTEM)),
    "config.yaml": lambda path: path.write_text(yaml.safe_dump(PROJECT)),
    "section.json": _section,
    "downloads.lock": _lock,
    "prior.json": _prior,
    "bias.json": _bias,
    "mapping.json": _mapping,
    "frames.npy": lambda path: np.save(path, _frames()),
    "frames.npz": lambda path: _npz(path, positions=_frames(), forces=_frames()),
    "trajectory.h5md": _h5md,
    "foreign.h5md": _h5md,
    "record.h5": lambda path: save_record(path, {"a": np.arange(9.0), "b": np.array([2.0])}, {"provenance": _record()}),
    "molecule.pdb": lambda path: path.write_text(PDB),
    "structure.pdb": lambda path: path.write_text(PDB),
    "archive.tar": _archive,
    "archive.tar.gz": _archive,
    "archive.zip": _archive,
    "model.safetensors": _model,
    "checkpoint.safetensors": _checkpoint,
    "segment.npz": _segments,
    "figure.png": _figure,
}
"""By the name of the file, which tells its reader too."""
