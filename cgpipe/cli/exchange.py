"""Let copies of the molecule at rising temperatures exchange configurations; `exchanged` trajectories start from these.

Kept are the configurations at the reference's temperature in the second half. Killed at any time, the same command
continues and ends with the same file.

example: cgpipe exchange --section reference.yaml --system results/ala2/reference/system.json --output exchange.h5
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgpipe.cli.arguments import add_output, add_section, add_seed
from cgpipe.config.project import parse_section, plain
from cgpipe.config.reference import ExchangeSection, OpenMMReferenceSection
from cgpipe.data.files import load_json
from cgpipe.data.records import load_record, save_record
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError, DataError
from cgpipe.provenance import fingerprint, provenance
from cgpipe.reference.exchange import acceptance, n_descents, record_exchange
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import AtomisticSystem, system_from_plain
from cgpipe.seeding import stream
from cgpipe.units import PICOSECONDS_PER_NANOSECOND


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe exchange`."""
    add_section(parser, what="`reference`")
    add_seed(parser)
    parser.add_argument("--system", type=Path, required=True, metavar="FILE", help="what `cgpipe system` wrote")
    add_output(parser, what="HDF5 record of the configurations")


def run(args: argparse.Namespace) -> None:
    """Write the configurations, and print how well the temperatures exchange."""
    section = parse_section(OpenMMReferenceSection, args.section)
    if section.exchange is None:
        raise ConfigError("reference.exchange is not set, so there is nothing to exchange")
    atomistic = system_from_plain(load_json(args.system), source=str(args.system))
    record = provenance("exchange", {"reference": plain(section)}, seed=args.seed, inputs=[args.system])
    store = SegmentStore(args.output, fingerprint(record))
    schedule = Schedule(
        "exchange",
        args.seed,
        length=section.exchange.length_ns * PICOSECONDS_PER_NANOSECOND,
        interval=section.exchange.interval_ps,
        segment=section.segment_ps,
    )
    record_exchange(atomistic, section, section.exchange, schedule=schedule, store=store)
    frames = {
        key: np.concatenate([part[key] for part in store.frames()]) for key in ("positions", "energies", "copies")
    }
    _report(section.temperature_K, section.exchange, frames)
    half = {key: values[len(values) // 2 :] for key, values in frames.items()}
    save_record(args.output, half, {"provenance": record})
    store.remove()


def _report(lowest: float, exchange: ExchangeSection, frames: Mapping[str, NDArray[Any]]) -> None:
    temperatures = [lowest, *exchange.temperatures_K]
    found = acceptance(frames["energies"], temperatures)
    for cold, hot, share in zip(temperatures[:-1], temperatures[1:], found, strict=True):
        print(f"{cold:g} to {hot:g} K: acceptance {share:.2f}")
    descents = n_descents(frames["copies"])
    print(f"copies came from {temperatures[-1]:g} K to {lowest:g} K {descents} times in {exchange.length_ns:g} ns")
    if descents < len(temperatures):
        print(
            "too few for starts at equilibrium: lengthen reference.exchange.length_ns, or put temperatures nearer to "
            "one another where the acceptance is below 0.1"
        )


def started(
    atomistic: AtomisticSystem, section: OpenMMReferenceSection, index: int, path: Path | None, *, seed: int, name: str
) -> AtomisticSystem:
    """The system with the start that the trajectory or walker of a number needs; `exchanged` ones draw a configuration.

    path : what `cgpipe exchange` wrote, needed for these
    name : of the random stream
    Raises ConfigError without the file, DataError if it is of another molecule or damaged.
    """
    if section.start_of(index) != "exchanged":
        return atomistic
    if path is None:
        raise ConfigError(
            f"{name} starts where replicas were exchanged; give what `cgpipe exchange` wrote (--exchange)"
        )
    arrays, _ = load_record(path)
    found = arrays.get("positions")
    shape = (atomistic.topology.n_sites, 3)
    sound = found is not None and found.dtype.kind == "f" and found.shape[1:] == shape and np.isfinite(found).all()
    if found is None or not sound or not len(found):
        raise DataError(f"{path} has no configurations of this molecule; make it by `cgpipe exchange`")
    chosen = found[stream(seed, name, "start").integers(len(found))].astype(np.float64)
    return replace(atomistic, starts={**atomistic.starts, "exchanged": chosen})


def add_exchange(parser: argparse.ArgumentParser) -> None:
    """The option that `started` reads."""
    parser.add_argument("--exchange", type=Path, metavar="FILE", help="what `cgpipe exchange` wrote, for such starts")
