"""Ragged and dense features, their batches, and the first layer over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from scipy import sparse
from torch import nn

from textforge import ComponentError, FeatureLinear, Ragged
from textforge.components.settings import TrainerSettings
from textforge.errors import RecipeError
from textforge.features.ragged import Dense, as_features, batches, bounded_batches, training_order


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    cells = st.lists(st.sampled_from([0, 0, 0, 1, 2, 5]), min_size=columns, max_size=columns)
    return np.array(draw(st.lists(cells, min_size=rows, max_size=rows)), dtype=np.float32)


def ragged(matrix: np.ndarray) -> Ragged:
    features = as_features(sparse.csr_matrix(matrix), len(matrix), "test")
    assert isinstance(features, Ragged)
    return features


def dense(features: Any) -> np.ndarray:
    return sparse.csr_matrix(
        (features.weights, features.indices, features.offsets), (len(features), features.n_features)
    ).toarray()


@given(matrices(), st.data())
def test_take_gives_those_rows_in_that_order(matrix: np.ndarray, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, len(matrix) - 1), max_size=10)), dtype=np.int64)
    assert (dense(ragged(matrix).take(rows)) == matrix[rows]).all()


@given(matrices(), st.integers(1, 5), st.booleans())
def test_batches_cover_each_row_once(matrix: np.ndarray, size: int, drop_last: bool) -> None:
    layer = FeatureLinear(matrix.shape[1], matrix.shape[1], bias=False)
    layer.weight.data = torch.eye(matrix.shape[1])  # gives each row back as a dense vector
    found = [
        (layer(batch).detach().numpy(), rows) for batch, rows in batches(ragged(matrix), size, drop_last=drop_last)
    ]
    expected = len(matrix) - len(matrix) % size if drop_last else len(matrix)
    assert sum(len(rows) for _, rows in found) == expected
    for values, rows in found:
        assert (values == matrix[rows]).all()


@given(matrices(), st.integers(1, 7), st.integers(0, 2**32))
def test_feature_linear_equals_nn_linear_on_the_dense_counts(matrix: np.ndarray, width: int, seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reference = nn.Linear(matrix.shape[1], width)
        torch.manual_seed(seed)
        layer = FeatureLinear(matrix.shape[1], width)
    assert torch.equal(layer.weight.t(), reference.weight) and torch.equal(layer.bias, reference.bias)
    batch = ragged(matrix).batch(0, len(matrix))
    expected = reference(torch.from_numpy(matrix))
    torch.testing.assert_close(layer(batch), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(layer(torch.from_numpy(matrix)), expected, atol=1e-5, rtol=1e-5)
    expected.square().sum().backward()
    layer(batch).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad.t(), reference.weight.grad, atol=1e-4, rtol=1e-4)


def test_batches_share_the_features_memory() -> None:
    features = ragged(np.eye(6, dtype=np.float32))
    batch = features.batch(2, 5)
    features.weights[2] = 9
    assert batch.weights[0] == 9 and batch.indices.data_ptr() == features.indices[2:].ctypes.data


def test_read_only_arrays_are_taken_without_a_warning() -> None:
    array = np.arange(3, dtype=np.int32)
    array.flags.writeable = False
    Ragged(array, np.array([0, 3]), 3).batch(0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1], 2), "offsets must run from 0 to 2"),
        (([0, 1], [0, 2, 1, 2], 2), "offsets must not decrease"),
        (([0, 2], [0, 2], 2), "indices from 0 to 2, but there are 2 features"),
        (([-1], [0, 1], 2), "indices from -1 to -1"),
        (([0], [0, 1], 1, [1.0, 2.0]), r"weights of shape \(2,\) for 1 indices"),
        (([0], [0, 1], 1, [np.nan]), "not a finite number"),
        (([], [], 1), "offsets must run from 0 to 0"),
    ],
)
def test_arrays_that_do_not_fit_are_reported(arguments: tuple[Any, ...], message: str) -> None:
    arrays = [np.array(a) if isinstance(a, list) else a for a in arguments]
    with pytest.raises(ComponentError, match=message):
        Ragged(*arrays)


@pytest.mark.parametrize("value", [["moon"], np.ones(3), np.array([["a"]]), None])
def test_what_is_no_features_is_reported(value: Any) -> None:
    with pytest.raises(ComponentError, match="vectorizer 'x': transform returned a"):
        as_features(value, 1, "vectorizer 'x'")


def test_a_row_too_few_is_reported() -> None:
    with pytest.raises(ComponentError, match="returned 2 rows for 3 texts"):
        as_features(np.ones((2, 4)), 3, "vectorizer 'x'")


def test_integers_and_doubles_become_float32() -> None:
    assert as_features(np.ones((2, 4), dtype=np.int64), 2, "x").vectors.dtype == np.float32
    assert as_features(sparse.csr_matrix(np.ones((2, 4))), 2, "x").weights.dtype == np.float32
    assert isinstance(as_features(np.ones((2, 4)), 2, "x"), Dense)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_any_sparse_matrix_of_scipy_serves(form: str, kind: str) -> None:
    dense = np.array([[0, 2, 0], [1, 0, 3]], dtype=np.float32)
    features = as_features(getattr(sparse, f"{form}_{kind}")(dense), 2, "vectorizer")
    assert isinstance(features, Ragged)
    assert features.indices.tolist() == [1, 0, 2]
    assert features.weights is not None
    assert features.weights.tolist() == [2, 1, 3]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_dense_number_that_is_not_finite_is_reported_with_its_text(value: float) -> None:
    with pytest.raises(ComponentError, match="vectorizer 'v': the vector of text 1 has values that are not finite"):
        as_features(np.array([[0.0, 1.0], [value, 0.0]]), 2, "vectorizer 'v'")


def test_a_complex_matrix_is_no_features() -> None:
    with pytest.raises(ComponentError, match="returned a ndarray"):
        as_features(np.array([[1j]]), 1, "vectorizer 'v'")


@pytest.mark.parametrize(
    ("indices", "says"),
    [
        ([1.7], r"indices must be whole numbers in one dimension, not float64 of shape \(1,\)"),
        ([[1]], r"not int64 of shape \(1, 1\)"),
        ([2**32 + 1], "indices from 4294967297 to 4294967297, but there are 3 features"),
    ],
)
def test_indices_are_never_rounded_or_wrapped(indices: list[Any], says: str) -> None:
    with pytest.raises(ComponentError, match=says):
        Ragged(np.array(indices), np.array([0, 1]), 3)


def test_a_module_that_works_in_place_leaves_dense_features_as_they_are() -> None:
    features = Dense(np.ones((4, 2), dtype=np.float32))
    features.batch(0, 4).zero_()
    assert features.vectors.sum() == 8


# -- rows side by side -------------------------------------------------------------------------

ROWS = st.lists(st.lists(st.integers(0, 50), max_size=7), min_size=1, max_size=8)


def sequences(rows: list[list[int]]) -> Ragged:
    offsets = np.cumsum([0, *map(len, rows)])
    return Ragged(np.array([number for row in rows for number in row], dtype=np.int32), offsets, 51)


@given(ROWS)
def test_padded_rows_are_those_of_a_plain_loop(rows: list[list[int]]) -> None:
    numbers, mask = sequences(rows).batch(0, len(rows)).padded()
    assert (numbers.dtype, mask.dtype) == (torch.int64, torch.bool)
    width = max(1, *map(len, rows))
    assert numbers.tolist() == [row + [0] * (width - len(row)) for row in rows]
    assert mask.tolist() == [[True] * len(row) + [False] * (width - len(row)) for row in rows]


@given(ROWS, st.data())
def test_a_batch_from_the_middle_is_padded_to_its_own_longest(rows: list[list[int]], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows) - 1))
    stop = data.draw(st.integers(start + 1, len(rows)))
    numbers, mask = sequences(rows).batch(start, stop).padded()
    assert [row[real].tolist() for row, real in zip(numbers, mask, strict=True)] == rows[start:stop]
    assert numbers.shape[1] == max(1, *map(len, rows[start:stop]))


def test_a_batch_of_no_rows_is_padded_too() -> None:
    numbers, mask = sequences([[1]]).batch(0, 0).padded()
    assert numbers.shape == mask.shape == (0, 1)


# -- the order of an epoch ---------------------------------------------------------------------


def order(lengths: list[int], seed: int = 0, **settings: Any) -> np.ndarray | None:
    features = sequences([[1] * length for length in lengths])
    return training_order(features, TrainerSettings(**settings), np.random.default_rng(seed))


def test_without_shuffling_rows_stay_as_they_stand() -> None:
    assert order([1, 2], shuffle=False) is None


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(1, 40), st.booleans())
def test_every_row_comes_once(lengths: list[int], size: int, bucket: bool) -> None:
    found = order(lengths, batch_size=size, bucket_by_length=bucket)
    assert sorted(found) == [*range(len(lengths))]
    assert np.array_equal(found, order(lengths, batch_size=size, bucket_by_length=bucket))


def test_a_bucket_has_texts_of_like_length_and_every_epoch_others() -> None:
    lengths = np.random.default_rng(1).integers(1, 200, 2000)
    first, second = (order(lengths.tolist(), seed, batch_size=20, bucket_by_length=True) for seed in (1, 2))
    assert not np.array_equal(first, second)

    def padding(rows: np.ndarray) -> int:
        return sum(len(batch) * lengths[batch].max() for batch in rows.reshape(-1, 20)) - lengths.sum()

    plain = order(lengths.tolist(), 1, batch_size=20)
    assert padding(first) < padding(plain) / 10
    spread = [lengths[batch].mean() for batch in first.reshape(-1, 20)]
    assert spread != sorted(spread), "the batches do not come from short to long"


@given(st.integers(1, 400))
def test_the_batch_that_is_not_full_stays_the_last(n: int) -> None:
    lengths = np.random.default_rng(n).integers(1, 50, n).tolist()
    found = order(lengths, batch_size=16, bucket_by_length=True)
    whole = found[: len(found) - len(found) % 16].reshape(-1, 16)
    for batch in whole:
        run = sorted(lengths[row] for row in batch)
        assert [lengths[row] for row in batch] == run


def test_dense_vectors_have_no_length() -> None:
    settings = TrainerSettings(bucket_by_length=True)
    with pytest.raises(RecipeError, match="bucket_by_length is for sequences of words; this vectorizer gives one vec"):
        training_order(Dense(np.ones((4, 2), np.float32)), settings, np.random.default_rng(0))


@given(lengths=st.lists(st.integers(0, 40), max_size=30), size=st.integers(1, 8), most=st.integers(1, 100))
def test_bounded_batches_have_every_row_once_and_little_padding(lengths: list[int], size: int, most: int) -> None:
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    features = Ragged(np.arange(offsets[-1]), offsets, int(offsets[-1]) + 1)
    seen = []
    for batch, rows in bounded_batches(features, size, most):
        numbers, mask = batch.padded()
        assert len(rows) <= size
        assert len(rows) == 1 or mask.shape[0] * max(lengths[row] for row in rows) <= most
        for place, row in enumerate(rows):
            assert numbers[place][mask[place]].tolist() == features.indices[offsets[row] : offsets[row + 1]].tolist()
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(lengths)))
