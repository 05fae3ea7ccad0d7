"""Replica exchange: a particle in two wells, whose populations are known; its files and what starts from them."""

import argparse

import numpy as np
import openmm
import pytest
from stored import interrupted, joined

from cgpipe.cli.exchange import run, started
from cgpipe.config.project import section_argument
from cgpipe.config.reference import ExchangeSection, OpenMMReferenceSection, SolventSection
from cgpipe.data.files import save_json
from cgpipe.data.records import load_record, save_record
from cgpipe.data.segments import SegmentStore
from cgpipe.data.topology import Topology
from cgpipe.errors import ConfigError, DataError, UnstableError
from cgpipe.reference.exchange import acceptance, n_descents, record_exchange
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import AtomisticSystem, to_plain
from cgpipe.units import thermal_energy

_LADDER = [300.0, 480.0, 750.0, 1200.0]
_BARRIER, _TILT, _MIDDLE, _HALF = 20.0, 8.0, 0.5, 0.2
"""kJ/mol, kJ/mol/nm, nm, nm."""
_FRAME = 0.4
"""ps, between exchanges."""


def _energy(distance):
    place = distance - _MIDDLE
    return _BARRIER * ((place / _HALF) ** 2 - 1) ** 2 + _TILT * place


@pytest.fixture(scope="module")
def two_wells():
    """Two atoms with two favoured distances, begun at the longer one; plain dynamics at 300 K would stay there."""
    system = openmm.System()
    for _ in range(2):
        system.addParticle(12.0)
    force = openmm.CustomBondForce("a*(((r-m)/d)^2-1)^2 + b*(r-m)")
    for name, value in zip("abmd", (_BARRIER, _TILT, _MIDDLE, _HALF), strict=True):
        force.addGlobalParameter(name, value)
    force.addBond(0, 1, [])
    system.addForce(force)
    topology = Topology(("C1", "C2"), ("C", "C"), ("LIG", "LIG"), (1, 1), (12.0, 12.0), ((0, 1),))
    start = np.array([[0.0, 0.0, 0.0], [_MIDDLE + _HALF, 0.0, 0.0]])
    return AtomisticSystem(topology, {"native": start}, system, "Reference")


def _section(length=4.0, **changes):
    exchange = ExchangeSection(temperatures_K=_LADDER[1:], length_ns=length / 1000, interval_ps=_FRAME)
    values = {"sequence": "ALA", "starts": ["exchanged"], "exchange": exchange, "equilibration_ps": 2, "segment_ps": 1}
    return OpenMMReferenceSection(**{**values, **changes})


def _record(atomistic, path, *, length=4.0, seed=3, segment=2.0):
    section, store = _section(length), SegmentStore(path, "fingerprint")
    schedule = Schedule("exchange", seed, length=length, interval=_FRAME, segment=segment)
    record_exchange(atomistic, section, section.exchange, schedule=schedule, store=store)
    return joined(store)


def _expected(temperature, values):
    """Mean of values of the distance in the ensemble, by integration."""
    distance = np.linspace(0.05, 1.0, 4000)
    weight = distance**2 * np.exp(-_energy(distance) / thermal_energy(temperature))
    return float((weight * values(distance)).sum() / weight.sum())


def _in_standard_errors(samples, expected):
    """Of the mean of correlated samples, by twenty blocks."""
    means = np.array([block.mean() for block in np.array_split(samples, 20)])
    return abs(means.mean() - expected) / (means.std(ddof=1) / np.sqrt(len(means)))


@pytest.fixture(scope="module")
def long_run(two_wells, tmp_path_factory):
    return _record(two_wells, tmp_path_factory.mktemp("exchange") / "long", length=200.0, segment=100.0)


def test_the_coldest_copy_has_the_populations_of_its_temperature(long_run):
    distances = np.linalg.norm(np.diff(long_run["positions"], axis=1)[:, 0], axis=1)
    expected = _expected(300.0, lambda distance: distance < _MIDDLE)
    assert 0.3 < expected < 0.97
    assert _in_standard_errors(distances < _MIDDLE, expected) < 4


@pytest.mark.parametrize("level", range(len(_LADDER)))
def test_every_temperature_has_its_mean_energy(long_run, level):
    assert _in_standard_errors(long_run["energies"][:, level], _expected(_LADDER[level], _energy)) < 4


def test_copies_come_down_and_each_is_somewhere(long_run):
    assert n_descents(long_run["copies"]) > 5
    assert (np.sort(long_run["copies"], axis=1) == np.arange(len(_LADDER))).all()


