"""The loop: recorded frames, reproducibility to the last bit, and what happens when a replica explodes."""

import numpy as np
import pytest
import torch
from known_systems import HarmonicPair, known_chain
from stored import interrupted

import cgpipe.simulation.run as run_module
from cgpipe.config.sections import NetworkSection
from cgpipe.data.segments import SegmentStore
from cgpipe.errors import UnstableError
from cgpipe.model.schnet import SchNet, tabulate
from cgpipe.potential import Potential, SumPotential
from cgpipe.simulation.run import simulate
from cgpipe.simulation.stability import bond_limits

_WELL = HarmonicPair(200.0)


def _assert_same_bits(first, second):
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert np.array_equal(values, second[name]), f"{name} differ"


def _replicas(arrays, chosen):
    return {name: values[:, chosen] for name, values in arrays.items()}


def test_what_is_recorded(setting, run, pair_start):
    arrays = run(setting(_WELL), pair_start)
    assert arrays["positions"].shape == (18, 9, 2, 3)
    assert {arrays[name].shape for name in arrays if name != "positions"} == {(18, 9)}
    assert {values.dtype for values in arrays.values()} == {np.dtype(np.float32)}


def test_observables_belong_to_the_positions_beside_them(setting, run, pair_start):
    arrays = run(setting(_WELL, dtype=torch.float64), pair_start)
    length = np.linalg.norm(arrays["positions"][:, :, 1] - arrays["positions"][:, :, 0], axis=-1)
    np.testing.assert_allclose(arrays["potential_energy"], 100.0 * length**2, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(arrays["bond_stretch"], length / 0.1, rtol=1e-5)


@pytest.mark.parametrize(
    ("length_ps", "segment_ps", "counts"), [(0.36, 0.1, [5, 5, 5, 3]), (0.2, 0.1, [5, 5]), (0.06, 1.0, [3])]
)
def test_frames_of_each_segment(setting, pair_start, tmp_path, length_ps, segment_ps, counts):
    store = SegmentStore(tmp_path / "run", "fingerprint")
    simulate(setting(_WELL, section={"length_ps": length_ps, "segment_ps": segment_ps}), pair_start, store)
    assert [len(frames["positions"]) for frames in store.frames()] == counts


def test_frames_are_an_interval_apart(setting, run, pair_start):
    """Ballistic motion: without forces, friction and noise a replica moves v t between frames."""
    free = setting(HarmonicPair(0.0), section={"friction_per_ps": 1e-12}, thermal_energy=1.0, dtype=torch.float64)
    positions = run(free, pair_start)["positions"]
    steps = np.diff(positions, axis=0)[:4]  # within the first segment
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-6)
    velocity = run_module.thermal_velocities(free.masses, 1.0, rows=[(k,) for k in range(9)], root_seed=1)
    np.testing.assert_allclose(steps[0], 0.02 * velocity, atol=1e-6)


def test_the_same_seed_gives_the_same_bits(setting, run, pair_start):
    _assert_same_bits(run(setting(_WELL), pair_start, "one"), run(setting(_WELL), pair_start, "two"))


def test_another_seed_gives_other_noise(setting, run, pair_start):
    first, second = (run(setting(_WELL, root_seed=seed), pair_start, str(seed)) for seed in (1, 2))
    assert not (first["positions"] == second["positions"]).any(axis=(0, 2, 3)).any()


def test_replicas_have_noise_of_their_own(setting, run, pair_start):
    same_start = np.repeat(pair_start[:1], 9, axis=0)
    last = run(setting(_WELL), same_start)["positions"][-1]
    assert len(np.unique(last[:, 1, 0])) == 9


def test_segments_have_noise_of_their_own(setting, run, pair_start):
    """With full friction a segment's displacements are its noise; no two segments may repeat it."""
    free = setting(HarmonicPair(0.0), section={"friction_per_ps": 1e6}, dtype=torch.float64)
    displacements = np.diff(run(free, pair_start)["positions"][:, 0, 0, 0].reshape(-1)[:15].reshape(3, 5), axis=1)
    assert not np.isclose(displacements[0], displacements[1]).any()
    assert not np.isclose(displacements[1], displacements[2]).any()


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_interrupted_and_resumed_equals_uninterrupted(setting, run, pair_start, tmp_path, monkeypatch, dtype, after):
    chosen = setting(_WELL, dtype=dtype)
    uninterrupted = run(chosen, pair_start, "whole")
    store = SegmentStore(tmp_path / "pieces", "fingerprint")
    interrupted(lambda: simulate(chosen, pair_start, store), monkeypatch, after=after)
    assert store.n_segments == after
    _assert_same_bits(run(chosen, pair_start, "pieces"), uninterrupted)


def test_a_finished_simulation_is_not_run_again(setting, run, pair_start):
    first = run(setting(_WELL), pair_start)
    _assert_same_bits(run(setting(Potential()), pair_start), first)  # a bare Potential has no energy


@pytest.mark.parametrize("shares", [[range(5), range(5, 9)], [range(1), range(1, 2), range(2, 9)]])
def test_replicas_do_not_depend_on_their_job(setting, run, pair_start, shares):
    together = run(setting(_WELL), pair_start)
    for replicas in shares:
        share = slice(replicas.start, replicas.stop)
        alone = run(setting(_WELL, replicas=replicas), pair_start[share], f"job{replicas.start}")
        _assert_same_bits(alone, _replicas(together, share))


