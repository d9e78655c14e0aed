"""The engine that computes an exported model by onnxruntime, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.engines.engine import Engine, EngineName, ModelPart, checked_logits
from textforge.classifiers.engines.onnx_graph import OnnxGraph
from textforge.errors import ComponentError
from textforge.features.ragged import Features

if TYPE_CHECKING:
    from textforge.classifiers.bundles.description import SavedEngine
    from textforge.classifiers.engines.torch_engine import TorchEngine

Quantization = Literal["int8"]


class OnnxEngine(Engine):
    """Computes a model by its graph.

    Args:
        model: how the model was made.
        graph: the graph, from features to logits.
        opset: version of ONNX's operators that the graph uses.
        quantization: the type that the weights were rounded to; None if they are as they were trained.
    """

    name: ClassVar[EngineName] = "onnx"
    file: ClassVar[str] = "model.onnx"

    def __init__(self, model: ModelPart, graph: OnnxGraph, opset: int, quantization: Quantization | None) -> None:
        self.model: ModelPart = model
        self._graph, self._opset, self._quantization = graph, opset, quantization

    @classmethod
    def opened(cls, model: ModelPart, file: Path, saved: SavedEngine) -> OnnxEngine:
        """Open the graph of a bundle.

        Raises:
            ComponentError: onnxruntime is not installed, or cannot read the graph.
        """
        return cls(model, OnnxGraph(file.read_bytes(), model.who), saved.opset, saved.quantization)

    def logits(self, features: Features) -> NDArray[np.float32]:
        return checked_logits(self.model, self._graph(features), len(features))

    @property
    def n_weights(self) -> int:
        return self._graph.n_weights

    def with_module(self) -> TorchEngine:
        raise ComponentError(
            f"{self.model.who} was exported to ONNX, so this bundle has no torch module. Load the run or the bundle "
            "that it was exported from."
        )

    @property
    def has_module(self) -> bool:
        return False

    def write(self, file: Path) -> None:
        file.write_bytes(self._graph.content)

    def described(self) -> dict[str, Any]:
        return {"name": self.name, "opset": self._opset, "quantization": self._quantization}
