"""Which torsions, angles and centres a topology has, and their values on frames that were built with them."""

import numpy as np
import pytest

from cgpipe.analysis.features import (
    backbone_torsions,
    centres,
    chains,
    measure_angles,
    measure_bonds,
    measure_handedness,
    measure_torsions,
)
from cgpipe.data.trajectory import Trajectory


@pytest.fixture
def torsions(rng):
    return rng.uniform(-np.pi, np.pi, size=(30, 2))


@pytest.fixture
def frames(frames_of, torsions):
    return frames_of(*torsions.T)


def test_backbone_torsions_of_alanine(alanine):
    (found,) = backbone_torsions(alanine)
    assert (found.residue, found.phi, found.psi) == ("ALA2", (0, 1, 2, 4), (1, 2, 4, 5))


def test_a_model_of_alpha_carbons_has_no_backbone_torsions(alanine):
    assert backbone_torsions(alanine.subset(np.array([2]), ())) == ()


def test_torsions_are_those_that_the_frames_were_built_with(frames, torsions):
    measured = measure_torsions(frames, backbone_torsions(frames.topology))
    np.testing.assert_allclose(measured[:, 0], torsions, atol=1e-5)


def test_bonds_and_angles_are_those_that_the_frames_were_built_with(frames):
    np.testing.assert_allclose(
        measure_bonds(frames), np.broadcast_to([0.14, 0.14, 0.153, 0.14, 0.14], (30, 5)), rtol=1e-5
    )
    angles = {
        tuple(chain): values for chain, values in zip(chains(frames.topology), measure_angles(frames).T, strict=True)
    }
    np.testing.assert_allclose(angles[0, 1, 2], 1.95, rtol=1e-5)
    np.testing.assert_allclose(angles[1, 2, 3], 1.91, rtol=1e-5)


def test_bonded_triples_come_once(alanine):
    assert chains(alanine).tolist() == [[0, 1, 2], [1, 2, 3], [1, 2, 4], [2, 4, 5], [3, 2, 4]]


def test_centres_have_three_neighbours(alanine):
    assert centres(alanine).tolist() == [[2, 1, 3, 4]]


def test_mirror_images_have_the_other_hand(frames):
    mirrored = Trajectory(frames.topology, frames.positions * [1, 1, -1])
    hands = measure_handedness(frames)
    assert np.unique(hands).size == 1
    assert np.array_equal(measure_handedness(mirrored), -hands)


def test_long_trajectories_are_measured_in_pieces(frames, monkeypatch):
    expected = measure_bonds(frames)
    monkeypatch.setattr("cgpipe.analysis.features._FRAMES_AT_ONCE", 7)
    assert np.array_equal(measure_bonds(frames), expected)
