"""From a model's outputs to answers: temperature, thresholds, and when to give none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import DecisionSettings
from textforge.errors import RecipeError, listed

Valid = tuple[NDArray[np.float32], NDArray[Any]]
"""Logits and targets of the validation split: class numbers (n,), or 0 and 1 (n, n_classes) for sets of labels."""


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
        """What `as_json` gave; its values are checked where a description is read."""
        thresholds = saved["thresholds"]
        return cls(**{**saved, "thresholds": None if thresholds is None else tuple(thresholds)})


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
    settings: DecisionSettings, labels: Sequence[str], *, multi_label: bool, valid: Valid | None
) -> tuple[Decision, list[str]]:
    """The decision that the settings ask for, fitted on the validation split; and what it has too few texts for."""
    decision = Decision(multi_label, abstain=settings.abstain)
    doubts: list[str] = []
    if settings.calibrate and valid:
        decision = replace(decision, temperature=fit_temperature(*valid, multi_label=multi_label))
        doubts += _doubts_of_temperature(decision, *valid)
    if isinstance(settings.threshold, float):
        at = settings.threshold
        decision = replace(decision, thresholds=(at,) * len(labels) if multi_label else (1 - at, at))
    elif settings.threshold and valid:
        logits, targets = valid
        probabilities = decision.probabilities(logits)
        classes = range(len(labels)) if multi_label else (1,)
        gold = {n: targets[:, n] > 0 if multi_label else targets == n for n in classes}
        found = tuple(best_threshold(gold[n], probabilities[:, n]) for n in classes)
        decision = replace(decision, thresholds=found if multi_label else (1 - found[0], found[0]))
        doubts += _doubts_of_thresholds({labels[n]: having for n, having in gold.items()})
    return decision, doubts


LARGEST = 1000.0
"""Bound of the temperature; the smallest is its inverse."""


def fit_temperature(logits: NDArray[np.float32], targets: NDArray[Any], *, multi_label: bool) -> float:
    """The number from 1/1000 to 1000 to divide logits by: temperature scaling (Guo et al. 2017) with a prior.

    The log loss alone has no minimum where every text is right: the smaller the temperature, the better. So its
    logarithm has a standard normal prior, and what is found is the most probable temperature given the texts (MAP).
    The prior counts less the more texts there are: with a few hundred of them, some wrong, the result is Guo's.

    Args:
        logits: shape (n, n_classes).
        targets: class numbers, shape (n,); for sets of labels 0 and 1, shape (n, n_classes).
    """
    values = logits.astype(np.float64)

    def cost(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        if multi_label:
            loss = float((np.logaddexp(0, scaled) - targets * scaled).sum())
        else:
            top = scaled.max(axis=1)
            normaliser = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
            loss = float((normaliser - scaled[np.arange(len(targets)), targets]).sum())
        return loss + log_temperature**2 / 2

    # prior and loss may each have a minimum of its own, so look everywhere before going down
    grid = np.linspace(-np.log(LARGEST), np.log(LARGEST), 29)
    best = int(np.argmin([cost(point) for point in grid]))
    return float(np.exp(_minimum(cost, float(grid[max(0, best - 1)]), float(grid[min(len(grid) - 1, best + 1)]))))


def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum between two points is least, by golden-section search (Kiefer 1953)."""
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(32):  # to a ten millionth of the distance
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = cost(right)
    return float((low + high) / 2)


def _doubts_of_temperature(decision: Decision, logits: NDArray[np.float32], targets: NDArray[Any]) -> list[str]:
    """A sentence where the temperature follows from little more than its prior or its bounds."""
    found = f"decision.calibrate: the temperature {decision.temperature:.3g}"
    if abs(np.log(decision.temperature)) > np.log(LARGEST) - 1e-3:
        return [f"{found} is at its bound: the model's outputs are too large or too small to be calibrated."]
    if (decision.chosen(decision.probabilities(logits)) == targets).all():
        return [
            f"{found} is fitted to {len(targets)} validation texts without a mistake, which cannot show how often the "
            "model is wrong: probabilities near 1 may be too high. Hold out more texts."
        ]
    return []


FEW = 10
"""Fewer texts with a label, or without it, leave the threshold of the best F1 to chance."""


def _doubts_of_thresholds(gold: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """A sentence that names the labels which too few validation texts have, or lack."""
    few = {label: min(int(having.sum()), int((~having).sum())) for label, having in gold.items()}
    named = [f"'{label}' ({count})" for label, count in few.items() if count < FEW]
    if not named:
        return []
    return [
        f"decision.threshold: fewer than {FEW} validation texts have, or lack, {listed(named)}: a threshold fitted to "
        "so few is little better than chance. Hold out more texts, or give threshold a number."
    ]


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
