"""From a model's outputs to answers: temperature, thresholds, and when to give none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.errors import RecipeError
from textforge.settings import DecisionSettings


@dataclass(frozen=True)
class Decision:
    """How a classifier decides; plain numbers, kept in its bundle.

    Args:
        multi_label: whether a text may have any number of labels, rather than exactly one.
        temperature: what the logits are divided by.
        thresholds: for each class the probability from which it is given; None is 0.5 for sets of
            labels, and the most probable class where there is one label.
        abstain: below this largest probability there is no answer.
    """

    multi_label: bool = False
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    abstain: float | None = None

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sigmoid or softmax of the logits over the temperature, float32, of the same shape."""
        scaled = logits.astype(np.float64) / self.temperature  # the largest float32 ones would overflow
        found: NDArray[Any]
        if self.multi_label:
            found = np.exp(-np.logaddexp(0, -scaled))
        else:
            odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            found = odds / odds.sum(axis=1, keepdims=True)
        return found.astype(np.float32)

    def chosen(self, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
        """Class numbers, shape (n,), abstention not heeded; for sets of labels 0 and 1, shape (n, n_classes)."""
        found: NDArray[Any]
        if self.multi_label:
            found = probabilities >= np.asarray(self.thresholds or 0.5, dtype=np.float32)
        elif self.thresholds is not None:
            found = probabilities[:, 1] >= np.float32(self.thresholds[1])
        else:
            found = probabilities.argmax(axis=1)
        return found.astype(np.int64)

    def answered(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where there is an answer at all, shape (n,)."""
        if self.abstain is None:
            return np.ones(len(probabilities), dtype=bool)
        sure: NDArray[np.bool_] = probabilities.max(axis=1) >= np.float32(self.abstain)
        return sure

    def as_json(self) -> dict[str, Any]:
        return {
            "multi_label": self.multi_label,
            "temperature": self.temperature,
            "thresholds": None if self.thresholds is None else list(self.thresholds),
            "abstain": self.abstain,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Decision:
        thresholds = saved["thresholds"]
        return cls(
            bool(saved["multi_label"]),
            float(saved["temperature"]),
            None if thresholds is None else tuple(map(float, thresholds)),
            saved["abstain"],
        )


def refuse_undecidable(settings: DecisionSettings, labels: Sequence[str], *, multi_label: bool, valid: bool) -> None:
    """Find before training what could not be decided after it.

    Raises:
        RecipeError: something is to be fitted without a validation split, or does not fit the labels.
    """
    fitted = [key for key in ("calibrate", "threshold") if isinstance(getattr(settings, key), str)]
    if fitted and not valid:
        raise RecipeError(
            f"decision.{fitted[0]} is fitted on a validation split. Set trainer.validation, for instance to 0.1."
        )
    if settings.threshold is not None and not multi_label and len(labels) != 2:
        raise RecipeError(
            f"decision.threshold is for two classes, or for several labels a text; there are {len(labels)} classes."
        )
    if settings.abstain is not None and multi_label:
        raise RecipeError("decision.abstain is for one label a text; where there may be several, none is an answer.")


def fit_decision(
    settings: DecisionSettings,
    n_classes: int,
    *,
    multi_label: bool,
    valid: tuple[NDArray[np.float32], NDArray[Any]] | None,
) -> Decision:
    """The decision that the settings ask for, fitted on the logits and targets of the validation split."""
    decision = Decision(multi_label, abstain=settings.abstain)
    if settings.calibrate and valid:
        decision = Decision(multi_label, fit_temperature(*valid, multi_label=multi_label), abstain=settings.abstain)
    thresholds: tuple[float, ...] | None = None
    if isinstance(settings.threshold, float):
        at = settings.threshold
        thresholds = (at,) * n_classes if multi_label else (1 - at, at)
    elif settings.threshold and valid:
        logits, targets = valid
        probabilities = decision.probabilities(logits)
        if multi_label:
            thresholds = tuple(best_threshold(targets[:, n] > 0, probabilities[:, n]) for n in range(n_classes))
        else:
            second = best_threshold(targets == 1, probabilities[:, 1])
            thresholds = (1 - second, second)
    return Decision(multi_label, decision.temperature, thresholds, settings.abstain)


def fit_temperature(logits: NDArray[np.float32], targets: NDArray[Any], *, multi_label: bool) -> float:
    """The number between 1/20 and 20 that logits are divided by for the least log loss (Guo et al. 2017).

    The loss is convex in its inverse, so a golden-section search finds it.

    Args:
        logits: shape (n, n_classes).
        targets: class numbers, shape (n,); for sets of labels 0 and 1, shape (n, n_classes).
    """
    values = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        if multi_label:
            return float((np.logaddexp(0, scaled) - targets * scaled).mean())
        top = scaled.max(axis=1)
        normaliser = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((normaliser - scaled[np.arange(len(targets)), targets]).mean())

    low, high = -np.log(20), np.log(20)
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    for _ in range(60):
        if loss(left) <= loss(right):
            high, right = right, left
            left = high - ratio * (high - low)
        else:
            low, left = left, right
            right = low + ratio * (high - low)
    return float(np.exp((low + high) / 2))


def best_threshold(gold: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> float:
    """The probability from which saying yes gives the best F1; 0.5 where there is no yes at all.

    Between two neighbouring probabilities the middle is taken (Lewis et al. 2004, "SCut").
    """
    if not gold.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    sorted_p = probabilities[order].astype(np.float64)
    hits = np.cumsum(gold[order])
    f1 = 2 * hits / (np.arange(1, len(gold) + 1) + gold.sum())
    f1[:-1][sorted_p[:-1] == sorted_p[1:]] = -1  # no threshold parts equal probabilities
    best = int(f1.argmax())
    below = sorted_p[best + 1] if best + 1 < len(sorted_p) else 0.0
    return float(np.clip((sorted_p[best] + below) / 2, 1e-6, 1 - 1e-6))
