"""Long runs of the Langevin step against exact averages, at time steps from small to nearly unstable."""

import numpy as np
import pytest
from judgement import assert_agrees, relative_error_of_variance
from known_systems import DoubleWellPair, HarmonicPair
from langevin_samples import MASS, difference, pair_at_rest, snapshots

_KT = 2.5
_STIFFNESS = 600.0
_N_REPLICAS = 4096


@pytest.mark.parametrize("reduced_step", [0.3, 1.0, 1.5, 1.9])
def test_variances_in_a_harmonic_well(reduced_step):
    """Positions kT/k whatever the step, momenta m kT (1 - (omega h)^2/4) at its end, to about 0.1 %.

    With friction equal to the frequency all correlations decay within a few periods; snapshots are 12/omega apart.
    """
    well = HarmonicPair(_STIFFNESS)
    frequency = well.frequency(MASS)
    states = snapshots(
        well,
        pair_at_rest(well, _N_REPLICAS),
        n_snapshots=84,
        steps_between=max(8, round(12 / reduced_step)),
        seed=3,
        timestep=reduced_step / frequency,
        friction=frequency,
        thermal_energy=_KT,
    )
    rows = [(difference(s.positions).square().sum(), difference(s.velocities).square().sum()) for s in states][4:]
    n_samples = len(rows) * _N_REPLICAS * 3
    observed = np.sum(rows, axis=0, dtype=float) / n_samples
    expected = np.array([_KT / _STIFFNESS, 2 * _KT / MASS * (1 - reduced_step**2 / 4)])
    error = expected * relative_error_of_variance(n_samples)
    assert_agrees(observed, error=error, expected=expected, what="<r^2>, <v^2>", n_samples=n_samples)


@pytest.fixture(scope="module")
def double_well():
    return DoubleWellPair(barrier=5.0, half_width=0.1, stiffness=800.0)


@pytest.fixture(scope="module")
def energies_at(double_well):
    """Maker of energies, (n_snapshots, n_replicas), at a thermal energy; replicas are independent."""

    def sample(thermal_energy):
        states = snapshots(
            double_well,
            pair_at_rest(double_well, 2000),
            n_snapshots=24,
            steps_between=150,
            seed=round(1000 * thermal_energy),
            timestep=0.005,
            friction=5.0,
            thermal_energy=thermal_energy,
        )
        return np.array([state.energy.numpy() for state in states])[4:]

    return {thermal_energy: sample(thermal_energy) for thermal_energy in (2.0, 2.5)}


@pytest.mark.parametrize("thermal_energy", [2.0, 2.5])
def test_mean_energy_in_a_double_well(energies_at, double_well, thermal_energy):
    means = energies_at[thermal_energy].mean(0)
    assert_agrees(
        means.mean(),
        error=means.std(ddof=1) / np.sqrt(len(means)),
        expected=double_well.mean_energy(thermal_energy),
        what="mean energy, kJ/mol",
        n_samples=len(means),
    )


def _logistic_slope(first, second):
    """Slope of ln(p_second/p_first) along the energy, by the maximum of the likelihood."""
    values = np.concatenate([first, second])
    labels = np.repeat([0.0, 1.0], [len(first), len(second)])
    design = np.column_stack([np.ones_like(values), values - values.mean()])
    coefficients = np.zeros(2)
    for _ in range(8):
        chance = 1 / (1 + np.exp(-design @ coefficients))
        curvature = design.T @ (design * (chance * (1 - chance))[:, None])
        coefficients += np.linalg.solve(curvature, design.T @ (labels - chance))
    return coefficients[1]


def test_two_temperatures_have_the_ratio_of_boltzmann(energies_at):
    """ln(p_2(E)/p_1(E)) is a line of slope 1/kT_1 - 1/kT_2, whatever the potential and its density of states.

    It cannot see an error that both temperatures share; the mean energies above do.
    """
    cold, hot = energies_at[2.0], energies_at[2.5]
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, cold.shape[1], size=(2, cold.shape[1])) for _ in range(40)]
    resampled = [_logistic_slope(cold[:, c].ravel(), hot[:, h].ravel()) for c, h in draws]
    assert_agrees(
        _logistic_slope(cold.ravel(), hot.ravel()),
        error=np.std(resampled, ddof=1),
        expected=1 / 2.0 - 1 / 2.5,
        what="slope of the logarithm of the ratio, mol/kJ",
        n_samples=cold.shape[1],
    )
