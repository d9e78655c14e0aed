"""The output of vectorizers: ragged rows (CSR) or dense vectors, and batches of them. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import TrainerSettings
from textforge.errors import ComponentError, RecipeError
from textforge.features.products import product

if TYPE_CHECKING:
    import torch

    from textforge.features.batch import Batch, RaggedBatch


@dataclass(frozen=True)
class Ragged:
    """Rows of feature indices, stored like a CSR matrix: bags with weights, or sequences in order.

    Args:
        indices: int, shape (total,): the feature indices of all rows, concatenated.
        offsets: int, shape (n_rows + 1,): row r is `indices[offsets[r]:offsets[r + 1]]`.
        n_features: the number of features; every index is smaller.
        weights: float32, shape (total,): the weight of each entry; None if every weight is 1.

    Raises:
        ComponentError: the arrays are inconsistent. The message says which and how.
    """

    indices: NDArray[np.integer[Any]]
    offsets: NDArray[np.integer[Any]]
    n_features: int
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices)
        for name, array in (("indices", indices), ("offsets", np.asarray(self.offsets))):
            if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
                raise ComponentError(
                    f"ragged features: {name} must be whole numbers in one dimension, "
                    f"not {array.dtype} of shape {array.shape}."
                )
        if indices.size and not 0 <= indices.min() <= indices.max() < self.n_features:
            raise ComponentError(
                f"ragged features: indices from {indices.min()} to {indices.max()}, "
                f"but there are {self.n_features} features."
            )
        # int32 halves the memory, and embedding_bag accepts it as well as int64
        object.__setattr__(self, "indices", _owned(self.indices, np.int32))
        object.__setattr__(self, "offsets", _owned(self.offsets, np.int64))
        if self.weights is not None:
            object.__setattr__(self, "weights", _owned(self.weights, np.float32))
        total = len(self.indices)
        if self.offsets.ndim != 1 or len(self.offsets) == 0 or self.offsets[0] != 0 or self.offsets[-1] != total:
            raise ComponentError(f"ragged features: offsets must run from 0 to {total}, the number of indices.")
        if (self.offsets[1:] < self.offsets[:-1]).any():
            raise ComponentError("ragged features: offsets must not decrease.")
        if self.weights is not None and self.weights.shape != (total,):
            raise ComponentError(f"ragged features: weights of shape {self.weights.shape} for {total} indices.")
        if self.weights is not None and not np.isfinite(self.weights).all():
            raise ComponentError("ragged features: a weight is not a finite number.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and of features."""
        return len(self), self.n_features

    def csr(self) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
        """The arrays of a CSR matrix: `scipy.sparse.csr_matrix(features.csr(), shape=features.shape)`.

        Returns:
            data, float32, shape (total,): the weights, or ones; indices, int32, shape (total,); and indptr, int64,
            shape (n_rows + 1,). A sequence has an entry for each occurrence; `matrix.sum_duplicates()` adds them up.
        """
        data = np.ones(len(self.indices), dtype=np.float32) if self.weights is None else self.weights
        return data, self.indices, self.offsets

    def __matmul__(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Multiply by a matrix of shape (n_features, width), in numpy and in its type: shape (n_rows, width)."""
        return product(self, matrix)

    def take(self, rows: NDArray[np.integer[Any]]) -> Ragged:
        """Return the rows with these numbers, in the given order."""
        starts = self.offsets[:-1][rows]
        lengths = self.offsets[1:][rows] - starts
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        entries = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        weights = None if self.weights is None else self.weights[entries]
        return Ragged(self.indices[entries], offsets, self.n_features, weights)

    def batch(self, start: int, stop: int) -> RaggedBatch:
        """Return rows `start` to `stop` (exclusive) as tensors that share this object's memory."""
        import torch

        from textforge.features.batch import RaggedBatch

        first, last = self.offsets[start], self.offsets[stop]
        return RaggedBatch(
            torch.from_numpy(self.indices[first:last]),
            torch.from_numpy((self.offsets[start:stop] - first).astype(np.int32)),
            None if self.weights is None else torch.from_numpy(self.weights[first:last]),
        )


@dataclass(frozen=True)
class Dense:
    """One vector per text: float32, shape (n_rows, n_features). Its batches are plain tensors."""

    vectors: NDArray[np.float32]

    @property
    def n_features(self) -> int:
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.vectors)

    def __matmul__(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Multiply by a matrix of shape (n_features, width), in its type: shape (n_rows, width)."""
        found: NDArray[Any] = self.vectors.astype(matrix.dtype, copy=False) @ matrix
        return found

    def take(self, rows: NDArray[np.integer[Any]]) -> Dense:
        return Dense(self.vectors[rows])

    def batch(self, start: int, stop: int) -> torch.Tensor:
        import torch

        return torch.from_numpy(self.vectors[start:stop].copy())  # a module may change its input in place


def _owned(array: Any, dtype: Any) -> NDArray[Any]:
    """Return the array contiguous, writable and of this dtype; torch warns about read-only arrays."""
    return np.require(array, dtype=dtype, requirements=["C", "W"])


Features = Ragged | Dense


def as_features(value: Any, n_texts: int, vectorizer: str) -> Features:
    """Convert the result of `transform` to features: a Ragged or Dense, a SciPy sparse matrix, or a float matrix.

    Args:
        value: the result of `transform`.
        n_texts: the number of texts that were transformed.
        vectorizer: the vectorizer's name, for the error message.

    Raises:
        ComponentError: `value` is none of these, its number of rows is not `n_texts`, or a value is not finite.
    """
    if isinstance(value, (Ragged, Dense)):
        features: Features = value
    elif hasattr(value, "tocsr"):
        matrix = value.tocsr()
        features = Ragged(matrix.indices, matrix.indptr, matrix.shape[1], matrix.data)
    elif isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "biuf":
        with np.errstate(over="ignore"):  # an overflow becomes an error message below
            features = Dense(_owned(value, np.float32))
        if not np.isfinite(features.vectors).all():
            row = int(np.flatnonzero(~np.isfinite(features.vectors).all(axis=1))[0])
            raise ComponentError(f"{vectorizer}: the vector of text {row} has values that are not finite in float32.")
    else:
        shape = f" of shape {value.shape}" if hasattr(value, "shape") else ""
        raise ComponentError(
            f"{vectorizer}: transform returned a {type(value).__name__}{shape}; "
            "expected textforge.Ragged, a SciPy sparse matrix, or a float array of shape (texts, features)."
        )
    if len(features) != n_texts:
        raise ComponentError(f"{vectorizer}: transform returned {len(features)} rows for {n_texts} texts.")
    return features


def features_state(features: Features) -> dict[str, Any]:
    """Features as arrays and numbers, to send them to another process."""
    if isinstance(features, Dense):
        return {"vectors": features.vectors}
    arrays = {"indices": features.indices, "offsets": features.offsets, "weights": features.weights}
    return {**arrays, "n_features": int(features.n_features)}


def features_of(state: Mapping[str, Any]) -> Features:
    """The features that `features_state` took apart."""
    return Dense(state["vectors"]) if "vectors" in state else Ragged(**state)


def joined(parts: Sequence[Features]) -> Features:
    """Concatenate the rows of features from one vectorizer."""
    first = parts[0]
    if isinstance(first, Dense):
        return Dense(np.concatenate([part.vectors for part in parts if isinstance(part, Dense)]))
    ragged = [part for part in parts if isinstance(part, Ragged)]
    lengths = np.concatenate([np.diff(part.offsets) for part in ragged])
    weights = None if first.weights is None else np.concatenate([part.weights for part in ragged])
    indices = np.concatenate([part.indices for part in ragged])
    return Ragged(indices, np.concatenate(([0], np.cumsum(lengths))), first.n_features, weights)


def batches(
    features: Features,
    size: int,
    order: NDArray[np.int64] | None = None,
    *,
    drop_last: bool = False,
    share: Callable[[int], range] | None = None,
) -> Iterator[tuple[Batch, NDArray[np.int64]]]:
    """Iterate over batches of `size` rows and their row numbers, in `order` (default: ascending).

    Args:
        features: the rows.
        size: rows per batch.
        order: int64: the row numbers in the order to take them.
        drop_last: whether to leave out a last batch with fewer than `size` rows.
        share: the part of each batch to return, of the number of its rows; None for all of it.
    """
    n_rows = len(features) if order is None else len(order)
    end = n_rows - n_rows % size if drop_last else n_rows
    for start in range(0, end, size):
        whole = range(start, min(start + size, end))
        own = whole if share is None else whole[share(len(whole)).start : share(len(whole)).stop]
        if order is None:
            yield features.batch(own.start, own.stop), np.arange(own.start, own.stop)
        else:
            rows = order[own.start : own.stop]
            yield features.take(rows).batch(0, len(rows)), rows


def bounded_batches(features: Features, size: int, most: int) -> Iterator[tuple[Batch, NDArray[np.int64]]]:
    """Iterate over the batches of `bounded_rows`, and their row numbers."""
    for rows in bounded_rows(features, size, most):
        start, stop = int(rows[0]), int(rows[-1]) + 1
        in_order = stop - start == len(rows) and (np.diff(rows) == 1).all()
        yield (features.batch(start, stop) if in_order else features.take(rows).batch(0, len(rows))), rows


def bounded_rows(features: Features, size: int, most: int) -> Iterator[NDArray[np.int64]]:
    """Iterate over the row numbers of batches of at most `size` rows whose padded size is at most `most` entries.

    The padded size is the number of rows times the length of the longest row. A single row may exceed `most`. If
    the bound applies, rows are sorted by length, so that rows of similar length share a batch. Rows with weights
    are bags: models do not pad them, so the bound does not apply.
    """
    lengths = np.zeros(0, dtype=np.int64)
    if isinstance(features, Ragged) and features.weights is None:
        lengths = np.diff(features.offsets)
    if not len(lengths) or min(size, len(lengths)) * int(lengths.max()) <= most:
        yield from (np.arange(start, min(start + size, len(features))) for start in range(0, len(features), size))
        return
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = min(start + size, len(order))
        while stop > start + 1 and (stop - start) * int(lengths[order[stop - 1]]) > most:
            stop = start + max(1, min(stop - start - 1, most // int(lengths[order[stop - 1]])))
        yield order[start:stop]
        start = stop


def training_order(
    features: Features, settings: TrainerSettings, generator: np.random.Generator
) -> NDArray[np.int64] | None:
    """Return the row numbers in the order of the next epoch, int64; None if `settings.shuffle` is off.

    With `bucket_by_length`, rows are shuffled, sorted by length within runs of 50 batches, cut into batches, and
    the batches are shuffled. Texts of a batch then have similar lengths, and each epoch has different batches.

    Raises:
        RecipeError: `bucket_by_length` is set, but the features are dense vectors, which have no length.
    """
    if not settings.shuffle:
        return None
    order = generator.permutation(len(features))
    if not settings.bucket_by_length:
        return order
    if isinstance(features, Dense):
        raise RecipeError(
            "trainer.bucket_by_length is for sequences of words; this vectorizer gives one vector per text."
        )
    size, lengths = settings.batch_size, np.diff(features.offsets)
    runs = [order[start : start + 50 * size] for start in range(0, len(order), 50 * size)]
    order = np.concatenate([run[np.argsort(lengths[run], kind="stable")] for run in runs])
    whole = [order[start : start + size] for start in range(0, len(order) - len(order) % size, size)]
    rest = order[len(whole) * size :]  # stays last, where drop_last can leave it out
    return np.concatenate([*(whole[n] for n in generator.permutation(len(whole))), rest])
