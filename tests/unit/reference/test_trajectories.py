"""Trajectories: their records, their seeds, their resumption, their failure."""

import numpy as np
import openmm
import pytest
from stored import joined

from cgpipe.cli.variables import variables_of
from cgpipe.config.reference import OpenMMReferenceSection
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError, UnstableError
from cgpipe.geometry import dihedrals
from cgpipe.reference.bias import flat_bias, with_hill
from cgpipe.reference.dynamics import Dynamics
from cgpipe.reference.metadynamics import build_bias
from cgpipe.reference.recording import record_trajectory
from cgpipe.reference.schedule import Schedule
from cgpipe.reference.system import create_context, system_from_plain, to_plain
from cgpipe.units import thermal_energy

_KT = thermal_energy(300.0)


@pytest.fixture
def record(alanine, section, tmp_path):
    """Maker of the joined frames of a trajectory of ten frames in two segments."""

    def make(name="whole", *, seed=5, length=0.4, bias=None):
        store = SegmentStore(tmp_path / name, "fingerprint")
        schedule = Schedule("reference 0", seed, length=length, interval=0.04, segment=0.2)
        record_trajectory(Dynamics(alanine, section, bias), thermal_energy=_KT, schedule=schedule, store=store)
        return joined(store)

    return make


@pytest.fixture
def hill(bias_section, alanine):
    flat = flat_bias(bias_section, variables_of(bias_section, alanine, None))
    return with_hill(flat, np.zeros(len(flat.variables)), height=5.0, width=3.0)


def _same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


def test_a_record_has_its_arrays(record):
    frames = record()
    assert {key: (value.shape, value.dtype) for key, value in frames.items()} == {
        "positions": ((10, 22, 3), np.float32),
        "forces": ((10, 22, 3), np.float32),
        "potential_energy": ((10,), np.float64),
    }


def test_velocities_and_thermostat_draw_different_numbers(alanine, section, monkeypatch):
    """With one seed for both, the first kick repeats the first velocities and heats by a twentieth."""
    seeds = []
    monkeypatch.setattr(
        openmm.Context, "setVelocitiesToTemperature", lambda _, temperature, seed: seeds.append((temperature, seed))
    )
    dynamics = Dynamics(alanine, section)
    dynamics.begin(None, 11)
    assert len(seeds) == 1
    assert seeds[0][1] != dynamics._integrator.getRandomNumberSeed() == 11


def test_equal_seeds_give_equal_bits_and_others_do_not(record):
    first = record("a")
    assert _same(record("b"), first)
    assert not _same(record("c", seed=6), first)


def test_resumed_equals_uninterrupted(record):
    whole = record("whole")
    record("pieces", length=0.2)
    assert _same(record("pieces"), whole)


def test_forces_belong_to_their_positions(record, alanine):
    """A force of the wrong frame would be uncorrelated with the one computed anew."""
    frames = record()
    context = create_context(alanine.system, openmm.VerletIntegrator(0.001), "Reference")
    for k in range(10):
        context.setPositions(frames["positions"][k].astype(float))
        state = context.getState(forces=True, energy=True)
        again = np.array(state.getForces(asNumpy=True)._value)
        np.testing.assert_allclose(frames["forces"][k], again, atol=1e-3 * np.abs(again).max())
        assert frames["potential_energy"][k] == pytest.approx(state.getPotentialEnergy()._value, abs=0.1)


def test_weights_are_those_of_the_bias(record, hill):
    """log w = V/kT, with V of the frame's own torsions, which are recorded."""
    import torch  # noqa: PLC0415 (only here)

    frames = record(bias=hill)
    quadruples = torch.tensor([variable.torsion for variable in hill.variables])
    angles = dihedrals(torch.from_numpy(frames["positions"].astype(float)), quadruples).numpy()
    np.testing.assert_allclose(frames["bias_variables"], angles, atol=1e-5)
    energy = 5.0 * np.exp(-0.5 * (angles / 3.0) ** 2).prod(axis=1)
    np.testing.assert_allclose(frames["log_weights"], energy / _KT, atol=0.02)


