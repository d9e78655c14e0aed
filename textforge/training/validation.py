"""What an epoch came to: how good a module is on the validation split, and whether that is better than before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.classifiers.decision import Decision
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.settings import FIGURES, result_key, unknown_monitor
from textforge.errors import RecipeError, TrainingError, listed
from textforge.training.optimization import plain_loss

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
        self._undefined: list[int] = []

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

    def refuse_undefined(self, figures: Figures, epoch: int, gold: NDArray[Any], labels: Sequence[str]) -> None:
        """Refuse a monitored figure that is undefined in the first epoch; later ones are noted for `warnings`.

        Without this, no epoch would be better than the first, and its weights would be kept.

        Raises:
            RecipeError: it is undefined in epoch 1; names the classes that the validation split lacks.
        """
        if figures[self.monitor] is not None:
            return
        if epoch > 1:
            self._undefined.append(epoch)
            return
        counts = gold.sum(axis=0) if gold.ndim == 2 else np.bincount(gold, minlength=len(labels))
        absent = [labels[n] for n in np.flatnonzero(counts == 0).tolist()]
        why = f", which has no text of: {listed(absent)}" if absent else ""
        others = [name for name in (*FIGURES, *self.metrics.names) if figures[name] is not None]
        raise RecipeError(
            f"trainer.monitor: {self.monitor} is undefined on the validation split of {len(gold)} texts{why}. No epoch "
            "could be found the best. Let the validation split have more texts (trainer.validation, or the dataset's "
            f"own), or monitor another figure: {listed(others)}."
        )

    @property
    def warnings(self) -> list[str]:
        """A sentence on the later epochs in which the monitored figure was undefined."""
        if not self._undefined:
            return []
        epochs = listed(map(str, self._undefined))
        return [f"trainer.monitor: {self.monitor} was undefined in epochs {epochs}: they count as no better."]

    def better(self, new: Figures, old: Figures | None) -> bool:
        """Whether the monitored figure is better than an earlier one; an undefined one never is."""
        value, before = new[self.monitor], None if old is None else old[self.monitor]
        if value is None or before is None:
            return value is not None or old is None
        return value < before if self.mode == "min" else value > before
