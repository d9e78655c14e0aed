"""What an engine is: it computes the outputs of one model from features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from textforge.components.part import Part, part_name
from textforge.errors import ComponentError
from textforge.features.ragged import Features, Ragged

if TYPE_CHECKING:
    from textforge.classifiers.engines.torch_engine import TorchEngine

EngineName = Literal["auto", "torch", "numpy", "onnx"]
"""An engine by name; 'auto' takes the lightest that can compute the model."""

BATCH_SIZE = 512
"""Texts per prediction batch. Bounds memory; affects results only by float rounding."""
MOST_PADDED = 2**17
"""Most words per prediction batch, counting the padding of every text to the longest one."""


@dataclass(frozen=True)
class ModelPart:
    """How a model was made.

    Args:
        part: the model's part; None for a module that was given as an object.
        facts: the facts that it was built from.
        n_classes: the number of its outputs.
    """

    part: Part | None
    facts: Mapping[str, Any]
    n_classes: int

    @property
    def who(self) -> str:
        """The model in messages."""
        return part_name(self.part, "the model")

    @property
    def named(self) -> Part:
        """The part, by which the model can be built again.

        Raises:
            ComponentError: the module was given as an object.
        """
        if self.part is None:
            raise ComponentError("the model was given as a Python object, so it cannot be built again.")
        return self.part


class Engine(ABC):
    """Computes the outputs of one model. Threads may call it at the same time.

    Engines can be copied and pickled.
    """

    name: ClassVar[EngineName]
    file: ClassVar[str]
    """The file of a bundle that `write` writes."""
    model: ModelPart
    device: str = "cpu"
    """The device, by torch's name for it."""

    @abstractmethod
    def logits(self, features: Features) -> NDArray[np.float32]:
        """Return the outputs of the model, float32, shape (rows, n_classes). They may be infinite or NaN.

        Raises:
            ComponentError: the model raised, or returned something else.
        """

    @property
    @abstractmethod
    def n_weights(self) -> int:
        """The number of weights."""

    @abstractmethod
    def with_module(self) -> TorchEngine:
        """Return an engine that computes the same model by its torch module.

        Raises:
            ComponentError: the module cannot be built from what the engine holds, or torch is not installed.
        """

    @property
    def has_module(self) -> bool:
        """Whether `with_module` has what it needs."""
        return True

    @abstractmethod
    def write(self, file: Path) -> None:
        """Write the model to a file of a bundle.

        Raises:
            ComponentError: the model holds something that a bundle cannot store.
        """

    def described(self) -> dict[str, Any] | None:
        """The section `engine` of the bundle's description; None for a bundle of torch weights."""
        return None

    def explain(self, row: Ragged) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return exactly what each entry of one row of features gives to each output, and the outputs without any.

        Returns:
            Float64 arrays of shapes (entries, n_classes) and (n_classes,); None if the engine cannot tell.
        """
        return None


def checked_logits(model: ModelPart, scores: Any, rows: int) -> NDArray[np.float32]:
    """Return outputs as float32.

    Raises:
        ComponentError: they are no floats of shape (rows, n_classes).
    """
    wanted = (rows, model.n_classes)
    if isinstance(scores, np.ndarray) and scores.shape == wanted and scores.dtype.kind == "f":
        return np.asarray(scores, dtype=np.float32)
    found = f"{scores.dtype} of shape {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
    raise ComponentError(
        f"{model.who} returned {found}; expected a float array of shape {wanted}: one logit per text and class."
    )
