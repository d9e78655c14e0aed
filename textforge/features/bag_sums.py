"""Weighted sums over bags, with a gradient whose cost is independent of the vocabulary size."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


def bag_sum(
    weight: torch.Tensor,
    indices: torch.Tensor,
    offsets: torch.Tensor,
    weights: torch.Tensor | None = None,
    *,
    sparse: bool = False,
) -> torch.Tensor:
    """Sum one row of `weight` per entry of each bag, weighted: `embedding_bag` with mode 'sum'.

    On the CPU, a sparse gradient is computed as the same sum over the transposed bags: for each word that occurs, it
    sums the gradients of the texts that contain it. torch's own sparse gradient has one row per entry of the batch,
    then sorts and adds up equal rows, which takes several times as long.

    Args:
        weight: float, shape (n_features, width): the rows to sum.
        indices: int32 or int64, shape (total,): the row numbers of all texts, concatenated.
        offsets: int, shape (n_texts,): the start of each text in `indices`.
        weights: float, shape (total,): the weight of each entry; None for 1.
        sparse: whether the gradient of `weight` is sparse, for optimizers that accept such gradients. It then holds
            each row that occurs once, in ascending order. The faster method is not used if `weights` needs a
            gradient.

    Returns:
        Float tensor, shape (n_texts, width).
    """
    ours = sparse and weight.device.type == "cpu" and weight.dtype == torch.float32
    if ours and not (weights is not None and weights.requires_grad):
        return _with_sparse_gradient(weight, indices, offsets, weights)
    return functional.embedding_bag(indices, weight, offsets, mode="sum", per_sample_weights=weights, sparse=sparse)


def _with_sparse_gradient(
    weight: torch.Tensor, indices: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    return _BagSum.apply(weight, indices, offsets, weights)  # type: ignore[no-any-return,no-untyped-call]


def leave_to_eager() -> None:
    """Let torch.compile call the bag sums with a sparse gradient as they are: it cannot trace a gradient by numpy."""
    global _with_sparse_gradient  # noqa: PLW0603  (the same function for every caller)
    if not hasattr(_with_sparse_gradient, "_torchdynamo_disable"):
        _with_sparse_gradient = torch.compiler.disable(_with_sparse_gradient)  # type: ignore[no-untyped-call]


class _BagSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        weight: torch.Tensor,
        indices: torch.Tensor,
        offsets: torch.Tensor,
        weights: torch.Tensor | None,
    ) -> torch.Tensor:
        ctx.save_for_backward(indices, offsets, weights)
        ctx.shape = weight.shape
        return functional.embedding_bag(indices, weight, offsets, mode="sum", per_sample_weights=weights)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        indices, offsets, weights = ctx.saved_tensors
        rows, texts, starts, order = _transposed(indices.numpy(), offsets.numpy())
        values = functional.embedding_bag(
            torch.from_numpy(texts),
            gradient.contiguous(),
            torch.from_numpy(starts),
            mode="sum",
            per_sample_weights=None if weights is None else weights.index_select(0, torch.from_numpy(order)),
        )
        at = torch.from_numpy(rows).unsqueeze(0)
        found = torch.sparse_coo_tensor(at, values, ctx.shape, is_coalesced=True, check_invariants=False)
        return found, None, None, None


def _transposed(
    indices: NDArray[Any], offsets: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Transpose bags.

    Returns:
        The distinct row numbers, ascending; the text of each entry, sorted by row; the start of each row in those
        texts; and the permutation that sorts the entries by row.
    """
    # Pack the row number and the entry number into one int64: numpy sorts plain numbers several times faster than
    # it computes an argsort, and the cost is independent of the vocabulary size.
    pairs = indices.astype(np.int64)
    pairs <<= 32
    pairs |= np.arange(len(pairs), dtype=np.int64)
    pairs.sort()
    order, named = pairs.astype(np.int32), pairs >> 32
    begins = np.empty(len(pairs), dtype=bool)
    begins[:1] = True
    np.not_equal(named[1:], named[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    lengths = np.diff(offsets, append=len(indices))
    texts = np.repeat(np.arange(len(offsets), dtype=np.int32), lengths)[order]
    return named[starts], texts, starts.astype(np.int32), order
