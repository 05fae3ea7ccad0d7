"""The systems with exact answers, tested themselves by a second road to each answer."""

import numpy as np
import pytest
import torch
from judgement import assert_agrees, relative_error_of_variance
from known_systems import (
    DoubleWellPair,
    HarmonicPair,
    autoregressive,
    build_chain,
    draw,
    inefficiency,
    known_chain,
)

from cgpipe.geometry import angles, dihedrals, distances
from cgpipe.potential import Potential

_KT = 2.5
_N = 20_000
PAIRS = {
    "harmonic": HarmonicPair(800.0),
    "double well": DoubleWellPair(barrier=5.0, half_width=0.1, stiffness=800.0),
}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_forces_by_hand_are_those_of_the_energy(pair, rng):
    positions = torch.from_numpy(rng.normal(scale=0.1, size=(5, 2, 3)))
    expected = Potential.energy_and_forces(pair, positions)
    torch.testing.assert_close(pair.energy_and_forces(positions), expected, rtol=1e-12, atol=1e-9)


def test_frequency_of_the_pair_is_that_of_its_newton_equation():
    pair, mass = HarmonicPair(800.0), 12.0
    start = torch.tensor([[[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]]], dtype=torch.float64)
    forces = pair.energy_and_forces(start)[1]
    acceleration = float(forces[0, 1, 0] - forces[0, 0, 0]) / mass
    assert acceleration == pytest.approx(-(pair.frequency(mass) ** 2) * 0.1)


@pytest.mark.parametrize("thermal_energy", [1.5, 2.5])
def test_double_well_mean_energy_agrees_with_rejection_sampling(thermal_energy, rng):
    pair = PAIRS["double well"]
    n_trials = 2_000_000
    x = rng.uniform(-0.25, 0.25, n_trials)
    x = x[rng.random(n_trials) < np.exp(-pair._along(x) / thermal_energy)]
    y, z = rng.normal(scale=np.sqrt(thermal_energy / pair.stiffness), size=(2, len(x)))
    ends = torch.from_numpy(np.stack([np.zeros((len(x), 3)), np.column_stack([x, y, z])], axis=1))
    energy = pair.energy(ends).numpy()
    assert_agrees(
        energy.mean(),
        error=energy.std() / np.sqrt(len(x)),
        expected=pair.mean_energy(thermal_energy),
        what="mean energy, kJ/mol",
        n_samples=len(x),
    )


def test_a_built_chain_has_the_coordinates_it_was_built_from(rng):
    lengths, bends = rng.uniform(0.1, 0.3, (50, 5)), rng.uniform(0.5, 2.5, (50, 4))
    torsions = rng.uniform(-np.pi, np.pi, (50, 3))
    positions = torch.from_numpy(build_chain(lengths, bends, torsions))
    chain = torch.arange(6)
    sites = [chain.unfold(0, size, 1) for size in (2, 3, 4)]
    np.testing.assert_allclose(distances(positions, sites[0]), lengths, rtol=1e-10)
    np.testing.assert_allclose(angles(positions, sites[1]), bends, rtol=1e-10)
    np.testing.assert_allclose(dihedrals(positions, sites[2]), torsions, rtol=1e-8, atol=1e-10)


def test_samples_of_a_density_have_its_variance(rng):
    grid = np.linspace(-12, 12, 4001)
    values = draw(grid, np.exp(-0.5 * (grid / 1.5) ** 2), _N, rng)
    error = 1.5**2 * relative_error_of_variance(_N)
    assert_agrees((values**2).mean(), error=error, expected=1.5**2, what="variance", n_samples=_N)


def test_forces_on_frames_of_the_chain_have_the_mean_square_of_boltzmann_samples(rng):
    """<F . F> = kT <div grad U> in Cartesian coordinates: a wrong volume element, width or term breaks it."""
    n_frames = 8000
    chain = known_chain(
        5, cosine=(3.0, -2.0), sine=(1.0, 0.0), angle=1.2, angle_stiffness=40.0, length_stiffness=2000.0
    )
    positions = torch.from_numpy(chain.sample(n_frames, rng))
    squares = (chain.potential.energy_and_forces(positions)[1] ** 2).sum((1, 2))
    energy = chain.potential.energy
    hessian = torch.func.vmap(torch.func.hessian(lambda x: energy(x.view(1, -1, 3))[0]))(positions.flatten(1))
    difference = (squares - _KT * hessian.diagonal(dim1=1, dim2=2).sum(-1)).numpy()
    assert_agrees(
        difference.mean() / float(squares.mean()),
        error=difference.std() / np.sqrt(n_frames) / float(squares.mean()),
        expected=0.0,
        what="relative difference of both sides",
        n_samples=n_frames,
    )


def test_frames_of_the_chain_satisfy_the_hypervirial_of_a_torsion(rng):
    """<(dU/dphi)^2> = kT <d2U/dphi2> for a torsion that is independent of all else."""
    a, b = (3.0, -2.0), (1.0, 0.5)
    chain = known_chain(4, cosine=a, sine=b, thermal_energy=_KT)
    positions = torch.from_numpy(chain.sample(_N, rng))
    phi = dihedrals(positions, torch.tensor([[0, 1, 2, 3]]))[:, 0].numpy()
    slope = sum(m * (b[m - 1] * np.cos(m * phi) - a[m - 1] * np.sin(m * phi)) for m in (1, 2))
    bend = -sum(m**2 * (a[m - 1] * np.cos(m * phi) + b[m - 1] * np.sin(m * phi)) for m in (1, 2))
    difference = slope**2 - _KT * bend
    assert_agrees(
        difference.mean(),
        error=difference.std() / np.sqrt(_N),
        expected=0.0,
        what="hypervirial, (kJ/mol)^2",
        n_samples=_N,
    )


def test_the_torsion_of_the_chain_is_not_symmetric():
    chain = known_chain(4, cosine=(0.0,), sine=(2.0,))
    phi, density = chain.torsion_density(chain.parameters.dihedrals[0])
    assert density[phi < 0].sum() > 2 * density[phi > 0].sum()


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_autoregressive_series_has_its_variance_and_lag_one_correlation(correlation, rng):
    series = autoregressive(correlation, 100_000, rng)
    n_effective = len(series) / inefficiency(correlation**2)
    error = relative_error_of_variance(n_effective)
    assert_agrees((series**2).mean(), error=error, expected=1.0, what="variance", n_samples=int(n_effective))
    products = (series[1:] * series[:-1]).mean()
    assert_agrees(products, error=error, expected=correlation, what="lag one", n_samples=int(n_effective))
