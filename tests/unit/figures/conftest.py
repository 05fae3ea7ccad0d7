"""Records as `cgpipe compare` and `cgpipe prior` write them, with bins that nothing visited."""

import numpy as np
import pytest

from cgpipe.figures.record import ComparisonRecord

_N_BINS, _N_TIMES = 12, 5
_RESIDUES = ["ALA2", "GLY3"]
_BONDS, _ANGLES = ["A - B", "B - C"], ["A - B - C"]
ENSEMBLES = ("reference", "model", "check")


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def record(rng):
    """Reference, model and unbiased check of two residues."""
    arrays = {}
    for name in ENSEMBLES:
        arrays |= {f"{name}_{key}": values for key, values in _ensemble(rng).items()}
    for name in ("kinetic_temperature", "potential_energy", "bond_stretch"):
        arrays[f"model_series_{name}"] = rng.random((20, 2)) + 1.0
    return ComparisonRecord(arrays, _header())


def _ensemble(rng):
    surface = 20 * rng.random((2, _N_BINS, _N_BINS))
    surface[:, 3, :4] = np.inf
    marginals, errors = 10 * rng.random((2, 2, _N_BINS)), rng.random((2, 2, _N_BINS))
    marginals[0, 0, 5], errors[0, 0, 5] = np.inf, np.nan
    errors[0, 1, 7] = np.nan  # one resample saw nothing there
    populations = rng.dirichlet(np.ones(3), size=2)
    return {
        "surface": surface,
        "marginals": marginals,
        "marginal_errors": errors,
        "populations": populations,
        "population_errors": 0.1 * populations,
        "convergence_js": np.vstack([rng.random((_N_TIMES - 1, 2)), np.zeros((1, 2))]),
        "convergence_populations": rng.dirichlet(np.ones(3), size=(_N_TIMES, 2)),
        "stretch_populations": rng.dirichlet(np.ones(3), size=(_N_TIMES, 2)),
        "bonds": _densities(rng, len(_BONDS), 1600),
        "angles": _densities(rng, len(_ANGLES), 720),
    }


def _densities(rng, n_terms, n_bins):
    """A bell somewhere on the grid of each term, (n_terms, n_bins), summing to one."""
    centre = rng.uniform(0.3, 0.6, n_terms)[:, None]
    density = np.exp(-0.5 * ((np.linspace(0, 1, n_bins) - centre) / 0.02) ** 2)
    return density / density.sum(-1, keepdims=True)


def _header():
    metric = {"value": 0.02, "error": 0.001, "noise_floor": 0.003, "unit": "nats"}
    counts = {"n_samples_model": 1000, "n_samples_reference": 2000, "n_samples_noise_floor": 1000}
    return {
        "residues": _RESIDUES,
        "bonds": _BONDS,
        "angles": _ANGLES,
        "durations_ps": dict.fromkeys(ENSEMBLES, 100.0),
        "frame_interval_ps": dict.fromkeys(ENSEMBLES, 5.0),
        "equilibration_ps": dict.fromkeys(ENSEMBLES, 10.0),
        "thermal_energy_kJ_per_mol": 2.5,
        "metrics": [{"metric": f"js_phi_psi[{residue}]", **metric, **counts} for residue in _RESIDUES],
    }


@pytest.fixture
def protein_record(rng):
    """Reference and model of a chain of six residues with three states, the last of which the model never saw."""
    arrays = {}
    for name in ("reference", "model"):
        arrays |= {f"{name}_{key}": values for key, values in _chain(rng).items()}
    arrays["model_structures"][2] = np.nan
    metric = {"value": 0.02, "error": 0.001, "noise_floor": 0.003, "unit": "nats"}
    counts = {"n_samples_model": 1000, "n_samples_reference": 2000, "n_samples_noise_floor": 1000}
    names = ("js_tic1_tic2[tica]", "contact_probability_rmse")
    limits = {"radius_of_gyration": (0.0, 1.0), "rmsd": (0.0, 0.8), "tic1": (-2.0, 2.0), "tic2": (-1.0, 3.0)}
    header = {
        "residues": [],
        "chain": ["GLY"] * 6,
        "coordinates": [{"name": n, "symbol": n, "unit": "nm", "limits": limit} for n, limit in limits.items()],
        "tic_limits": [[-2.0, 2.0], [-1.0, 3.0]],
        "state_centres": [[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]],
        "durations_ps": dict.fromkeys(("reference", "model"), 100.0),
        "metrics": [{"metric": name, **metric, **counts} for name in names],
    }
    return ComparisonRecord(arrays, header)


def _chain(rng):
    surface, lines = 20 * rng.random((_N_BINS, _N_BINS)), 10 * rng.random((4, 30))
    surface[3, :4], lines[0, 5] = np.inf, np.inf
    kinetics = {
        "lag": np.array([10.0]),
        "lags": np.array([5.0, 10.0, 20.0]),
        "implied": np.array([[300.0, 40.0, 9.0], [310.0, 45.0, 12.0], [320.0, np.nan, np.nan]]),
        "implied_errors": np.ones((3, 3)),
        "test_lags": np.array([10.0, 20.0]),
        "predicted": rng.random((2, 3)),
        "predicted_errors": 0.1 * rng.random((2, 3)),
        "estimated": rng.random((2, 3)),
        "transitions": rng.dirichlet(np.ones(3), size=3),
        "populations": rng.dirichlet(np.ones(3)),
        "connected_fraction": np.array([0.97]),
    }
    return {
        **{f"kinetics_{key}": values for key, values in kinetics.items()},
        "structures": rng.random((3, 4, 6, 3)),
        "chain_tic_surface": surface,
        "chain_lines": lines,
        "chain_line_errors": rng.random((4, 30)),
        "chain_contacts": rng.random(6),
        "chain_macrostates": rng.dirichlet(np.ones(3)),
        "chain_macrostate_errors": 0.01 * np.ones(3),
        "chain_tic_convergence_js": 0.1 * rng.random(_N_TIMES),
    }


@pytest.fixture
def prior_fits(rng):
    """Fit records of every kind, two of each."""
    units = {"bond": "nm", "angle": "rad", "dihedral": "rad", "repulsion": "nm"}
    return [_fit(kind, unit, rng) for kind, unit in units.items() for _ in range(2)]


def _fit(kind, unit, rng):
    centres = np.linspace(0.1, 0.9, 30)
    return {
        "kind": kind,
        "label": f"{kind} ALA2:CA - ALA2:C",
        "unit": unit,
        "divergence_nats": 0.01,
        "centres": centres.tolist(),
        "density": rng.random(30).tolist(),
        "fitted": rng.random(30).tolist(),
    }
