"""Sums of a bag's word weights, beside torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn import functional

from textforge import bag_sum

BAGS = st.lists(st.lists(st.integers(0, 11), max_size=6), min_size=1, max_size=6)


def tensors(bags, weighted, dtype=torch.int32):
    indices = torch.tensor([word for bag in bags for word in bag], dtype=dtype)
    offsets = torch.tensor(np.cumsum([0, *map(len, bags)])[:-1], dtype=dtype)
    generator = torch.Generator().manual_seed(len(indices))
    weights = torch.randn(len(indices), generator=generator) if weighted else None
    return indices, offsets, weights, torch.randn(12, 3, generator=generator), torch.randn(len(bags), 3)


def with_gradient(call, rows, gradient):
    rows = rows.clone().requires_grad_()
    sums = call(rows)
    sums.backward(gradient)
    return sums.detach(), rows.grad


@given(BAGS, st.booleans(), st.sampled_from([torch.int32, torch.int64]))
def test_sums_and_their_sparse_gradients_are_torchs(bags, weighted, dtype):
    indices, offsets, weights, rows, gradient = tensors(bags, weighted, dtype)
    ours = with_gradient(lambda w: bag_sum(w, indices, offsets, weights, sparse=True), rows, gradient)
    theirs = with_gradient(
        lambda w: functional.embedding_bag(indices, w, offsets, mode="sum", per_sample_weights=weights), rows, gradient
    )
    assert torch.equal(ours[0], theirs[0])
    assert ours[1].is_sparse
    torch.testing.assert_close(ours[1].to_dense(), theirs[1])
    assert ours[1]._indices().tolist() == [sorted({word for bag in bags for word in bag})]


def test_a_dense_gradient_is_torchs_bit_for_bit():
    indices, offsets, weights, rows, gradient = tensors([[1, 2, 1], [], [7]], weighted=True)
    ours = with_gradient(lambda w: bag_sum(w, indices, offsets, weights), rows, gradient)
    theirs = with_gradient(
        lambda w: functional.embedding_bag(indices, w, offsets, mode="sum", per_sample_weights=weights), rows, gradient
    )
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_more_than_65536_words_in_a_batch_are_told_apart():
    generator = np.random.default_rng(0)
    indices = torch.from_numpy(generator.permutation(70_000).astype(np.int32)[:69_000])
    offsets = torch.tensor([0, 30_000], dtype=torch.int32)
    rows, gradient = torch.zeros(70_000, 2), torch.tensor([[1.0, 2], [10, 20]])
    _, found = with_gradient(lambda w: bag_sum(w, indices, offsets, sparse=True), rows, gradient)
    expected = torch.zeros(70_000, 2)
    expected[indices[:30_000].long()] = gradient[0]
    expected[indices[30_000:].long()] = gradient[1]
    assert torch.equal(found.to_dense(), expected)


@pytest.mark.parametrize("case", ["float64", "weights with a gradient"])
def test_what_has_no_quick_way_is_left_to_torch(case):
    indices, offsets, weights, rows, gradient = tensors([[1, 2], [2]], weighted=True)
    if case == "float64":
        rows, weights, gradient = rows.double(), weights.double(), gradient.double()
        _, found = with_gradient(lambda w: bag_sum(w, indices, offsets, weights, sparse=True), rows, gradient)
        assert found.is_sparse
    else:
        weights.requires_grad_()
        bag_sum(rows.requires_grad_(), indices, offsets, weights).sum().backward()
        assert weights.grad.shape == (3,)


def test_frozen_rows_get_no_gradient():
    indices, offsets, weights, rows, _ = tensors([[1, 2], [2]], weighted=True)
    assert not bag_sum(rows, indices, offsets, weights, sparse=True).requires_grad
