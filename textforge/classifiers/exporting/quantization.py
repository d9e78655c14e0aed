"""Store the weights of a graph as 8-bit integers with scales, a quarter of the size.

Only weights are rounded; what is computed with them stays in floats. onnxruntime's dynamic quantization rounds what the
layers compute, too, with one scale for all texts of a batch: a long text would cost the others their accuracy (1.4
points on recipes/newsgroups.yaml), and the answer to a text would depend on the texts beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

LARGEST = 127
"""Largest absolute value of an 8-bit integer that is used, so that a scale serves both signs."""
SMALL = 2**12
"""Number of weights below which they stay floats: rounding them would save next to nothing."""
SHORT = 16
"""Length of rows below which a scale for each would take more than a quarter of what rounding saves."""


def quantize(graph: ModelProto) -> None:
    """Round the weights of a graph to 8-bit integers, in place.

    Each row has a scale: those of rare words have far smaller weights than those of frequent ones. Rows that are looked
    up in a table are scaled after the lookup, so that the table stays small in memory, too. Other weights are scaled
    when the graph is loaded.
    """
    from onnx import numpy_helper

    weights = {one.name: one for one in graph.graph.initializer if _is_large(one)}
    tables = {name for name in weights if _is_table(graph, name)}
    nodes: list[NodeProto] = []
    for name, stored in weights.items():
        whole, scales = rounded(numpy_helper.to_array(stored), by_rows=name in tables)
        graph.graph.initializer.remove(stored)
        graph.graph.initializer.append(numpy_helper.from_array(whole, f"{name}.int8"))
        graph.graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
        if name not in tables:
            nodes += _scaled(f"{name}.int8", f"{name}.scales", name)
    for node in graph.graph.node:
        nodes += _looked_up(node) if node.input and node.input[0] in tables else [node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def rounded(weights: NDArray[Any], *, by_rows: bool) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Round weights, an array of two or more dimensions.

    Returns:
        Whole numbers from -127 to 127, and scales of the type of the weights. Their product, by broadcasting, is the
        weights, to within half a scale. There is a scale for each row, or, unless `by_rows`, one for all rows of an
        entry of the first dimension if they are short.
    """
    along = (weights.ndim - 1,) if by_rows or weights.shape[-1] >= SHORT else tuple(range(1, weights.ndim))
    scales = np.abs(weights).max(axis=along, keepdims=True) / LARGEST
    whole = np.rint(weights / np.where(scales > 0, scales, 1)).astype(np.int8)
    return whole, scales.astype(weights.dtype)


def _is_large(stored: Any) -> bool:
    from onnx import TensorProto

    floats = stored.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE)
    return floats and len(stored.dims) > 1 and int(np.prod(stored.dims)) >= SMALL


def _is_table(graph: ModelProto, name: str) -> bool:
    """Whether rows of the weights are looked up and nothing else is done with them."""
    users = [node for node in graph.graph.node if name in node.input]
    by_rows = all(one.i == 0 for node in users for one in node.attribute if one.name == "axis")
    return by_rows and all(node.op_type == "Gather" and node.input[0] == name for node in users)


def _looked_up(node: NodeProto) -> list[NodeProto]:
    from onnx import helper

    table, rows = node.input
    found = node.output[0]
    parts = [helper.make_node("Gather", [f"{table}.{part}", rows], [f"{found}.{part}"]) for part in ("int8", "scales")]
    return [*parts, *_scaled(f"{found}.int8", f"{found}.scales", found)]


def _scaled(whole: str, scales: str, result: str) -> list[NodeProto]:
    from onnx import helper

    return [
        helper.make_node("CastLike", [whole, scales], [f"{result}.floats"]),
        helper.make_node("Mul", [f"{result}.floats", scales], [result]),
    ]
