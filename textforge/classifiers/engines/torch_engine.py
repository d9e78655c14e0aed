"""The engine that computes a model by its torch module, on the CPU or on a GPU."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.devices import as_device
from textforge.classifiers.engines.engine import BATCH_SIZE, MOST_PADDED, Engine, EngineName, ModelPart
from textforge.classifiers.ownership import copied_module
from textforge.classifiers.rebuilding import rebuilt
from textforge.components.part import plugin_errors
from textforge.errors import ComponentError
from textforge.features.ragged import Features, bounded_batches


class TorchEngine(Engine):
    """Computes a model by its module.

    Args:
        model: how the model was made.
        module: the module. It is moved to the device and set to evaluation mode.
        device: 'cpu', 'cuda' (or 'cuda:1'), or 'auto'.

    Raises:
        RecipeError: the device is not available.
        ComponentError: the module cannot be moved.
    """

    name: ClassVar[EngineName] = "torch"
    file: ClassVar[str] = "model.safetensors"

    def __init__(self, model: ModelPart, module: nn.Module, device: torch.device | str = "cpu") -> None:
        self.model: ModelPart = model
        place = as_device(device)
        self.device: str = str(place)
        with plugin_errors(model.who, "being put on its device"):
            self.module: nn.Module = module.to(place).eval()

    @classmethod
    def of_copy(cls, model: ModelPart, module: nn.Module, device: torch.device | str) -> Self:
        """Make an engine with a copy of a module.

        Raises:
            ComponentError: the module cannot be copied.
        """
        place = as_device(device)  # before time is spent on copying
        build = partial(model.part.build, model.facts) if model.part else None
        return cls(model, copied_module(module, build, model.who), place)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle; a named model becomes its part and weights.

        A factory may define its module class locally, and pickle cannot store an instance of such a class.
        """
        state = dict(vars(self))
        if self.model.part is not None:
            state["weights"] = state.pop("module").state_dict()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        weights = state.pop("weights", None)
        vars(self).update(state)
        if weights is not None and self.model.part is not None:
            self.module = rebuilt(self.model.part, self.model.facts, weights).to(self.device).eval()

    def logits(self, features: Features) -> NDArray[np.float32]:
        return logits(self.module, features, self.model.n_classes, torch.device(self.device), self.model.who)

    @property
    def n_weights(self) -> int:
        own = sum(one.numel() for one in self.module.parameters())
        return own or sum(one.numel() for one in self.module.buffers())  # a model that fits itself may have no others

    def with_module(self) -> TorchEngine:
        return self

    def write(self, file: Path) -> None:
        from safetensors.torch import save_file

        # Not save_model: its order of tied weights differs from process to process.
        weights = {
            name: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in weights_of(self.module, self.model.who).items()
        }
        save_file(weights, str(file))


def weights_of(module: nn.Module, who: str) -> dict[str, torch.Tensor]:
    """Return the state of a module.

    Raises:
        ComponentError: it holds a value that is not a tensor.
    """
    with plugin_errors(who, "giving its weights"):
        weights = module.state_dict()
    if other := [name for name, value in weights.items() if not isinstance(value, torch.Tensor)]:
        raise ComponentError(f"{who}: '{other[0]}' in its state_dict() is not a tensor, so a bundle cannot store it.")
    return weights


def forward(module: nn.Module, batch: Any, n_classes: int, who: str) -> torch.Tensor:
    """Run the module on one batch and return logits, float32, shape (rows, n_classes).

    Raises:
        ComponentError: the module raised, or returned anything but a float tensor of that shape.
    """
    with plugin_errors(who, "computing a batch"):
        scores = module(batch)
    wanted = (len(batch), n_classes)
    if isinstance(scores, torch.Tensor) and tuple(scores.shape) == wanted and scores.is_floating_point():
        return scores.float()
    found = (
        f"{scores.dtype} of shape {tuple(scores.shape)}" if isinstance(scores, torch.Tensor) else type(scores).__name__
    )
    raise ComponentError(
        f"{who} returned {found}; expected a float tensor of shape {wanted}: one logit per text and class."
    )


def logits(
    module: nn.Module, features: Features, n_classes: int, device: torch.device, who: str
) -> NDArray[np.float32]:
    """Run the module in evaluation mode, without gradients; return logits, float32, shape (rows, n_classes).

    Raises:
        ComponentError: the module raised, or returned anything but a float tensor of that shape.
    """
    with plugin_errors(who, "being put into evaluation mode"):
        training, switched = module.training, any(part.training for part in module.modules())
        if switched:  # eval() visits every submodule, which costs more than predicting a short text
            module.eval()
    scores = np.empty((len(features), n_classes), dtype=np.float32)
    try:
        with torch.no_grad():  # not inference_mode: tensors that a module caches here must stay trainable
            for batch, rows in bounded_batches(features, BATCH_SIZE, MOST_PADDED):
                scores[rows] = forward(module, batch.to(device), n_classes, who).cpu().numpy()
    finally:
        if switched:
            with plugin_errors(who, "being put into training mode"):
                module.train(training)
    return scores
