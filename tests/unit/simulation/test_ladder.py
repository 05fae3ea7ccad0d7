"""Parallel tempering: exchanges keep every level's distribution, and carry replicas over barriers."""

import numpy as np
import pytest
import torch
from judgement import assert_agrees
from known_systems import HarmonicPair
from stored import interrupted

from cgpipe.config.sections import TemperingSection
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import ConfigError, UnstableError
from cgpipe.potential import Potential
from cgpipe.simulation.ladder import Ladder
from cgpipe.simulation.run import ReplicaError, simulate
from cgpipe.simulation.stability import BondLimits
from cgpipe.simulation.state import State

_LADDER = Ladder((2.0, 3.0, 5.0))
_N = 40_000
_WELL_AT, _BARRIER = 0.05, 20.0
"""nm, kJ/mol: eight times the thermal energy."""


class _TwoWells(Potential):
    """Double well along x of the distance between two beads, harmonic across."""

    def energy_and_forces(self, positions):
        vector = positions[:, 1] - positions[:, 0]
        x = (vector[:, 0] - 0.1) / _WELL_AT
        across = vector[:, 1:]
        energy = _BARRIER * (x**2 - 1) ** 2 + 2000.0 * (across**2).sum(dim=1)
        slope = torch.cat([(4 * _BARRIER * x * (x**2 - 1) / _WELL_AT)[:, None], 4000.0 * across], dim=1)
        return energy, torch.stack([slope, -slope], dim=1)


def _state(energy):
    """Copies whose only known is their energy; the position holds it too."""
    rows = torch.from_numpy(energy.reshape(-1))
    positions = rows[:, None, None].expand(-1, 1, 3).clone()
    return State(positions, torch.ones_like(positions), positions.clone(), rows, torch.ones(1, 1, dtype=rows.dtype))


@pytest.mark.parametrize("turn", [0, 1])
def test_exchanges_keep_the_distribution_of_every_level(turn):
    rng = np.random.default_rng(turn)
    shape = 3.0  # of the energies of six quadratic degrees of freedom
    energy = rng.gamma(shape, np.array(_LADDER.thermal_energies), size=(_N, 3))
    state, share = _LADDER.exchange(_state(energy), torch.from_numpy(rng.random((_N, 2))), turn=turn)
    assert 0.3 < float(share.mean()) < 0.95
    after = state.energy.reshape(-1, 3).numpy()
    assert not np.array_equal(after, energy)
    scale = np.array(_LADDER.thermal_energies)
    for power in (1, 2):
        moments = (after / scale) ** power
        expected = [shape, shape * (shape + 1)][power - 1]
        error = moments.std(axis=0) / np.sqrt(_N)
        assert_agrees(moments.mean(axis=0), error=error, expected=expected, what=f"moment {power}", n_samples=_N)


def test_a_copy_moves_whole_and_takes_the_velocity_of_its_level():
    energy = np.array([[5.0, 0.0, 9.0]])
    state, share = _LADDER.exchange(_state(energy), torch.zeros(1, 2, dtype=torch.float64), turn=0)
    assert share.tolist() == [1.0]
    assert state.energy.tolist() == [0.0, 5.0, 9.0]
    assert state.positions[:, 0, 0].tolist() == state.forces[:, 0, 0].tolist() == [0.0, 5.0, 9.0]
    assert state.velocities[:, 0, 0].tolist() == pytest.approx([np.sqrt(2 / 3), np.sqrt(3 / 2), 1.0])


def test_a_downhill_exchange_is_always_and_an_uphill_one_rarely_accepted():
    uniform = torch.full((1, 2), 0.9, dtype=torch.float64)
    assert _LADDER.exchange(_state(np.array([[5.0, 0.0, 9.0]])), uniform, turn=0)[1].item() == 1.0
    assert _LADDER.exchange(_state(np.array([[0.0, 5.0, 9.0]])), uniform, turn=0)[1].item() == 0.0


@pytest.mark.parametrize("energies", [(2.5, 2.5), (2.5, 2.0), (2.5, 3.0, 2.9)])
def test_a_ladder_that_does_not_rise_is_refused(energies):
    with pytest.raises(ConfigError, match="must rise"):
        Ladder(energies)


def _start(n_replicas):
    positions = np.zeros((n_replicas, 2, 3), dtype=np.float32)
    positions[:, 1, 0] = 0.1 - _WELL_AT  # all in one well
    return positions


def _other_well(frames):
    return (frames["positions"][:, :, 1, 0] - frames["positions"][:, :, 0, 0] > 0.1).mean(axis=0)


def _tempered(setting, temperatures, **changes):
    section = {"length_ps": 30.0, "segment_ps": 15.0, "frame_interval_ps": 0.04, "timestep_fs": 2.0}
    tempering = TemperingSection(temperatures_K=temperatures) if temperatures else None
    return setting(_TwoWells(), section={**section, "tempering": tempering}, replicas=range(24), **changes)


def test_a_ladder_carries_replicas_over_a_barrier(setting, run):
    frames = run(_tempered(setting, [480.0, 800.0, 1400.0]), _start(24))
    assert frames["positions"].shape == (750, 24, 2, 3)
    assert 0.2 < frames["exchanged"].mean() < 0.95
    other = _other_well({"positions": frames["positions"][150:]})
    error = other.std(ddof=1) / np.sqrt(len(other))
    assert_agrees(other.mean(), error=error, expected=0.5, what="population of the other well", n_samples=24)
    assert error < 0.06
    plain = _other_well(run(_tempered(setting, []), _start(24), "plain"))
    assert plain.mean() < 0.2, "the barrier is no obstacle, so this test shows nothing"


def test_level_zero_has_the_temperature_of_the_model(setting, run):
    frames = run(_tempered(setting, [480.0, 800.0]), _start(24))
    measured = frames["kinetic_temperature"][100:]
    expected = 2.5 / 0.00831446261815324
    error = measured.mean(axis=0).std(ddof=1) / np.sqrt(24)
    cold = 0.02  # of the harmonic directions, at the end of a step
    assert abs(measured.mean() / expected - 1) < cold + 4 * error / expected


def test_a_hot_copy_that_fails_is_named_as_such(setting, run, pair_topology):
    limits = BondLimits(pair_topology, torch.tensor([[0, 1]]), torch.tensor([0.1]), 20.0)
    section = {"length_ps": 1.0, "tempering": TemperingSection(temperatures_K=[1e6])}
    wild = setting(HarmonicPair(200.0), section=section, replicas=range(3), bonds=limits)
    with pytest.raises(UnstableError, match=r"replica \d \(its copy at 1000000 K\) left") as caught:
        run(wild, _start(3))
    assert not len(caught.value.frames), "frames of another copy, which is sound"


def test_a_hot_copy_has_no_frames_of_the_segment_before(tmp_path):
    store = SegmentStore(tmp_path / "kept", "fingerprint")
    store.append({"positions": np.ones((4, 3, 2, 3))}, {})
    assert len(ReplicaError("cold", 1, []).told(store).frames) == 4
    assert not len(ReplicaError("hot", 1, None).told(store).frames)


def test_interrupted_tempering_equals_uninterrupted(setting, run, tmp_path, monkeypatch):
    chosen = _tempered(setting, [480.0, 800.0])
    whole = run(chosen, _start(24), "whole")
    store = SegmentStore(tmp_path / "pieces", "fingerprint")
    interrupted(lambda: simulate(chosen, _start(24), store), monkeypatch, after=1)
    resumed = run(chosen, _start(24), "pieces")
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
