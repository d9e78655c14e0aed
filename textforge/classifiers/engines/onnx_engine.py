"""The engine that computes an exported model by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.engines.engine import Engine, EngineName, ModelPart
from textforge.errors import ComponentError
from textforge.features.ragged import Features

if TYPE_CHECKING:
    from textforge.classifiers.bundles.description import SavedEngine
    from textforge.classifiers.engines.torch_engine import TorchEngine


class OnnxEngine(Engine):
    """Computes a model by its graph in `model.onnx`.

    Args:
        model: how the model was made.
        file: the graph.
        saved: the section `engine` of the bundle.

    Raises:
        ComponentError: onnxruntime is not installed.
    """

    name: ClassVar[EngineName] = "onnx"
    file: ClassVar[str] = "model.onnx"

    def __init__(self, model: ModelPart, file: Path, saved: SavedEngine) -> None:
        raise ComponentError(f"{model.who} was exported to ONNX, which this textforge cannot compute.")

    def logits(self, features: Features) -> NDArray[np.float32]:
        raise NotImplementedError

    @property
    def n_weights(self) -> int:
        raise NotImplementedError

    def with_module(self) -> TorchEngine:
        raise ComponentError(
            f"{self.model.who} was exported to ONNX, so this bundle has no torch module. Load the run or the bundle "
            "that it was exported from."
        )

    @property
    def has_module(self) -> bool:
        return False

    def write(self, file: Path) -> None:
        raise NotImplementedError