def test_an_unbiased_record_has_no_weights(record):
    assert "log_weights" not in record()


def test_frames_stay_near_the_origin(record):
    assert np.abs(record()["positions"].mean(axis=1)).max() < 0.2


def test_a_segment_goes_on_with_the_velocities_of_the_last(alanine, section):
    dynamics = Dynamics(alanine, section)
    dynamics.begin(None, 3)
    state = dynamics.state()
    dynamics.begin(state, 4)
    np.testing.assert_allclose(dynamics.state()["velocities"], state["velocities"], atol=1e-12)
    np.testing.assert_allclose(np.diff(dynamics.state()["positions"], axis=0), np.diff(state["positions"], axis=0))


@pytest.fixture
def build(alanine, section, bias_section, tmp_path):
    """Maker of a walker's bias after some ps, a hill each 0.1 ps."""
    flat = flat_bias(bias_section, variables_of(bias_section, alanine, None))

    def make(name, length, segment=0.2):
        store = SegmentStore(tmp_path / name, "fingerprint")
        schedule = Schedule("bias 0", 5, length=length, interval=0.1, segment=segment)
        dynamics = Dynamics(alanine, section, flat)
        return build_bias(dynamics, bias_section, flat, thermal_energy=_KT, schedule=schedule, store=store)

    return make


def test_a_resumed_bias_equals_an_uninterrupted_one(build):
    whole = build("whole", 0.6)
    build("pieces", 0.2)
    assert np.array_equal(build("pieces", 0.6).table, whole.table)


def test_a_bias_grows_by_one_hill_an_interval(build, bias_section):
    """Each hill's volume on the grid is known; each feels those before it, which lowers it by some percent."""
    width = np.deg2rad(bias_section.hill_width_deg) / (2 * np.pi / 60)
    volume = (np.sqrt(2 * np.pi) * width) ** len(bias_section.torsions)
    n_hills = build("bias", 0.6, segment=10.0).table.sum() / (bias_section.hill_height_kJ_per_mol * volume)
    assert 0.7 * 6 < n_hills < 0.98 * 6


@pytest.mark.filterwarnings("ignore")
def test_an_explosion_is_an_error_with_the_remedy(alanine):
    wild = OpenMMReferenceSection(
        sequence="ACE ALA NME", platform="Reference", timestep_fs=100, frame_interval_ps=10, equilibration_ps=50
    )
    dynamics = Dynamics(alanine, wild)
    with pytest.raises(UnstableError, match=r"lower reference\.timestep_fs"):
        _run(dynamics)


def _run(dynamics):
    dynamics.begin(None, 3)
    dynamics.frame()


def test_an_absent_platform_lists_those_present(alanine):
    with pytest.raises(ConfigError, match=r"'Quantum' does not work here .*present: \['Reference'"):
        create_context(alanine.system, openmm.VerletIntegrator(0.001), "Quantum")


def test_a_system_comes_back_from_json(alanine):
    import json  # noqa: PLC0415 (only here)

    back = system_from_plain(json.loads(json.dumps(to_plain(alanine))), source="test")
    assert back.topology == alanine.topology
    assert np.array_equal(back.starts["native"], alanine.starts["native"])
    assert openmm.XmlSerializer.serialize(back.system) == openmm.XmlSerializer.serialize(alanine.system)


def test_a_schedule_counts_what_remains():
    schedule = Schedule("reference 0", 5, length=1.0, interval=0.04, segment=0.2)
    stretches = [(stretch.n_intervals, stretch.seed) for stretch in schedule.remaining(0)]
    assert [count for count, _ in stretches] == [5, 5, 5, 5, 5]
    assert len({seed for _, seed in stretches}) == 5
    assert [(stretch.n_intervals, stretch.seed) for stretch in schedule.remaining(3)] == stretches[3:]


def test_a_schedule_ends_on_its_length():
    schedule = Schedule("reference 0", 5, length=0.92, interval=0.04, segment=0.2)
    assert [stretch.n_intervals for stretch in schedule.remaining(0)] == [5, 5, 5, 5, 3]
