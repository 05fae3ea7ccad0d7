"""Superposition, contacts and size of structures that were moved in known ways."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from cgpipe.analysis.chain import far_pairs, pair_distances
from cgpipe.analysis.structure import (
    match_native,
    native_contacts,
    native_distances,
    principal_axes,
    radius_of_gyration,
    superposed,
    superposed_rmsd,
)
from cgpipe.errors import DataError


@pytest.fixture
def native(rng):
    """Ten points of no symmetry, (10, 3), nm."""
    return np.cumsum(0.38 * rng.standard_normal((10, 3)) / np.sqrt(3), axis=0)


@pytest.fixture
def moved(native, rng):
    """The same, turned and shifted twenty times."""
    turns = Rotation.random(20, random_state=3).as_matrix()
    return torch.from_numpy(native @ turns + rng.standard_normal((20, 1, 3)))


def test_a_moved_structure_is_the_same(native, moved):
    rmsd, mirrored = superposed_rmsd(moved, torch.from_numpy(native))
    np.testing.assert_allclose(rmsd, 0.0, atol=1e-7)
    assert (mirrored > 0.05).all(), "control: the structure has no mirror plane"


def test_a_mirror_image_is_told_from_the_structure(native, moved):
    rmsd, mirrored = superposed_rmsd(moved * torch.tensor([1.0, 1.0, -1.0]), torch.from_numpy(native))
    np.testing.assert_allclose(mirrored, 0.0, atol=1e-7)
    assert (rmsd > 0.05).all()


def test_rmsd_is_the_least_over_all_rotations(native, rng):
    """Against scipy's own superposition, another road to the same number."""
    frames = native + 0.2 * rng.standard_normal((10, *native.shape))
    rmsd, _ = superposed_rmsd(torch.from_numpy(frames), torch.from_numpy(native))
    for frame, value in zip(frames, rmsd, strict=True):
        x, y = frame - frame.mean(0), native - native.mean(0)
        expected = Rotation.align_vectors(y, x)[1] / np.sqrt(len(native))
        assert value == pytest.approx(expected, rel=1e-6)


def test_superposed_frames_lie_on_the_target(native, moved):
    np.testing.assert_allclose(superposed(moved, torch.from_numpy(native)), np.tile(native, (20, 1, 1)), atol=1e-7)


def test_superposition_does_not_reflect(native, moved):
    flipped = superposed(moved * torch.tensor([1.0, 1.0, -1.0]), torch.from_numpy(native)).numpy()
    deviation = np.sqrt(((flipped - native) ** 2).sum(-1).mean(-1))
    expected = superposed_rmsd(moved * torch.tensor([1.0, 1.0, -1.0]), torch.from_numpy(native))[0]
    np.testing.assert_allclose(deviation, expected, rtol=1e-6)


def test_principal_axes_keep_the_handedness_and_order_the_widths(native):
    turned = principal_axes(native)
    rmsd, _ = superposed_rmsd(torch.from_numpy(turned[None]), torch.from_numpy(native))
    assert rmsd[0] == pytest.approx(0.0, abs=1e-7)
    widths = turned.std(0)
    assert widths[0] >= widths[1] >= widths[2]


def test_native_contacts_are_whole_in_the_native_structure_and_gone_in_a_stretched_one(native):
    known = native_distances(native)
    stretched = np.zeros((1, 10, 3))
    stretched[0, :, 0] = 0.38 * np.arange(10)
    both = [
        native_contacts(pair_distances(torch.from_numpy(x)), known, contact=0.8)[0] for x in (native[None], stretched)
    ]
    assert both[0] > 0.9
    assert both[1] < 0.1


def test_a_contact_counts_half_at_its_tolerance():
    known = np.array([0.5, 2.0])
    assert native_contacts(np.array([[0.6, 0.1]]), known, contact=0.8)[0] == pytest.approx(0.5)


def test_a_structure_without_contacts_is_an_error():
    with pytest.raises(DataError, match=r"no contact below 0\.8 nm; raise analysis\.contact_nm"):
        native_contacts(np.ones((1, 2)), np.array([2.0, 3.0]), contact=0.8)


def test_radius_of_gyration_of_a_rod():
    """n points at distance d on a line: d^2 (n^2 - 1) / 12."""
    rod = torch.zeros(1, 10, 3, dtype=torch.float64)
    rod[0, :, 1] = 0.38 * torch.arange(10)
    assert radius_of_gyration(rod)[0] == pytest.approx(0.38 * np.sqrt(99 / 12))


def test_far_pairs_are_three_apart():
    assert far_pairs(5).tolist() == [[0, 3], [0, 4], [1, 4]]


def test_the_matching_stretch_of_a_longer_native_is_found(native):
    names = ("GLY", "ALA", "VAL", "TRP", "TYR", "LYS", "ASP", "PRO", "SER", "THR")
    found = match_native(names, native, ("TRP", "TYR", "ALA", "ASP"), source="x.pdb")  # one mutation
    np.testing.assert_array_equal(found, native[3:7])


@pytest.mark.parametrize("names", [("TRP",) * 4, ("ALA",) * 11])
def test_another_protein_is_refused_with_both_sequences(native, names):
    with pytest.raises(
        DataError, match=r"x\.pdb does not hold the native .* are GLY .* are (TRP|ALA) .*analysis\.native"
    ):
        match_native(("GLY",) * 10, native, names, source="x.pdb")
