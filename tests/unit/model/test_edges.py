"""Sums over pairs against plain loops, and their derivatives."""

import pytest
import torch

from cgpipe.model.edges import Edges

_N_BEADS, _N_FRAMES, _N_FEATURES = 5, 3, 4
_N_PAIRS = _N_BEADS * (_N_BEADS - 1) // 2


class _OnDevice(torch.Tensor):
    """A tensor that says it is on a GPU, so that the branch for GPUs runs on a CPU."""

    is_cuda = True


@pytest.fixture
def edges():
    return Edges(_N_BEADS)


@pytest.fixture
def filters(tensors):
    return tensors(_N_PAIRS, _N_FRAMES, _N_FEATURES)


@pytest.fixture
def features(tensors):
    return tensors(_N_BEADS, _N_FRAMES, _N_FEATURES)


def _messages(filters, features, pairs):
    result = torch.zeros_like(features)
    for pair, (i, j) in enumerate(pairs):
        result[i] += filters[pair] * features[j]
        result[j] += filters[pair] * features[i]
    return result


def _products(left, right, pairs):
    return torch.stack([left[i] * right[j] + left[j] * right[i] for i, j in pairs])


def test_pairs_are_all_and_each_once(edges):
    pairs = edges.pairs.tolist()
    assert len({tuple(pair) for pair in pairs}) == _N_PAIRS
    assert all(i < j for i, j in pairs)


@pytest.mark.parametrize("kind", [torch.Tensor, _OnDevice])
def test_messages_are_those_of_the_loop(edges, filters, features, kind):
    result = edges.messages(filters.as_subclass(kind), features.as_subclass(kind))
    torch.testing.assert_close(result.as_subclass(torch.Tensor), _messages(filters, features, edges.ends))


@pytest.mark.parametrize("kind", [torch.Tensor, _OnDevice])
def test_pair_products_are_those_of_the_loop(edges, features, tensors, kind):
    other = tensors(*features.shape)
    result = edges.pair_products(features.as_subclass(kind), other.as_subclass(kind))
    torch.testing.assert_close(result.as_subclass(torch.Tensor), _products(features, other, edges.ends))


def test_pull_adds_at_the_second_bead_and_subtracts_at_the_first(edges, tensors):
    vectors = tensors(_N_PAIRS, _N_FRAMES, 3)
    expected = torch.zeros(_N_BEADS, _N_FRAMES, 3, dtype=vectors.dtype)
    for vector, (i, j) in zip(vectors, edges.ends, strict=True):
        expected[j] += vector
        expected[i] -= vector
    torch.testing.assert_close(edges.pull(vectors), expected)


def test_derivatives_of_messages(edges, filters, features):
    inputs = (filters.requires_grad_(), features.requires_grad_())
    assert torch.autograd.gradcheck(edges.messages, inputs)
    assert torch.autograd.gradgradcheck(edges.messages, inputs)


def test_derivatives_of_pair_products(edges, features, tensors):
    inputs = (features.requires_grad_(), tensors(*features.shape).requires_grad_())
    assert torch.autograd.gradcheck(edges.pair_products, inputs)
    assert torch.autograd.gradgradcheck(edges.pair_products, inputs)


def test_broadcast_features_are_not_written_to(edges, filters):
    """Before the first convolution all frames share one row, expanded and not copied."""
    shared = torch.ones(_N_BEADS, 1, _N_FEATURES, dtype=torch.float64).expand(-1, _N_FRAMES, -1)
    result = edges.messages(filters, shared)
    torch.testing.assert_close(result, _messages(filters, shared.clone(), edges.ends))
    assert (shared == 1).all()


def test_a_single_bead_has_no_pairs():
    assert Edges(1).pairs.shape == (0, 2)
