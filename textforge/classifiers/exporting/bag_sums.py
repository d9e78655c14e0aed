"""Sums over bags as ONNX operators; torch's exporter would write a loop over texts.

The weights of the entries are looked up, and `ScatterND` adds each to the row of its text. A matrix of texts × longest
text takes half the time for one text, but nine times as long for 512 (docs/export.md has the figures).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import INT64, opset20

op: Any = opset20  # its types know no values of another function
MEAN = 1
"""torch's number of the mode 'mean' of an embedding bag; 0 is 'sum'."""


def embedding_bag(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
    /,
) -> tuple[Any, Any, Any, Any]:
    """Translate torch's operator of this name, for the modes 'sum' and 'mean' over ragged bags.

    Raises:
        NotImplementedError: another mode, or bags with a padding index.
    """
    if mode > MEAN or (padding_idx is not None and padding_idx >= 0):
        raise NotImplementedError("an EmbeddingBag with mode 'max' or with padding_idx")
    starts, one = op.Cast(offsets, to=INT64.dtype), _ints(1)
    if include_last_offset:
        starts = op.Slice(starts, _ints(0), _ints(-1))
    total, n_bags = op.Shape(indices), op.Shape(starts)
    bags = op.Unsqueeze(_bag_of_each(starts, total), one)
    values = op.Gather(weight, indices)
    if per_sample_weights is not None:
        values = op.Mul(values, op.Unsqueeze(per_sample_weights, one))
    zero = op.CastLike(op.Constant(value_float=0.0), weight)
    zeros = op.Expand(zero, op.Concat(n_bags, op.Shape(weight, start=1), axis=0))
    found = op.ScatterND(zeros, bags, values, reduction="add")
    if mode == MEAN:
        entries = op.ScatterND(op.Expand(_ints(0), n_bags), bags, op.Expand(one, total), reduction="add")
        found = op.Div(found, op.Unsqueeze(op.CastLike(op.Max(entries, one), weight), one))
    return found, starts, starts, starts  # the last three serve the gradient, which a graph has not


def repeat_interleave(repeats: Any, output_size: Any = None) -> Any:
    """Translate torch's operator of this name: the number of the bag of each entry, from the lengths of the bags."""
    lengths = op.Cast(repeats, to=INT64.dtype)
    total = op.ReduceSum(lengths, keepdims=1)
    return _bag_of_each(op.CumSum(lengths, op.Constant(value_int=0), exclusive=1), total)


def _bag_of_each(starts: Any, total: Any) -> Any:
    """The number of the bag of each entry: a running count of starts. The last bags, if empty, start at the end."""
    marks = op.Expand(_ints(0), op.Add(total, _ints(1)))
    marks = op.ScatterElements(marks, starts, op.Expand(_ints(1), op.Shape(starts)), reduction="add")
    counted = op.CumSum(op.Slice(marks, _ints(0), total), op.Constant(value_int=0))
    return op.Sub(counted, _ints(1))


def _ints(*values: int) -> Any:
    return op.Constant(value_ints=[*values])


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.embedding_bag.default: embedding_bag,
    torch.ops.aten.embedding_bag.padding_idx: embedding_bag,
    torch.ops.aten._embedding_bag.default: embedding_bag,
    torch.ops.aten._embedding_bag_forward_only.default: embedding_bag,
    torch.ops.aten.repeat_interleave.Tensor: repeat_interleave,
}
"""Operators of torch, and the functions that translate them."""
