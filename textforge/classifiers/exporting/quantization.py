"""Store the weights of a graph as 8-bit integers: tables of vectors by scales of their rows, layers by onnxruntime."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto, NodeProto

LARGEST = 127
"""Largest absolute value of an 8-bit integer that is used, so that a scale serves both signs."""
SMALL = 2**12
"""Number of weights below which a table or layer keeps its floats: rounding it would save next to nothing."""
LAYERS = ["MatMul", "LSTM"]
"""Operators that onnxruntime computes with 8-bit weights. Its ConvInteger is slower than Conv, and it has no GRU."""


def quantized(graph: ModelProto) -> ModelProto:
    """Round the weights of a graph to 8-bit integers.

    Tables from which rows are looked up, mostly the largest part, have a scale for each row: rare words have far
    smaller weights than frequent ones. Layers are rounded by onnxruntime's dynamic quantization, with a scale for each
    output and to 7 bits, which no processor's 8-bit multiplication overflows.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    _round_tables(graph)
    with TemporaryDirectory() as folder, _without_advice():
        file = Path(folder) / "model.onnx"
        small = _small_layers(graph)
        quantize_dynamic(
            graph,
            file,
            op_types_to_quantize=LAYERS,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=small,
        )
        found = onnx.load(file)
    found.producer_name, found.producer_version = graph.producer_name, ""
    return found


def _round_tables(graph: ModelProto) -> None:
    """Replace each lookup in a table of floats by one in a table of integers, times the scales of the rows."""
    from onnx import numpy_helper

    weights = {one.name: one for one in graph.graph.initializer}
    tables = [name for name, one in weights.items() if len(one.dims) == 2 and np.prod(one.dims) >= SMALL]
    nodes: list[NodeProto] = []
    for node in graph.graph.node:
        nodes += _rounded(node) if node.input and node.input[0] in tables and _looks_up(graph, node.input[0]) else [node]
    used = {name for node in nodes for name in node.input}
    for name in tables:
        if name in used:
            continue
        table = numpy_helper.to_array(weights[name])
        scales = np.abs(table).max(axis=1, keepdims=True).astype(np.float64) / LARGEST
        whole = np.rint(table / np.where(scales > 0, scales, 1)).astype(np.int8)
        graph.graph.initializer.remove(weights[name])
        graph.graph.initializer.append(numpy_helper.from_array(whole, f"{name}.rounded"))
        graph.graph.initializer.append(numpy_helper.from_array(scales.astype(table.dtype), f"{name}.scales"))
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _looks_up(graph: ModelProto, name: str) -> bool:
    """Whether rows of a table are looked up and nothing else is done with it."""
    users = [node for node in graph.graph.node if name in node.input]
    by_rows = all(one.i == 0 for node in users for one in node.attribute if one.name == "axis")
    return by_rows and all(node.op_type == "Gather" and node.input[0] == name for node in users)


def _rounded(node: NodeProto) -> list[NodeProto]:
    from onnx import helper

    table, rows = node.input
    name = node.output[0]
    return [
        helper.make_node("Gather", [f"{table}.rounded", rows], [f"{name}.rounded"]),
        helper.make_node("Gather", [f"{table}.scales", rows], [f"{name}.scales"]),
        helper.make_node("CastLike", [f"{name}.rounded", f"{name}.scales"], [f"{name}.floats"]),
        helper.make_node("Mul", [f"{name}.floats", f"{name}.scales"], [name]),
    ]


def _small_layers(graph: ModelProto) -> list[str]:
    sizes = {one.name: int(np.prod(one.dims)) for one in graph.graph.initializer}
    return [node.name for node in graph.graph.node if any(sizes.get(name, SMALL) < SMALL for name in node.input[1:2])]


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep back onnxruntime's advice to optimize the graph first, which torch's exporter has done."""
    root: Any = logging.getLogger()
    disabled, root.disabled = root.disabled, True
    try:
        yield
    finally:
        root.disabled = disabled
