"""Fitted terms against chains whose parameters are known, in standard errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from judgement import assert_agrees, relative_error_of_variance
from known_systems import build_chain, draw, known_chain

from cgpipe.config.sections import PriorSection
from cgpipe.data.trajectory import Trajectory
from cgpipe.errors import FitError
from cgpipe.geometry import dihedrals
from cgpipe.prior.fit import fit_fourier, fit_prior
from cgpipe.prior.prior import Prior
from cgpipe.prior.quality import judge_prior

_N = 20_000
_SECTION = PriorSection(n_fourier=3)


@pytest.fixture
def chain():
    return known_chain(6, cosine=(2.0, -1.5, 0.5), sine=(1.0, 0.5, -0.5))


@pytest.fixture
def beads(chain, rng):
    return Trajectory(chain.topology, chain.sample(_N, rng))


def _judged(beads, chain):
    """Fit records of a prior that was fitted to the same beads."""
    energy = chain.thermal_energy
    return judge_prior(beads, fit_prior(beads, _SECTION, thermal_energy=energy), thermal_energy=energy)


def _moments(grid, density):
    mean = (grid * density).sum() / density.sum()
    return mean, ((grid - mean) ** 2 * density).sum() / density.sum()


@pytest.mark.parametrize("kind", ["bonds", "angles"])
def test_harmonic_terms_have_the_exact_mean_and_variance(chain, beads, kind):
    """The stiffness is kT over the variance of the exact density, with its volume element."""
    parameters = fit_prior(beads, _SECTION, thermal_energy=chain.thermal_energy)
    density = chain.length_density if kind == "bonds" else chain.angle_density
    for found, term in zip(getattr(parameters, kind), getattr(chain.parameters, kind), strict=True):
        mean, variance = _moments(*density(term))
        assert_agrees(found.centre, error=np.sqrt(variance / _N), expected=mean, what=kind, n_samples=_N)
        assert_agrees(
            chain.thermal_energy / found.stiffness,
            error=relative_error_of_variance(_N) * variance,
            expected=variance,
            what=f"variance of {kind}",
            n_samples=_N,
        )


def _fisher_errors(chain, term, n_fourier):
    """Standard errors of the likeliest coefficients, kJ/mol, from the curvature at the true ones."""
    phi, density = chain.torsion_density(term)
    multiples = phi[:, None] * np.arange(1, n_fourier + 1)
    basis = np.hstack([np.cos(multiples), np.sin(multiples)])
    weights = density / density.sum()
    mean = weights @ basis
    information = (basis * weights[:, None]).T @ basis - np.outer(mean, mean)
    return chain.thermal_energy * np.sqrt(np.diag(np.linalg.inv(information)) / _N)


def test_fourier_terms_are_recovered(chain, beads):
    parameters = fit_prior(beads, _SECTION, thermal_energy=chain.thermal_energy)
    for found, term in zip(parameters.dihedrals, chain.parameters.dihedrals, strict=True):
        assert_agrees(
            [*found.cosine, *found.sine],
            error=_fisher_errors(chain, term, 3),
            expected=[*term.cosine, *term.sine],
            what="Fourier coefficients",
            n_samples=_N,
        )


def test_weights_undo_a_bias(chain, rng):
    """Frames drawn from flat torsions and weighted by the density give the coefficients of that density."""
    term = chain.parameters.dihedrals[0]
    phi = rng.uniform(-np.pi, np.pi, _N)
    weights = np.interp(phi, *chain.torsion_density(term))
    cosine, sine = fit_fourier(phi, weights / weights.sum(), 3, thermal_energy=chain.thermal_energy)
    effective = weights.sum() ** 2 / (weights**2).sum()
    error = _fisher_errors(chain, term, 3) * np.sqrt(_N / effective) * 2  # the effective number is a rough guide
    expected = [*term.cosine, *term.sine]
    assert_agrees([*cosine, *sine], error=error, expected=expected, what="weighted", n_samples=int(effective))


def test_weights_reach_every_term(chain, beads, rng):
    """Half of the frames are of another chain and weigh nothing."""
    other = known_chain(6, cosine=(-2.0, 0.0, 0.0), length=0.3, angle=1.5)
    mixed = np.concatenate([beads.positions, other.sample(_N, rng)])
    weighted = Trajectory(chain.topology, mixed, log_weights=np.repeat([0.0, -np.inf], _N))
    plain = fit_prior(beads, _SECTION, thermal_energy=chain.thermal_energy)
    found = fit_prior(weighted, _SECTION, thermal_energy=chain.thermal_energy)
    for kind in ("bonds", "angles"):
        pairs = zip(getattr(found, kind), getattr(plain, kind), strict=True)
        assert all(a.stiffness == pytest.approx(b.stiffness, rel=1e-9) for a, b in pairs)
    for a, b in zip(found.dihedrals, plain.dihedrals, strict=True):
        np.testing.assert_allclose(a.cosine, b.cosine, atol=1e-8)


def test_energy_is_high_where_no_frame_lies(rng):
    """A fit to -kT ln p of a histogram would leave the empty half flat."""
    phi = 0.3 * rng.standard_normal(5000)
    cosine, sine = fit_fourier(phi, np.full(5000, 1 / 5000), 3, thermal_energy=2.5)
    multiples = np.outer(np.linspace(-np.pi, np.pi, 361), [1, 2, 3])
    energy = np.cos(multiples) @ cosine + np.sin(multiples) @ sine
    assert abs(np.linspace(-180, 180, 361)[energy.argmin()]) < 5
    assert energy[[0, -1]].min() - energy.min() > 10.0


def test_dihedrals_on_one_axis_share_their_energy(rng):
    """Two dihedrals about one bond that turn together: the prior gives the energy of one, not twice that."""
    chain = known_chain(4, cosine=(3.0,))
    positions = chain.sample(4000, rng)
    twin = np.concatenate([positions, positions[:, 3:] + [0.0, 0.0, 1e-3] * rng.standard_normal((4000, 1, 1))], axis=1)
    topology = replace(known_chain(5, cosine=(3.0,)).topology, bonds=((0, 1), (1, 2), (2, 3), (2, 4)))
    both = fit_prior(Trajectory(topology, twin), _SECTION, thermal_energy=2.5)
    alone = fit_prior(Trajectory(chain.topology, positions), _SECTION, thermal_energy=2.5)
    assert [term.sites for term in both.dihedrals] == [(0, 1, 2, 3), (0, 1, 2, 4)]
    total = np.sum([term.cosine for term in both.dihedrals], axis=0)
    np.testing.assert_allclose(total, alone.dihedrals[0].cosine, atol=0.05)


@pytest.fixture
def centre(rng):
    """A tetrahedral bead with three neighbours, shaken."""
    corners = 0.15 * np.array([[0, 0, 0], [0.94, 0, -0.33], [-0.47, 0.82, -0.33], [-0.47, -0.82, -0.33]])
    topology = replace(known_chain(4, cosine=(3.0,)).topology, bonds=((0, 1), (0, 2), (0, 3)))
    return Trajectory(topology, corners + 0.008 * rng.standard_normal((4000, 4, 3)))


def test_a_branch_keeps_its_handedness(centre):
    """Bonds and angles are those of the mirror image; the improper term makes it costly, and its saddle too."""
    kt = 2.5
    fitted = fit_prior(centre, _SECTION, thermal_energy=kt)
    (term,) = fitted.impropers
    assert term.sites == (0, 1, 2, 3)
    positions = torch.from_numpy(centre.positions[:500].astype(np.float64))
    turned_over = positions * torch.tensor([1.0, 1.0, -1.0])
    flat = positions * torch.tensor([1.0, 1.0, 0.0])
    without = fit_prior(centre, _SECTION.model_copy(update={"impropers": False}), thermal_energy=kt)
    torch.testing.assert_close(Prior(without).energy(turned_over), Prior(without).energy(positions))
    native, saddle, mirror = (Prior(fitted).energy(x).mean() for x in (positions, flat, turned_over))
    assert native + 5 * kt < saddle
    assert saddle + 5 * kt < mirror


def test_an_improper_reproduces_its_frames(centre):
    (fit,) = (
        f
        for f in judge_prior(centre, fit_prior(centre, _SECTION, thermal_energy=2.5), thermal_energy=2.5)
        if f.kind == "improper"
    )
    assert fit.divergence < 0.02


def test_repulsion_is_kt_at_the_contact(chain, beads):
    parameters = fit_prior(beads, _SECTION, thermal_energy=chain.thermal_energy)
    assert parameters.repulsions
    for term in parameters.repulsions:
        i, j = term.sites
        distance = np.linalg.norm(beads.positions[:, j] - beads.positions[:, i], axis=-1)
        assert (distance < term.diameter).mean() == pytest.approx(1e-3, abs=2 / _N)
    at_contact = replace(parameters, bonds=(), angles=(), dihedrals=(), repulsions=parameters.repulsions[:1])
    pair = torch.zeros(1, 6, 3, dtype=torch.float64)
    pair[0, parameters.repulsions[0].sites[1], 0] = parameters.repulsions[0].diameter
    assert float(Prior(at_contact).energy(pair)) == pytest.approx(chain.thermal_energy)


def test_densities_are_normalised_and_close_to_their_fit(chain, beads):
    fits = _judged(beads, chain)
    assert {fit.kind for fit in fits} == {"bond", "angle", "dihedral", "repulsion"}
    for fit in fits:
        assert fit.density.sum() * np.diff(fit.centres)[0] == pytest.approx(1.0)
        assert fit.kind == "repulsion" or 0 <= fit.divergence < 0.02, fit.label


def test_a_poor_fit_shows_in_its_divergence(chain, rng):
    """Control: two separate wells under one harmonic term."""
    positions = chain.sample(4000, rng)
    positions[::2, 5] += 0.5 * (positions[::2, 5] - positions[::2, 4])
    fits = _judged(Trajectory(chain.topology, positions), chain)
    last_bond = next(fit for fit in fits if fit.label.startswith("bond R045"))
    assert last_bond.divergence > 0.3


def test_a_bond_that_does_not_vary_is_named(chain, beads):
    axis = beads.positions[:, 3] - beads.positions[:, 2]
    rigid = beads.positions.copy()
    rigid[:, 3] = rigid[:, 2] + 0.2 * axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    with pytest.raises(FitError, match=r"bond R023:CA - R034:CA does not vary .* leave one of these beads out"):
        fit_prior(Trajectory(chain.topology, rigid), _SECTION, thermal_energy=chain.thermal_energy)


@pytest.mark.parametrize(("frozen", "term"), [("dihedral", "dihedral"), ("ends", "repulsion")])
def test_a_dihedral_or_a_distance_that_does_not_vary_is_named(chain, rng, frozen, term):
    """A dihedral held at one radian; or the ends of the chain held at one distance while all between them moves."""
    n = 400
    lengths, bends = rng.uniform(0.35, 0.4, (n, 5)), rng.uniform(1.6, 2.2, (n, 4))
    torsions = rng.uniform(-3, 3, (n, 3))
    if frozen == "dihedral":
        torsions[:, 1] = 1.0
    positions = build_chain(lengths, bends, torsions)
    if frozen == "ends":
        axis = positions[:, 5] - positions[:, 0]
        positions[:, 5] = positions[:, 0] + 2.5 * axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    with pytest.raises(FitError, match=rf"{term} R\d+:CA - .* does not vary"):
        fit_prior(Trajectory(chain.topology, positions), PriorSection(), thermal_energy=chain.thermal_energy)


def test_too_few_frames_are_refused(chain, beads):
    few = Trajectory(chain.topology, beads.positions[:30])
    with pytest.raises(FitError, match=r"bond R001:CA .* 30 effective frames \(30 in all\), fewer than 50"):
        fit_prior(few, _SECTION, thermal_energy=chain.thermal_energy)


def test_one_heavy_frame_is_too_few(chain, beads):
    log_weights = np.zeros(_N)
    log_weights[7] = 50.0
    heavy = replace(beads, log_weights=log_weights)
    with pytest.raises(FitError, match="1 effective frames"):
        fit_prior(heavy, _SECTION, thermal_energy=chain.thermal_energy)


def test_terms_may_be_left_out(chain, beads):
    section = PriorSection(dihedrals=False, repulsion=False)
    parameters = fit_prior(beads, section, thermal_energy=chain.thermal_energy)
    assert parameters.dihedrals == parameters.repulsions == ()


def test_the_draws_of_this_file_are_independent_of_geometry(chain, rng):
    """Guards the known answer itself: torsions of the sample follow their density."""
    phi = dihedrals(torch.from_numpy(chain.sample(4000, rng)), torch.tensor([[0, 1, 2, 3]]))[:, 0].numpy()
    drawn = draw(*chain.torsion_density(chain.parameters.dihedrals[0]), 4000, rng)
    spread = np.cos(drawn).std() * np.sqrt(2 / 4000)
    assert_agrees(np.cos(phi).mean(), error=spread, expected=np.cos(drawn).mean(), what="cos phi", n_samples=4000)
