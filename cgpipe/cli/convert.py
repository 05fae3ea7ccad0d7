"""Turn published data, or your own trajectories, into H5MD in our units; frames are streamed, memory stays small.

Archives are unpacked beside the output and removed afterwards. Units are converted once, here, and judged by bond
lengths and forces.

example: cgpipe convert --section reference.yaml --files al2.pdb alanine.npz --output reference/trajectory0.h5md
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cgpipe.cli.arguments import add_inputs, add_output, add_section
from cgpipe.config.project import parse_alternative, plain
from cgpipe.config.reference import FilesReferenceSection, PublishedReferenceSection
from cgpipe.config.structures import file_name
from cgpipe.data.engine_files import open_files
from cgpipe.data.h5md import create_h5md
from cgpipe.data.published import open_published
from cgpipe.data.source import FrameSource, require_plausible
from cgpipe.download.archive import unpack
from cgpipe.errors import DataError
from cgpipe.progress import Progress
from cgpipe.provenance import provenance
from cgpipe.units import BYTES_PER_GB

_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip", ".npz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe convert`."""
    add_section(parser, what="`reference`")
    add_inputs(parser, "files", what="the files that the section names, downloaded ones by the last part of their URL")
    add_output(parser, what="H5MD file of all trajectories")


def run(args: argparse.Namespace) -> None:
    """Write one file of all trajectories."""
    section = parse_alternative((PublishedReferenceSection, FilesReferenceSection), args.section)
    record = provenance("convert", {"reference": plain(section)}, seed=0, inputs=args.files)
    with _opened(section, args.files, args.output) as source:
        require_plausible(source)
        arrays = {"lengths": np.array(source.lengths)}
        with (
            Progress("convert", total=sum(source.lengths), unit="frames") as progress,
            create_h5md(
                args.output,
                source.topology,
                frame_interval=section.frame_interval_ps,
                provenance=record,
                arrays=arrays,
            ) as writer,
        ):
            for frames in source.chunks():
                writer.append(frames.positions, frames.forces, frames.log_weights)
                progress.update(frames.n_frames)
    print(f"{sum(source.lengths):,} frames of {source.topology.n_sites} sites in {len(source.lengths)} trajectories")


@contextmanager
def _opened(
    section: PublishedReferenceSection | FilesReferenceSection, files: list[Path], output: Path
) -> Iterator[FrameSource]:
    """Source of the frames; what had to be unpacked for it goes when the block ends."""
    if isinstance(section, FilesReferenceSection):
        yield open_files(section)
        return
    scratch = output.with_name(f".{output.name}.unpacked")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        yield open_published(section, _by_role(section, files, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _by_role(section: PublishedReferenceSection, files: list[Path], scratch: Path) -> dict[str, Path]:
    """Each file of the section, unpacked if it is an archive."""
    given = {path.name: path for path in files}
    found: dict[str, Path] = {}
    for role, url in section.files.items():
        path = given.get(file_name(url))
        if path is None:
            raise DataError(f"the section names {url} as {role}, but --files has no {file_name(url)}")
        found[role] = path
        if path.name.endswith(_ARCHIVES):
            found[role] = scratch / role
            unpack(path, found[role], max_bytes=round(section.max_unpacked_GB * BYTES_PER_GB))
    return found