def test_segments_change_only_the_noise_and_a_killed_run_ends_with_the_same_bits(two_wells, tmp_path, monkeypatch):
    whole = _record(two_wells, tmp_path / "whole")
    interrupted(lambda: _record(two_wells, tmp_path / "killed"), monkeypatch, after=1)
    resumed = _record(two_wells, tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    assert all(np.array_equal(whole[key], resumed[key]) for key in whole)
    other = _record(two_wells, tmp_path / "other", seed=4)
    assert not np.array_equal(whole["positions"], other["positions"])
    assert len(whole["positions"]) == 10


def test_a_copy_that_flies_apart_is_an_error(two_wells, tmp_path):
    system = openmm.XmlSerializer.clone(two_wells.system)
    system.getForce(0).setGlobalParameterDefaultValue(0, 1e12)
    broken = AtomisticSystem(two_wells.topology, two_wells.starts, system, "Reference")
    with pytest.raises(UnstableError, match="replica exchange"):
        _record(broken, tmp_path / "broken")


def test_acceptance_by_hand():
    """Half of the exchanges are downhill and certain; the others cost kT ln 4 at these temperatures."""
    cold, hot = thermal_energy(300.0), thermal_energy(600.0)
    cost = np.log(4) / (1 / cold - 1 / hot)
    energies = np.array([[0.0, cost], [cost, 0.0]])
    assert acceptance(energies, [300.0, 600.0]) == pytest.approx([(0.25 + 1) / 2])


def test_descents_by_hand():
    """Copy 2 comes down, goes up again and comes down again; copy 0 begins cold, which is no descent."""
    rows = [[0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 0, 1], [0, 1, 2], [2, 1, 0]]
    assert n_descents(np.array(rows)) == 2


@pytest.fixture
def stage(two_wells, tmp_path, capsys):
    """The stage run once: its record, and what it printed."""
    path, output = tmp_path / "system.json", tmp_path / "exchange.h5"
    save_json(path, to_plain(two_wells))
    run(argparse.Namespace(section=section_argument(_section(8.0)), seed=3, system=path, output=output))
    return output, capsys.readouterr().out


def test_the_stage_keeps_the_second_half_and_reports_the_exchange(stage):
    arrays, header = load_record(stage[0])
    assert {key: len(values) for key, values in arrays.items()} == dict.fromkeys(
        ("positions", "energies", "copies"), 10
    )
    assert header["provenance"]["stage"] == "exchange"
    assert "300 to 480 K: acceptance 0." in stage[1]
    assert "copies came from 1200 K to 300 K" in stage[1]


def test_exchanged_trajectories_start_from_what_was_found(two_wells, stage):
    section, (arrays, _) = _section(starts=["native", "exchanged"]), load_record(stage[0])
    assert started(two_wells, section, 0, None, seed=3, name="reference 0") is two_wells
    found = [started(two_wells, section, 1, stage[0], seed=seed, name="reference 1") for seed in range(8)]
    starts = [atomistic.starts["exchanged"] for atomistic in found]
    assert all((start == arrays["positions"]).all(axis=(1, 2)).any() for start in starts)
    assert len({start.tobytes() for start in starts}) > 1


@pytest.mark.parametrize(
    "positions",
    [np.zeros((4, 3, 3)), np.zeros((0, 2, 3)), np.full((4, 2, 3), np.nan), np.full((4, 2, 3), b"x"), np.zeros(4)],
    ids=["other molecule", "none", "not finite", "text", "flat"],
)
def test_a_start_without_its_file_or_of_another_molecule_is_an_error(two_wells, tmp_path, positions):
    with pytest.raises(ConfigError, match="reference 0 starts where replicas were exchanged"):
        started(two_wells, _section(), 0, None, seed=3, name="reference 0")
    save_record(tmp_path / "other.h5", {"positions": positions}, {})
    with pytest.raises(DataError, match="no configurations of this molecule"):
        started(two_wells, _section(), 0, tmp_path / "other.h5", seed=3, name="reference 0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exchange": None}, "give both or none"),
        ({"starts": ["native"]}, "give both or none"),
        ({"temperature_K": 500}, "temperatures must rise"),
        ({"solvent": SolventSection()}, "great many temperatures"),
        ({"frame_interval_ps": 0.3, "timestep_fs": 3}, "exchange.interval_ps"),
    ],
)
def test_unsound_sections_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        _section(**changes)
