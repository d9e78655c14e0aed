"""Sums of a bag's word weights, whose gradient costs what the words cost."""

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
    """The weighted sum of one row of `weight` for each entry of a bag: `embedding_bag` with mode 'sum'.

    A sparse gradient is made on the CPU as the same sum over the transposed bag: for each word that occurs, of the
    gradients of the texts that have it. torch's own has a row for every entry of the batch, and sorts and adds them up
    afterwards, which takes several times as long.

    Args:
        weight: float (n_features, width), the rows.
        indices: int32 or int64 (total,), the rows of all texts, one text after the other.
        offsets: int (n_texts,), where each text begins.
        weights: float (total,), what each entry weighs, which gets no sparse gradient; None for 1.
        sparse: whether the gradient of `weight` is sparse, for optimizers that take such gradients: the rows that
            occur, each once, ascending.

    Returns:
        Float tensor (n_texts, width).
    """
    ours = sparse and weight.device.type == "cpu" and weight.dtype == torch.float32
    if ours and not (weights is not None and weights.requires_grad):
        return _BagSum.apply(weight, indices, offsets, weights)  # type: ignore[no-any-return,no-untyped-call]
    return functional.embedding_bag(indices, weight, offsets, mode="sum", per_sample_weights=weights, sparse=sparse)


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
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None, None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None, None, None
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
    """The rows that occur, ascending; the texts that have them, row by row; where rows begin; the entries' order."""
    # A row and the entry that names it as one number: numpy sorts plain numbers several times as fast as it finds
    # their order, and nothing here takes longer for a larger vocabulary.
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
