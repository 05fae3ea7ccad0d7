"""The compiled engine computes what torch computes, in every precision, on every kind of CPU, whatever the batch."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from known_potentials import far_apart, make_compiled, make_network, make_parameters, make_plain, overlapping

from cgpipe.config.sections import NetworkSection
from cgpipe.errors import CgpipeError, DataError
from cgpipe.model import native
from cgpipe.model.binding import bind_force_fields
from cgpipe.model.compiled import CompiledPotential
from cgpipe.model.schnet import tabulate
from cgpipe.potential import Propagator
from cgpipe.simulation.langevin import langevin_step, langevin_steps
from cgpipe.simulation.state import State, with_forces

_DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
_MASSES = torch.tensor([110.0, 57.0, 99.0, 71.0, 163.0, 128.0], dtype=torch.float64)
_STEP = {"timestep": 0.002, "friction": 1.0, "thermal_energy": 2.5}


def _random():
    return np.random.default_rng(11).normal(scale=0.3, size=(11, 6, 3))


def _collinear():
    """Exactly, along an axis: rounding cannot choose the dihedrals."""
    return np.arange(6.0)[None, :, None] * np.array([0.2, 0.0, 0.0])


def _nearly_collinear():
    return np.arange(6.0)[None, :, None] * np.array([0.2, 0.03, -0.05]) + 0.05 * _random()


def _overlapping():
    return overlapping(_random(), 1e-2)


def _far_apart():
    return far_apart(_random())


def _at_the_cutoff():
    """Pairs within rounding of one nanometre, both sides."""
    return np.arange(6.0)[None, :, None] * np.array([1.0, 0.0, 0.0]) * (1 + np.array([-1e-9, 0, 1e-9])[:, None, None])


def test_it_is_built_where_there_is_a_compiler():
    assert native.is_built() or shutil.which("g++") is None


@_DTYPES
@pytest.mark.parametrize(
    "configuration", [_random, _collinear, _nearly_collinear, _overlapping, _far_apart, _at_the_cutoff]
)
def test_it_agrees_with_the_plain_evaluation(configuration, dtype):
    """Plain: double precision without tables, on the positions as rounded. 2,048 knots differ from none by 1e-6."""
    positions = torch.from_numpy(configuration()).to(dtype)
    energy, forces = make_compiled(n_folds=2).energy_and_forces(positions)
    expected_energy, expected = (part.detach() for part in make_plain(n_folds=2).energy_and_forces(positions.double()))
    assert forces.dtype == dtype
    _assert_close(energy, expected_energy, 1e-5)
    _assert_close(forces, expected, 1e-5)


@_DTYPES
@pytest.mark.parametrize(("n_features", "n_blocks"), [(16, 1), (20, 2), (7, 2), (64, 3), (128, 2), (40, 5)], ids=str)
def test_it_agrees_for_networks_of_any_size(frames, n_features, n_blocks, dtype):
    """Also where features do not fill whole vectors."""
    section = NetworkSection(n_features=n_features, n_blocks=n_blocks, n_radial=12, cutoff_nm=1.0)
    forces = make_compiled(n_folds=1, section=section).energy_and_forces(frames.to(dtype))[1]
    plain = make_plain(n_folds=1, section=section)
    expected = plain.energy_and_forces(frames.to(dtype).double())[1].detach()
    _assert_close(forces, expected, 1e-5)
    prior_alone = plain.parts[0].energy_and_forces(frames)[1]
    assert float((forces.double() - prior_alone).abs().max()) > 1e-2, "control: the network is felt"


def _assert_close(values, expected, tolerance):
    assert float((values.double() - expected).abs().max()) < tolerance * float(expected.abs().max())


@pytest.mark.parametrize("level", ["default", "avx2"])
def test_it_agrees_on_older_processors(level, tmp_path):
    """The same forces from the builds for less capable processors, run in a process that is told it is one."""
    code = (
        "import sys, numpy, torch; sys.path.append(sys.argv[1]); from known_potentials import make_compiled;"
        "x = torch.from_numpy(numpy.fromfile(sys.argv[2], dtype=numpy.float32)).reshape(-1, 6, 3);"
        "make_compiled(n_folds=2).energy_and_forces(x)[1].numpy().tofile(sys.argv[2])"
    )
    path, folder = tmp_path / "positions_then_forces", Path(__file__).parents[1] / "reference"
    _random().astype(np.float32).tofile(path)
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": level}
    subprocess.run([sys.executable, "-c", code, str(folder), str(path)], check=True, env=environment)
    forces = torch.from_numpy(np.fromfile(path, dtype=np.float32)).reshape(11, 6, 3)
    expected = make_compiled(n_folds=2).energy_and_forces(torch.from_numpy(_random()).float())[1].double()
    _assert_close(forces, expected, 1e-5)


@_DTYPES
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_replica_does_not_depend_on_its_batch_or_the_threads(dtype, n_threads):
    engine, state, noise = make_compiled(n_folds=2), _state(dtype), _noise(20, 11, dtype)
    expected = _carried(engine, state, noise)
    torch.set_num_threads(n_threads)
    try:
        for part in (slice(0, 1), slice(3, 11)):
            alone = _carried(engine, _part(state, part), noise[:, part].contiguous())
            assert torch.equal(alone.positions, expected.positions[part])
            assert torch.equal(alone.forces, expected.forces[part])
    finally:
        torch.set_num_threads(1)


@_DTYPES
def test_its_langevin_steps_are_those_of_the_splitting(dtype):
    engine, state, noise = make_compiled(n_folds=1), _state(dtype), _noise(5, 11, dtype)
    assert isinstance(engine, Propagator)
    carried, expected = _carried(engine, state, noise), state
    for row in noise:
        expected = langevin_step(expected, engine, noise=row, **_STEP)
    for name in ("positions", "velocities", "forces", "energy"):
        tolerance = 1e-4 if dtype == torch.float32 else 1e-11
        _assert_close(getattr(carried, name), getattr(expected, name).double(), tolerance)
    assert float((carried.positions - state.positions).abs().max()) > 1e-4, "control: they moved"
    assert torch.equal(state.positions, _state(dtype).positions), "the state given is left as it was"


def _state(dtype):
    """Eleven replicas near the rest of the bonds, moving."""
    rng = np.random.default_rng(5)
    line = np.arange(6.0)[:, None] * [0.2, 0.06, 0.0] + (np.arange(6) % 2)[:, None] * [0.0, 0.1, 0.05]
    positions = torch.from_numpy(line + rng.normal(scale=0.01, size=(11, 6, 3))).to(dtype)
    velocities = torch.from_numpy(rng.normal(scale=0.1, size=(11, 6, 3))).to(dtype)
    blank = torch.zeros_like(positions)
    state = State(positions, velocities, blank, blank[:, 0, 0], _MASSES.to(dtype)[:, None])
    return with_forces(state, make_compiled(n_folds=1))


def _noise(n_steps, n_replicas, dtype):
    return torch.from_numpy(np.random.default_rng(9).standard_normal((n_steps, n_replicas, 6, 3))).to(dtype)


def _part(state, part):
    fields = (state.positions, state.velocities, state.forces, state.energy)
    return State(*(field[part].contiguous() for field in fields), state.masses)


def _carried(engine, state, noise):
    return langevin_steps(state, engine, noise=noise, **_STEP)


def test_energy_is_conserved_to_second_order_without_a_bath():
    """Without heat and friction the step is velocity Verlet, whose energy swings with the square of the step."""
    errors = []
    for timestep, n_steps in ((0.002, 4000), (0.001, 8000)):
        total = _energies_without_bath(torch.float64, timestep, n_steps)
        errors.append(total.std(axis=0).mean())
        assert _drift(total) < errors[-1], f"a drift of {_drift(total):.2g} beside swings of {errors[-1]:.2g} kJ/mol"
    assert 3 < errors[0] / errors[1] < 5.5, f"half the step changed the error by {errors[0] / errors[1]:.2f}, not 4"


def test_rounding_hardly_heats_in_single_precision():
    """Less than a hundredth of kT in the whole molecule in 8,000 steps."""
    assert _drift(_energies_without_bath(torch.float32, 0.001, 8000)) < 0.01 * 2.5


def _drift(total):
    """Largest change from the first to the last quarter, kJ/mol."""
    quarter = len(total) // 4
    return np.abs(total[-quarter:].mean(0) - total[:quarter].mean(0)).max()


def _energies_without_bath(dtype, timestep, n_steps):
    """Total energy every 25 steps, (n_steps / 25, n_replicas), kJ/mol."""
    engine, blank = make_compiled(n_folds=2), torch.zeros(25, 11, 6, 3, dtype=dtype)
    state, total = with_forces(_state(dtype), engine), []
    for _ in range(n_steps // 25):
        state = langevin_steps(state, engine, noise=blank, timestep=timestep, friction=0.0, thermal_energy=0.0)
        total.append((state.energy + _kinetic(state)).double().numpy())
    return np.stack(total)


def _kinetic(state):
    return 0.5 * (state.masses * state.velocities**2).sum((1, 2))


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_broken_replica_gives_no_number_and_harms_no_other(fault):
    positions = torch.from_numpy(_random())
    expected = make_compiled(n_folds=1).energy_and_forces(positions)[1]
    positions[2, 3, 0] = fault
    energy, forces = make_compiled(n_folds=1).energy_and_forces(positions)
    assert not torch.isfinite(energy[2])
    assert not torch.isfinite(forces[2, 3]).any()
    assert torch.equal(forces[3:], expected[3:])


def test_beads_on_one_spot_give_no_number_in_either():
    positions = torch.from_numpy(_random())
    positions[:, 4] = positions[:, 0]
    for potential in (make_compiled(n_folds=1), make_plain(n_folds=1)):
        assert not torch.isfinite(potential.energy_and_forces(positions)[1].detach()[:, 4]).any()


def test_frames_of_another_molecule_are_refused():
    with pytest.raises(CgpipeError, match=r"given an array of \(2, 5, 3\) in torch.float32 and expected \(2, 6, 3\)"):
        make_compiled(n_folds=1).energy_and_forces(torch.zeros(2, 5, 3))


@pytest.mark.parametrize("name", ["velocities", "forces", "noise"])
@pytest.mark.parametrize("fault", ["precision", "number"])
def test_arrays_that_do_not_fit_the_positions_are_refused(name, fault):
    """C++ would read past their end."""
    state, noise = _state(torch.float64), _noise(2, 11, torch.float64)
    given = {"velocities": state.velocities, "forces": state.forces, "noise": noise}
    given[name] = given[name].float() if fault == "precision" else given[name][..., :5, :]
    wrong = replace(state, velocities=given["velocities"], forces=given["forces"])
    with pytest.raises(CgpipeError, match="share precision and molecule"):
        _carried(make_compiled(n_folds=1), wrong, given["noise"])


def test_networks_of_different_settings_are_refused():
    networks = [tabulate(make_network(section=NetworkSection(n_features=n)), 64) for n in (8, 12)]
    with pytest.raises(DataError, match="differ in their settings"):
        CompiledPotential(make_parameters(), networks)


def test_no_frames_are_no_work():
    energy, forces = make_compiled(n_folds=1).energy_and_forces(torch.zeros(0, 6, 3))
    assert energy.shape == (0,)
    assert forces.shape == (0, 6, 3)


def test_a_second_derivative_is_refused(frames):
    positions = frames.clone().requires_grad_()
    energy = make_compiled(n_folds=1).energy(positions).sum()
    (gradient,) = torch.autograd.grad(energy, positions, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(gradient.sum(), positions)


@pytest.mark.parametrize(
    ("capability", "built", "expected"),
    [
        ("AVX512", ("avx512", "avx2", "default"), "avx512"),
        ("AVX512", ("avx2", "default"), "avx2"),
        ("AVX2", ("avx512", "avx2"), "avx2"),
        ("DEFAULT", ("avx512", "avx2"), None),
        ("AVX512", (), None),
    ],
)
def test_the_best_build_that_is_there_is_taken(monkeypatch, tmp_path, capability, built, expected):
    for level in built:
        (tmp_path / f"_engine_{level}{EXTENSION_SUFFIXES[0]}").touch()
    monkeypatch.setattr(native, "__file__", str(tmp_path / "native.py"))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(native.ctypes, "CDLL", lambda path: SimpleNamespace(path=path, interface_version=lambda: 1))
    found = native._library.__wrapped__()
    assert (found and found.path) == (expected and str(tmp_path / f"_engine_{expected}{EXTENSION_SUFFIXES[0]}"))


@pytest.mark.parametrize("library", [SimpleNamespace(), SimpleNamespace(interface_version=lambda: 0)])
def test_a_library_of_other_sources_is_not_called(monkeypatch, library):
    monkeypatch.setattr(native.ctypes, "CDLL", lambda _: library)
    assert native._library.__wrapped__() is None


def test_without_it_torch_gives_the_same_forces(force_field, frames, monkeypatch):
    bind = {"dtype": torch.float64, "device": torch.device("cpu"), "n_table_knots": 2048}
    fast = bind_force_fields([force_field], **bind)
    fast_forces = fast.energy_and_forces(frames)[1]
    monkeypatch.setattr(native, "_library", lambda: None)
    plain = bind_force_fields([force_field], **bind)
    assert isinstance(fast, CompiledPotential)
    assert not isinstance(plain, CompiledPotential)
    _assert_close(fast_forces, plain.energy_and_forces(frames)[1], 1e-10)
    with pytest.raises(CgpipeError, match=r"missing: install a C\+\+ compiler"):
        make_compiled(n_folds=1).energy_and_forces(frames)
