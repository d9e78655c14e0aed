"""A trained module as an ONNX graph, from the arrays of features to logits."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from textforge.classifiers.exporting.bag_sums import TRANSLATIONS
from textforge.classifiers.exporting.recurrent import with_onnx_layers
from textforge.errors import ComponentError
from textforge.features.batch import RaggedBatch
from textforge.features.ragged import Dense, Features, Ragged

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20
"""Version of ONNX's operators that graphs use; onnxruntime has read it since 1.17."""
MOST_BYTES = 2**31 - 2**24
"""Most bytes of weights: a file of protocol buffers holds less than 2 GiB."""
RAGGED = ("indices", "offsets", "ids", "mask", "weights")
"""Inputs of the graph of a model over ragged features. A graph has only those that the model uses."""
LENGTHS = (5, 3, 2, 4)
"""Lengths of the texts of the example. Sizes of 0 and 1 would be taken for constants."""


@dataclass(frozen=True)
class PaddedBatch(RaggedBatch):
    """A batch that was padded outside of the graph, in which no size may depend on values."""

    ids: torch.Tensor | None = None
    mask: torch.Tensor | None = None

    def padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        assert self.ids is not None
        assert self.mask is not None
        return self.ids.clone(), self.mask.clone()  # a module may change them in place


class FromRagged(nn.Module):
    """A module over the tensors of a ragged batch, those of `RAGGED`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(
        self,
        indices: torch.Tensor,
        offsets: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        logits: torch.Tensor = self.module(PaddedBatch(indices, offsets, weights, ids, mask))
        return logits.float()


class FromDense(nn.Module):
    """A module over vectors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.module(vectors.clone())
        return logits.float()


def graph_of(module: nn.Module, features: Features, who: str) -> ModelProto:
    """Export a module.

    Args:
        module: the module, on the CPU and in evaluation mode. Its recurrent layers are replaced.
        features: some features, which say of which kind they are.
        who: the model, for messages.

    Returns:
        The graph. Its inputs are those of `RAGGED` that the module uses, or `vectors`; its output is `logits`,
        float32, shape (texts, classes). The number of texts and their lengths may vary.

    Raises:
        ComponentError: torch cannot export the module, or it is too large.
    """
    size = sum(one.nbytes for one in (*module.parameters(), *module.buffers()))
    if size > MOST_BYTES:
        raise _not_exported(who, f"it has {size / 2**30:.1f} GiB of weights, and a file of ONNX holds less than 2")
    if not features.n_features:
        raise _not_exported(who, "its vectorizer has no features")
    names, example = _example(features)
    dynamic = torch.export.Dim.DYNAMIC
    shapes = tuple({0: dynamic, 1: dynamic} if name in ("ids", "mask") else {0: dynamic} for name in names)
    wrapped = (FromDense if isinstance(features, Dense) else FromRagged)(with_onnx_layers(module))
    try:
        with _quietly():
            program: Any = torch.onnx.export(
                wrapped.eval(),
                example,
                dynamo=True,
                opset_version=OPSET,
                input_names=names,
                output_names=["logits"],
                dynamic_shapes=shapes,
                custom_translation_table=TRANSLATIONS,
                verbose=False,
            )
            graph: ModelProto = program.model_proto
    except Exception as error:  # a module may do anything
        raise _not_exported(who, _reason(error)) from error
    _tidy(graph)
    return graph


def _example(features: Features) -> tuple[list[str], tuple[torch.Tensor, ...]]:
    """The names of the inputs, and an example of them of the same kind as the features."""
    if isinstance(features, Dense):
        return ["vectors"], (torch.zeros(len(LENGTHS), features.n_features),)
    total = sum(LENGTHS)
    indices = np.arange(total) % features.n_features
    weights = None if features.weights is None else np.ones(total, dtype=np.float32)
    rows = Ragged(indices, np.cumsum((0, *LENGTHS)), features.n_features, weights)
    batch = rows.batch(0, len(rows))
    given = (batch.indices, batch.offsets, *batch.padded(), batch.weights)
    found = {name: one for name, one in zip(RAGGED, given, strict=True) if one is not None}
    return [*found], tuple(found.values())


def _tidy(graph: ModelProto) -> None:
    """Drop inputs that the model does not use, and what torch notes of its sources, such as paths of this machine."""
    used = {name for node in graph.graph.node for name in node.input}
    for given in [one for one in graph.graph.input if one.name not in used]:
        graph.graph.input.remove(given)
    for part in (graph, graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.initializer,
                 *graph.graph.input, *graph.graph.output):  # fmt: skip
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.producer_name, graph.producer_version = "textforge", ""


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what torch's exporter says about itself, which no user can act upon."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The first cause of an error as one sentence, without colours."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [type(error).__name__]
    text = " ".join(line.strip(" -") for line in lines[:2])
    return text if len(text) <= 300 else f"{text[:299]}…"


def _not_exported(who: str, reason: str) -> ComponentError:
    return ComponentError(f"{who} cannot be exported: {reason.rstrip('. ')}.")
