"""The whole road on a chain whose torsion is known and left for the network to find.

Frames are exact samples, labels are exact forces, the prior has bonds and angles only. What is trained is written to
its file, read back, simulated, and its free energy along the torsion compared with the one that made the frames.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from judgement import assert_agrees
from known_systems import known_chain

from cgpipe.config.sections import NetworkSection, SimulationSection, TrainingSection
from cgpipe.data.segments import SegmentStore
from cgpipe.data.trajectory import Trajectory
from cgpipe.geometry import dihedrals
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.force_field import ForceField, bind_network, known_types
from cgpipe.model.force_field_file import load_force_field, save_force_field
from cgpipe.prior.prior import Prior
from cgpipe.simulation.run import Setting, simulate
from cgpipe.simulation.stability import bond_limits
from cgpipe.training.batches import Molecule, frames_on
from cgpipe.training.loop import Resume, train
from cgpipe.training.targets import residual_forces

_TEMPERATURE = 300.0
_KT = 2.494338785445972
_CPU = torch.device("cpu")
_N_BINS = 18
_NETWORK = NetworkSection(n_features=32, n_blocks=2, n_radial=30, cutoff_nm=0.8)
_TRAINING = TrainingSection(batch_size=128, n_epochs=30, learning_rate=3e-3)
_SIMULATION = SimulationSection(length_ps=120.0, frame_interval_ps=0.4, segment_ps=20.0, friction_per_ps=3.0)
_DISCARDED = 50  # frames, 20 ps: all replicas start on one side of the barriers
_N_REPLICAS = 256


@pytest.fixture(scope="module")
def chain():
    """Four beads; two barriers of about 3 kT separate three minima of different depth."""
    return known_chain(4, cosine=(1.5, 2.5, -2.5), length_stiffness=20_000.0, angle_stiffness=150.0, thermal_energy=_KT)


@pytest.fixture(scope="module")
def beads(chain):
    positions = chain.sample(8000, np.random.default_rng(0))
    forces = chain.potential.energy_and_forces(torch.from_numpy(positions))[1].numpy()
    return Trajectory(chain.topology, positions.astype(np.float32), forces.astype(np.float32))


@pytest.fixture(scope="module")
def prior(chain):
    return replace(chain.parameters, dihedrals=())


@pytest.fixture(scope="module")
def trained(beads, prior, tmp_path_factory):
    """State of the training, and validation frames with what the prior leaves unexplained."""
    torch.manual_seed(0)
    network = bind_network(_NETWORK, beads.topology, types=known_types([beads.topology]), energy_scale=_KT).float()
    frames = frames_on(beads.positions, residual_forces(beads, Prior(prior)), dtype=torch.float32, device=_CPU)
    order = np.arange(beads.n_frames)
    training, validation = frames.select(order[:7000]), frames.select(order[7000:])
    resume = Resume(tmp_path_factory.mktemp("train") / "checkpoint", "fingerprint")
    return train(
        network, [Molecule(network, training, validation)], _TRAINING, root_seed=1, name="fold", resume=resume
    ), validation


def test_the_network_explains_the_forces_of_the_torsion(trained):
    state, validation = trained
    lowest = state.history[state.best_epoch].validation_loss
    assert lowest < 0.01 * float(validation.forces.square().mean())


@pytest.fixture(scope="module")
def potential(trained, beads, prior, tmp_path_factory):
    """What a simulation makes of the file of the force field."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    weights = trained[0].best_weights
    save_force_field(
        path, ForceField(beads.topology, prior, _NETWORK, weights, _TEMPERATURE, _KT, {}, known_types([beads.topology]))
    )
    return bind_force_fields([load_force_field(path)], dtype=torch.float32, device=_CPU, n_table_knots=2048)


@pytest.fixture(scope="module")
def torsions_of(chain, beads, tmp_path_factory):
    """Maker of torsions simulated under a potential, (n_times, n_replicas); all start on one side, phi > 0."""
    torsion = torch.tensor([[0, 1, 2, 3]])
    start = beads.positions[dihedrals(torch.from_numpy(beads.positions), torsion)[:, 0].numpy() > 0][:_N_REPLICAS]

    def simulated(potential):
        setting = Setting(
            potential=potential,
            section=_SIMULATION,
            masses=np.array(chain.topology.masses),
            bonds=bond_limits(chain.topology, start, 2.0),
            thermal_energy=_KT,
            replicas=range(_N_REPLICAS),
            root_seed=2,
            dtype=torch.float32,
            device=_CPU,
        )
        store = SegmentStore(tmp_path_factory.mktemp("simulation") / "run", "fingerprint")
        simulate(setting, start, store)
        positions = np.concatenate([frames["positions"] for frames in store.frames()])[_DISCARDED:]
        return dihedrals(torch.from_numpy(positions), torsion)[..., 0].numpy()

    return simulated


def _profile(torsions):
    """Free energy of each bin, kJ/mol, and its bootstrap error over replicas; mean over bins zero."""
    edges = np.linspace(-np.pi, np.pi, _N_BINS + 1)
    counts = np.array([np.histogram(column, edges)[0] for column in torsions.T])  # (n_replicas, n_bins)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=200)
    with np.errstate(divide="ignore"):
        energies = -_KT * np.log(np.vstack([counts.sum(0), draws @ counts]))
    energies -= energies.mean(1, keepdims=True)
    return energies[0], energies[1:].std(0, ddof=1)


def _known_profile(chain):
    phi, density = chain.torsion_density(chain.parameters.dihedrals[0])
    counts = np.histogram(phi[:-1], np.linspace(-np.pi, np.pi, _N_BINS + 1), weights=density[:-1])[0]
    energies = -_KT * np.log(counts)
    return energies - energies.mean()


def test_the_simulated_free_energy_is_the_known_one(torsions_of, potential, chain):
    """Each of 18 bins within 4 standard errors, and all together as scattered as their errors say."""
    profile, error = _profile(torsions_of(potential))
    known = _known_profile(chain)
    assert np.ptp(known) > 2.5 * _KT, "control: the torsion has something to find"
    assert float(error.max()) < 0.4, "control: the errors are small beside the profile"
    assert_agrees(profile, error=error, expected=known, what="free energy, kJ/mol", n_samples=_N_REPLICAS)
    scatter = float(np.sqrt(np.mean(((profile - known) / error) ** 2)))
    assert scatter < 1.7, f"the bins lie {scatter:.2f} standard errors from the known profile in the mean"


def test_without_the_network_the_torsion_is_flat(torsions_of, prior, chain):
    """Control: the prior alone, and so a network that learned nothing, is seen to be wrong."""
    profile, error = _profile(torsions_of(Prior(prior).float()))
    distance = np.abs(profile - _known_profile(chain)) / error
    assert float(distance.max()) > 10
    assert_agrees(profile, error=error, expected=0.0, what="free energy, kJ/mol", n_samples=_N_REPLICAS)
