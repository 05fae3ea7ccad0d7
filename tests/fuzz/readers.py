"""What cgpipe does with a file of each kind, as a stage would."""

import shutil

import torch

from cgpipe.cli.bias_file import load_bias
from cgpipe.cli.map import load_maps
from cgpipe.cli.prior_file import load_prior
from cgpipe.config.project import load_project, load_system, parse_section, read_yaml
from cgpipe.config.reference import FilesReferenceSection
from cgpipe.config.sections import TrainingSection
from cgpipe.data.damage import require_survivable
from cgpipe.data.engine_files import open_files
from cgpipe.data.h5md import H5mdFile
from cgpipe.data.lineage import read_origin
from cgpipe.data.segments import SegmentStore
from cgpipe.data.source import open_array, read_topology, require_plausible
from cgpipe.data.tensors import load_tensors
from cgpipe.download.archive import unpack
from cgpipe.download.lock import known_checksum
from cgpipe.model.force_field import bind_network
from cgpipe.model.force_field_file import load_force_field
from cgpipe.reference.structure import read_structure
from cgpipe.training.checkpoint import load_state

MAX_BYTES = 1 << 20


def _system(path):
    load_system(load_project({"systems": ["ala2"]}), path.stem, folder=path.parent)


def _trajectory(path):
    """As `cgpipe verify` reads results that came from elsewhere."""
    require_survivable(lambda: _read_trajectory(path), path, remedy="")
    _read_trajectory(path)


def _read_trajectory(path):
    with H5mdFile(path) as file:
        for frames in file.chunks():
            frames.n_frames  # noqa: B018 (reading is what matters)
        file.frame_interval, file.n_replicas  # noqa: B018
        file.observable("potential_energy")


def _own_files(path):
    """A trajectory of the user's with the topology of the seeds, read as `cgpipe convert` reads it."""
    section = FilesReferenceSection(
        topology=str(path.with_name("topology.pdb")), trajectories=[str(path)], length_unit="nm",
        force_unit="kJ/mol/nm", temperature_K=300, frame_interval_ps=1,
    )  # fmt: skip
    source = open_files(section)
    require_plausible(source)
    for frames in source.chunks():
        frames.n_frames  # noqa: B018


def _archive(path):
    folder = path.with_name("unpacked")
    try:
        unpack(path, folder, max_bytes=MAX_BYTES)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _model(path):
    field = load_force_field(path)
    bind_network(field.network, field.topology, types=field.types, energy_scale=field.energy_scale)


def _segment(path):
    folder = path.with_name(".work.segments")
    folder.mkdir(exist_ok=True)
    (folder / "fingerprint").write_text("f")
    shutil.copy(path, folder / "000000.npz")
    store = SegmentStore(path.with_name("work"), "f")
    store.state()
    list(store.frames())


READERS = {
    "system.yaml": _system,
    "config.yaml": lambda path: load_project(read_yaml(path)),
    "section.json": lambda path: parse_section(TrainingSection, path.read_text(errors="surrogateescape")),
    "downloads.lock": lambda path: known_checksum(path, "https://a/b"),
    "prior.json": load_prior,
    "bias.json": load_bias,
    "mapping.json": load_maps,
    "frames.npy": lambda path: open_array(path)[:100].sum(),
    "frames.npz": _own_files,
    "trajectory.h5md": _trajectory,
    "foreign.h5md": _own_files,
    "record.h5": read_origin,  # as `cgpipe verify` does
    "molecule.pdb": read_topology,
    "structure.pdb": read_structure,
    "archive.tar": _archive,
    "archive.tar.gz": _archive,
    "archive.zip": _archive,
    "model.safetensors": _model,
    "checkpoint.safetensors": lambda path: (
        load_state(path, fingerprint="f", device=torch.device("cpu")),
        load_tensors(path),
    ),
    "segment.npz": _segment,
    "figure.png": read_origin,
}
