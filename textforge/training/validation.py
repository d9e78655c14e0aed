"""Validation metrics of an epoch, and whether they improve on the best so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.classifiers.decision import Decision, Scored
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.settings import FIGURES, result_key, unknown_monitor
from textforge.data.labels import label_name
from textforge.data.weights import with_mean_one
from textforge.errors import RecipeError, TrainingError, listed
from textforge.training.batch_loss import plain_loss

Figures = dict[str, float | None]


@dataclass(frozen=True)
class EpochResult:
    """Results of one epoch, as plain data. A model that fits itself has exactly one epoch."""

    number: int
    """Number of the epoch, from 1."""
    train_loss: float
    """Mean loss over the epoch's texts, each measured when it was trained on."""
    valid: Figures | None
    """Validation loss, accuracy, F1 scores and the recipe's metrics; None without a validation split."""
    best: bool
    """Whether this is the best epoch so far by the monitored validation metric."""
    steps: int
    """Number of batches trained on."""
    seconds: float
    """Duration of training and validation."""

    def copy(self) -> EpochResult:
        """The same results, with a dict of their own."""
        return replace(self, valid=None if self.valid is None else dict(self.valid))


def with_known_labels(scored: Scored) -> Scored:
    """Leave out the texts that have a label beyond the classes of the logits."""
    gold, n = scored.gold, scored.logits.shape[1]
    known = np.asarray(gold < n if gold.ndim == 1 else ~(gold[:, n:] > 0).any(axis=1))
    found = scored if known.all() else scored.rows(known)
    return found if gold.ndim == 1 else found._replace(gold=found.gold[:, :n])


class Validation:
    """Computes validation metrics and compares epochs by the monitored one.

    Args:
        monitor: name of the metric by which two epochs are compared.
        metrics: metrics in addition to the standard ones.

    Raises:
        RecipeError: `monitor` names no figure.
    """

    def __init__(self, monitor: str, metrics: ExtraMetrics) -> None:
        if wrong := unknown_monitor(monitor, metrics.names):
            raise RecipeError(wrong)
        self.monitor: str = result_key(monitor)
        self.metrics = metrics
        self._undefined: list[int] = []

    @property
    def undefined(self) -> list[int]:
        """The epochs in which the monitored metric was undefined."""
        return [*self._undefined]

    @undefined.setter
    def undefined(self, epochs: Sequence[int]) -> None:
        self._undefined = [*epochs]

    @property
    def mode(self) -> str:
        """'min' or 'max': whether smaller or larger values of the monitored metric are better."""
        return "min" if self.metrics.smaller_is_better(self.monitor) else "max"

    def measure(self, scored: Scored, labels: Sequence[Any]) -> Figures:
        """Compute log loss, accuracy, F1 scores and the additional metrics from logits and encoded labels.

        Args:
            scored: logits, encoded labels and weights of the validation split.
            labels: the classes, and after them unknown labels that count as wrong. The loss leaves out texts with
                an unknown label, since it would be infinite.

        Raises:
            TrainingError: the loss is not finite.
        """
        loss = _mean_loss(with_known_labels(scored))
        if not math.isfinite(loss):
            raise TrainingError(f"the validation loss became {loss}")
        scores, gold, weights = scored.counted()
        decision = Decision(multi_label=gold.ndim == 2)
        unknown = len(labels) - scores.shape[1]
        probabilities = np.pad(decision.probabilities(scores), ((0, 0), (0, unknown)))
        measure = multi_label_metrics if decision.multi_label else classification_metrics
        chosen = decision.chosen(probabilities)
        figures = {"loss": loss, **measure(gold, chosen, labels, weights)}
        return {
            **{name: figures[name] for name in FIGURES},
            **self.metrics.for_labels(labels).measure(gold, probabilities, weights, chosen),
        }

    def refuse_undefined(self, figures: Figures, epoch: int, gold: NDArray[Any], labels: Sequence[Any]) -> None:
        """Raise if the monitored metric is undefined in epoch 1; record later epochs for `warnings`.

        Otherwise no epoch would count as better than the first, and the first epoch's weights would be kept.

        Raises:
            RecipeError: the metric is undefined in epoch 1; the message names the classes missing from validation.
        """
        if figures[self.monitor] is not None:
            return
        if epoch > 1:
            self._undefined.append(epoch)
            return
        counts = gold.sum(axis=0) if gold.ndim == 2 else np.bincount(gold, minlength=len(labels))
        absent = [label_name(labels[n]) for n in np.flatnonzero(counts == 0).tolist()]
        why = f", which has no text of: {listed(absent)}" if absent else ""
        others = [name for name in (*FIGURES, *self.metrics.names) if figures[name] is not None]
        raise RecipeError(
            f"trainer.monitor: {self.monitor} is undefined on the validation split of {len(gold)} texts{why}. No epoch "
            "could be found the best. Let the validation split have more texts (trainer.validation, or the dataset's "
            f"own), or monitor another figure: {listed(others)}."
        )

    @property
    def warnings(self) -> list[str]:
        """One warning that lists the later epochs in which the monitored metric was undefined."""
        if not self._undefined:
            return []
        epochs = listed(map(str, self._undefined))
        return [f"trainer.monitor: {self.monitor} was undefined in epochs {epochs}: they count as no better."]

    def better(self, new: Figures, old: Figures | None) -> bool:
        """Whether the monitored metric improves on an earlier value. An undefined value never does."""
        value, before = new[self.monitor], None if old is None else old[self.monitor]
        if value is None or before is None:
            return value is not None or old is None
        return value < before if self.mode == "min" else value > before


def _mean_loss(scored: Scored) -> float:
    weights = with_mean_one(scored.weights)
    own = None if weights is None else torch.from_numpy(weights.astype(np.float32))
    return float(plain_loss(torch.from_numpy(scored.logits), torch.from_numpy(scored.gold), own))
