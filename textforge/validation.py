"""What an epoch came to: how good a module is on the validation split, and whether that is better than before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.decision import Decision
from textforge.errors import RecipeError, TrainingError
from textforge.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.optimization import plain_loss
from textforge.settings import FIGURES, result_key, unknown_monitor

Figures = dict[str, float | None]


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to: plain data. A model that fits itself has one epoch."""

    number: int
    """From 1."""
    train_loss: float
    """Mean loss over the texts of the epoch, as it was while training."""
    valid: Figures | None
    """loss, accuracy, the F1s and the recipe's metrics on the validation split, or None where there is none."""
    best: bool
    """Whether this is the best epoch so far, by the monitored validation figure."""
    steps: int
    """Batches trained on."""
    seconds: float


class Validation:
    """Measures outputs against the labels of the validation split.

    Args:
        monitor: the figure that tells the better of two epochs.
        metrics: figures beside those that are always measured.

    Raises:
        RecipeError: `monitor` names no figure.
    """

    def __init__(self, monitor: str, metrics: ExtraMetrics) -> None:
        if wrong := unknown_monitor(monitor, metrics.names):
            raise RecipeError(wrong)
        self.monitor = result_key(monitor)
        self.metrics = metrics

    @property
    def mode(self) -> str:
        """'min' or 'max': which values of the monitored figure are the better ones."""
        return "min" if self.metrics.smaller_is_better(self.monitor) else "max"

    def measure(self, scores: NDArray[np.float32], gold: NDArray[Any], labels: Sequence[str]) -> Figures:
        """Log loss, accuracy, the F1s and the other metrics, of logits against encoded labels.

        Raises:
            TrainingError: the loss is no finite number.
        """
        loss = float(plain_loss(torch.from_numpy(scores), torch.from_numpy(gold)))
        if not math.isfinite(loss):
            raise TrainingError(f"the validation loss became {loss}")
        decision = Decision(multi_label=gold.ndim == 2)
        probabilities = decision.probabilities(scores)
        measure = multi_label_metrics if decision.multi_label else classification_metrics
        figures = {"loss": loss, **measure(gold, decision.chosen(probabilities), labels)}
        return {**{name: figures[name] for name in FIGURES}, **self.metrics.measure(gold, probabilities)}

    def better(self, new: Figures, old: Figures | None) -> bool:
        """Whether the monitored figure is better than an earlier one; an undefined one never is."""
        value, before = new[self.monitor], None if old is None else old[self.monitor]
        if value is None or before is None:
            return value is not None or old is None
        return value < before if self.mode == "min" else value > before