def test_noise_drawn_ahead_is_the_noise_drawn_step_by_step(setting, run, pair_start, monkeypatch):
    ahead = run(setting(_WELL), pair_start, "ahead")
    monkeypatch.setattr(run_module, "_NOISE_BYTES", 1)
    _assert_same_bits(run(setting(_WELL), pair_start, "one by one"), ahead)


@pytest.fixture
def molecule():
    """A chain of six beads with frames, and its tabulated network."""
    chain = known_chain(6, cosine=(1.0,))
    torch.manual_seed(0)
    section = NetworkSection(n_features=64, n_blocks=2, n_radial=20)
    network = SchNet(section, bead_types=list(range(6)), energy_scale=2.5).float()
    return chain, chain.sample(9, np.random.default_rng(0)).astype(np.float32), tabulate(network, 512).float()


@pytest.fixture
def shared_and_alone(setting, run, molecule):
    """Maker of the first replica's positions, simulated with eight others and alone."""
    chain, start, _ = molecule
    fixed = {"masses": np.array(chain.topology.masses), "bonds": bond_limits(chain.topology, start, 50.0)}

    def both(potential):
        together = run(setting(potential, **fixed), start, "together")["positions"]
        alone = run(setting(potential, replicas=range(1), **fixed), start[:1], "alone")["positions"]
        return together[:, :1], alone

    return both


@pytest.mark.parametrize("part", ["prior", "network"])
def test_replicas_depend_on_their_job_by_rounding_at_most(shared_and_alone, molecule, part):
    """Bits are not promised: products and vector registers may round differently for another number of replicas."""
    together, alone = shared_and_alone(molecule[0].potential.float() if part == "prior" else molecule[2])
    np.testing.assert_allclose(alone, together, atol=1e-5)


class _Explosive(Potential):
    """Two beads that repel the more the farther apart they are: each replica grows by its own start."""

    def energy(self, positions):
        return -2000.0 * ((positions[:, 1] - positions[:, 0]) ** 2).sum(-1)


@pytest.fixture
def exploding(setting):
    """Replicas 4, 5 and 6 without heat, of which 5, the longest, is the first to stretch fiftyfold."""
    start = np.zeros((3, 2, 3), dtype=np.float32)
    start[:, 1, 0] = [0.05, 0.2, 0.1]
    section = {"segment_ps": 1.0, "friction_per_ps": 1.0}
    return setting(_Explosive(), thermal_energy=0.0, replicas=range(4, 7), section=section), start


def _simulate_until_unstable(setting, start, store):
    with pytest.raises(UnstableError) as caught:
        simulate(setting, start, store)
    return caught.value


def test_an_explosion_names_replica_step_and_beads(exploding, tmp_path):
    error = _simulate_until_unstable(*exploding, SegmentStore(tmp_path / "run", "fingerprint"))
    step = 5 * (len(error.frames) + 1)
    assert f"replica 5 left the physical range before step {step}:" in str(error)
    assert "beads AAA1:X and BBB2:Y are" in str(error)
    assert "50 times 0.1 nm" in str(error)


def test_an_explosion_carries_the_last_sane_frames(exploding, tmp_path):
    error = _simulate_until_unstable(*exploding, SegmentStore(tmp_path / "run", "fingerprint"))
    lengths = np.linalg.norm(error.frames[:, 1] - error.frames[:, 0], axis=-1)
    assert error.frames.shape[1:] == (2, 3)
    assert lengths[0] > 0.2, "these are the frames of the second replica"
    assert (np.diff(lengths) > 0).all()
    assert lengths[-1] < 5.0
    growth = lengths[-1] / lengths[-2]
    assert lengths[-1] * growth > 0.9 * 5.0, "the next frame would have been beyond the limit"


def test_an_explosion_keeps_the_segments_before_it(exploding, tmp_path):
    setting, start = exploding
    store = SegmentStore(tmp_path / "run", "fingerprint")
    short = setting.section.model_copy(update={"segment_ps": 0.06})
    error = _simulate_until_unstable(type(setting)(**{**vars(setting), "section": short}), start, store)
    n_kept = sum(len(frames["positions"]) for frames in store.frames())
    assert n_kept > 0
    assert f"before step {5 * (n_kept + len(error.frames) + 1)}:" in str(error)


def test_an_explosion_of_a_network_is_reported_as_any_other(setting, molecule, tmp_path):
    """A time step that is too long blows up between two frames, so that positions are NaN when they are looked at."""
    chain, start, network = molecule
    violent = setting(
        SumPotential([chain.potential, network]).float(),
        section={"timestep_fs": 100.0, "frame_interval_ps": 10.0, "segment_ps": 10.0, "length_ps": 10.0},
        masses=np.array(chain.topology.masses),
        bonds=bond_limits(chain.topology, start, 2.0),
    )
    assert "replica" in str(_simulate_until_unstable(violent, start, SegmentStore(tmp_path / "run", "fingerprint")))
