"""`cgpipe forcemap` and `cgpipe map` on a molecule of five atoms."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cgpipe.data.h5md import create_h5md, load_trajectories
from cgpipe.data.topology import Topology

_TOPOLOGY = Topology(
    names=("C", "N", "H", "CA", "HA"),
    elements=("C", "N", "H", "C", "H"),
    residue_names=("ACE", "ALA", "ALA", "ALA", "ALA"),
    residue_numbers=(1, 2, 2, 2, 2),
    masses=(12.0, 14.0, 1.0, 12.0, 1.0),
    bonds=((0, 1), (1, 2), (1, 3), (3, 4)),
)
_BEADS = {"beads": ["ACE1:C", "ALA2:N", "ALA2:CA"]}


@pytest.fixture
def write(project):
    """Maker of an atomistic trajectory."""

    def make(name="t0.h5md", *, topology=_TOPOLOGY, forces=True, nan=False, **arrays):
        rng = np.random.default_rng(3)
        frames = {"positions": rng.standard_normal((40, 5, 3)), "log_weights": rng.standard_normal(40)}
        if forces:
            frames["forces"] = rng.standard_normal((40, 5, 3))
        if nan:
            frames["forces"][7, 3] = np.nan
        arrays = {"constraints": np.array([[1, 2], [3, 4]]), **arrays}
        with create_h5md(project / name, topology, frame_interval=0.2, provenance={}, arrays=arrays) as writer:
            writer.append(**frames)
        return project / name

    return make


@pytest.fixture
def fit(cgpipe):
    """Caller of `cgpipe forcemap`."""

    def call(*trajectories, **section):
        text = json.dumps({**_BEADS, **section})
        return cgpipe("forcemap", "--section", text, "--trajectories", *trajectories, "--output", "mapping.json")

    return call


def _map(cgpipe, trajectory):
    return cgpipe("map", "--maps", "mapping.json", "--trajectory", trajectory, "--output", "b0.h5md")


@pytest.mark.parametrize("force_map", ["optimised", "aggregate"])
def test_beads_are_the_mapped_atoms(cgpipe, write, fit, force_map):
    trajectory = write()
    assert fit(trajectory, force_map=force_map)[0] == 0
    assert _map(cgpipe, trajectory)[0] == 0
    atoms, beads = load_trajectories(trajectory)[0], load_trajectories("b0.h5md")[0]
    weights = np.array(json.loads(open("mapping.json").read())["force_weights"])  # noqa: PTH123, SIM115 (in the project)
    assert beads.topology.labels == tuple(_BEADS["beads"])
    assert np.array_equal(beads.positions, atoms.positions[:, [0, 1, 3]])
    np.testing.assert_allclose(beads.forces, np.einsum("ba,fax->fbx", weights, atoms.forces), rtol=1e-5, atol=1e-6)
    assert np.array_equal(beads.log_weights, atoms.log_weights)


def test_the_variance_of_the_labels_is_printed_and_kept(write, fit, project):
    _, out, _ = fit(write())
    assert out.splitlines()[0] == "variance of a force component, (kcal/mol/A)^2"
    assert [line.split()[0] for line in out.splitlines()[2:-1]] == _BEADS["beads"]
    assert out.splitlines()[-1].startswith("ridge ")
    variances = json.loads((project / "mapping.json").read_text())["label_variance_kJ2_per_mol2_nm2"]
    assert set(variances) == {"optimised", "aggregate"}, "slice is not admissible here"
    assert (np.array(variances["optimised"]) <= np.array(variances["aggregate"]) * (1 + 1e-9)).all()


def test_slice_on_a_constrained_atom_is_refused_with_the_remedy(write, fit, project):
    status, _, error = fit(write(), force_map="slice")
    assert status == 1
    assert "`slice` is wrong for ALA2:N, ALA2:CA" in error
    assert "use `optimised` or `aggregate`" in error
    assert not (project / "mapping.json").exists()


def test_slice_without_constraints_is_admitted(write, fit):
    assert fit(write(constraints=np.empty((0, 2), dtype=int)), force_map="slice")[0] == 0


def test_nan_forces_are_placed(write, fit, project):
    status, _, error = fit(write(nan=True))
    assert status == 1
    assert "t0.h5md: forces of frame 7, site 3 are not finite" in error
    assert not (project / "mapping.json").exists()


def test_missing_forces_are_named(write, fit):
    status, _, error = fit(write(forces=False))
    assert status == 1
    assert "t0.h5md has no forces" in error


def test_trajectories_of_two_molecules_are_refused(write, fit):
    other = replace(_TOPOLOGY, names=("C", "N", "H", "CA", "HB"))
    status, _, error = fit(write(), write("t1.h5md", topology=other))
    assert status == 1
    assert "t1.h5md" in error
    assert "different topologies" in error


def test_a_bias_off_the_beads_is_refused(cgpipe, write, fit, project):
    trajectory = write(biased_atoms=np.array([0, 1, 3, 4]))
    fit(trajectory)
    status, _, error = _map(cgpipe, trajectory)
    assert status == 1
    assert "was biased on ALA2:HA, which mapping.beads leaves out" in error
    assert not (project / "b0.h5md").exists()
