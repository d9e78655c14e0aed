"""The engine that computes a model in numpy, where the model's factory says how (`in_numpy`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.engines.engine import Engine, EngineName, ModelPart, checked_logits
from textforge.components.part import plugin_errors
from textforge.components.requirements import require_torch
from textforge.errors import ComponentError
from textforge.features.ragged import Features, Ragged

if TYPE_CHECKING:
    from textforge.classifiers.engines.torch_engine import TorchEngine


class NumpyEngine(Engine):
    """Computes a model by the function that its factory's attribute `in_numpy` names.

    Args:
        model: how the model was made; the `in_numpy` of its part is not None.
        weights: the arrays of the bundle, by name. The engine keeps them; nobody else may change them.

    Raises:
        ComponentError: the function raised, for instance because the weights do not fit the facts.
    """

    name: ClassVar[EngineName] = "numpy"
    file: ClassVar[str] = "model.safetensors"

    def __init__(self, model: ModelPart, weights: dict[str, NDArray[Any]]) -> None:
        self.model: ModelPart = model
        self._weights = weights
        self._scores: Any = model.named.scores_in_numpy(model.facts, weights)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_scores"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._scores = self.model.named.scores_in_numpy(self.model.facts, self._weights)

    def logits(self, features: Features) -> NDArray[np.float32]:
        with plugin_errors(self.model.who, "computing texts in numpy"), np.errstate(all="ignore"):
            scores = self._scores(features)
        return checked_logits(self.model, scores, len(features))

    @property
    def n_weights(self) -> int:
        return sum(one.size for one in self._weights.values())

    def with_module(self) -> TorchEngine:
        require_torch(f"{self.model.who}, as a torch module,")
        import torch

        from textforge.classifiers.bundles.weights import restored
        from textforge.classifiers.engines.torch_engine import TorchEngine

        weights = {name: torch.from_numpy(one.copy()) for name, one in self._weights.items()}
        return TorchEngine(self.model, restored(self.model.named, self.model.facts, weights))

    @property
    def has_module(self) -> bool:
        return find_spec("torch") is not None

    def write(self, file: Path) -> None:
        from safetensors.numpy import save_file

        save_file(self._weights, str(file))

    def explain(self, row: Ragged) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        explain = getattr(self._scores, "explain", None)
        if explain is None:
            return None
        n_classes = self.model.n_classes
        with plugin_errors(self.model.who, "explaining a text in numpy"):
            found = explain(row)
            if found is None:
                return None
            values, bias = (np.asarray(one, dtype=np.float64) for one in found)
        if values.shape != (len(row.indices), n_classes) or bias.shape != (n_classes,):
            raise ComponentError(
                f"{self.model.who}: explain must return an array of shape ({len(row.indices)}, {n_classes}), one row "
                f"for each entry, and biases of shape ({n_classes},)."
            )
        return values, bias
