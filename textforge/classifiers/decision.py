"""Turn a model's outputs into labels: temperature, thresholds and abstention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textforge.components.settings import DecisionSettings
from textforge.data.labels import label_name
from textforge.data.weights import Weights, with_mean_one
from textforge.errors import RecipeError, listed


class Scored(NamedTuple):
    """Logits, encoded labels and weights of the texts of a split."""

    logits: NDArray[np.float32]
    """Shape (n, n_classes)."""
    gold: NDArray[Any]
    """Class numbers (n,), or a 0/1 matrix (n, n_classes)."""
    weights: Weights | None = None
    """Float64 (n,); None if all texts count equally."""

    def rows(self, rows: NDArray[Any]) -> Scored:
        weights = None if self.weights is None else self.weights[rows]
        return Scored(self.logits[rows], self.gold[rows], weights)

    def counted(self) -> Scored:
        """The texts with a weight above 0."""
        return self if self.weights is None or self.weights.all() else self.rows(self.weights > 0)


@dataclass(frozen=True)
class Decision:
    """The rule that turns logits into labels; plain numbers, stored in the bundle.

    Args:
        multi_label: whether a text may have any number of labels instead of exactly one.
        temperature: the divisor of the logits.
        thresholds: the smallest probability at which each class is predicted. None means 0.5 in a multi-label
            classifier, and the most probable class otherwise.
        abstain: abstain if the highest probability is below this one; None never abstains.
    """

    multi_label: bool = False
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    abstain: float | None = None

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply sigmoid or softmax to logits divided by the temperature; return float32 of the same shape."""
        scaled = logits.astype(np.float64) / self.temperature  # the largest float32 logits would overflow
        found: NDArray[Any]
        if self.multi_label:
            found = np.exp(-np.logaddexp(0, -scaled))
        else:
            odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            found = odds / odds.sum(axis=1, keepdims=True)
        return found.astype(np.float32)

    def log_probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the natural logarithms of `probabilities`, float32, exact where those are too small for float32."""
        scaled = logits.astype(np.float64) / self.temperature
        if self.multi_label:
            return (-np.logaddexp(0, -scaled)).astype(np.float32)
        odds = scaled - scaled.max(axis=1, keepdims=True)
        found: NDArray[np.float32] = (odds - np.log(np.exp(odds).sum(axis=1, keepdims=True))).astype(np.float32)
        return found

    def chosen(self, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return class numbers, int64, shape (n,), ignoring abstention; for multi-label, 0/1, shape (n, n_classes)."""
        found: NDArray[Any]
        if self.multi_label:
            found = probabilities >= np.asarray(self.thresholds or 0.5, dtype=np.float32)
        elif self.thresholds is not None:
            found = probabilities[:, 1] >= np.float32(self.thresholds[1])
        else:
            found = probabilities.argmax(axis=1)
        return found.astype(np.int64)

    def answered(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return a mask of the texts for which the classifier does not abstain, bool, shape (n,)."""
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
        """Restore a decision from the result of `as_json`. `read_description` has already validated the values."""
        thresholds = saved["thresholds"]
        return cls(**{**saved, "thresholds": None if thresholds is None else tuple(thresholds)})


def refuse_undecidable(settings: DecisionSettings, labels: Sequence[Any], *, multi_label: bool, valid: bool) -> None:
    """Reject settings that could not be applied after training.

    Raises:
        RecipeError: a setting must be fitted but there is no validation split, or it does not fit the labels.
    """
    fitted = [key for key in ("calibrate", "threshold") if isinstance(getattr(settings, key), str)]
    if fitted and not valid:
        raise RecipeError(
            f"decision.{fitted[0]} is fitted on a validation split. Set trainer.validation, for example to 0.1."
        )
    if settings.threshold is not None and not multi_label and len(labels) != 2:
        raise RecipeError(
            f"decision.threshold needs two classes or several labels per text; the data have {len(labels)} classes."
        )
    if settings.abstain is not None and multi_label:
        raise RecipeError(
            "decision.abstain needs one label per text; a multi-label classifier may return no label instead."
        )


def fit_decision(
    settings: DecisionSettings, labels: Sequence[Any], *, multi_label: bool, valid: Scored | None
) -> tuple[Decision, list[str]]:
    """Build the decision for these settings, fitted on the validation split if needed.

    Returns:
        The decision, and warnings about settings that were fitted on too few texts.
    """
    decision = Decision(multi_label, abstain=settings.abstain)
    warnings: list[str] = []
    valid = valid and valid.counted()
    if settings.calibrate and valid:
        decision = replace(decision, temperature=fit_temperature(valid, multi_label=multi_label))
        warnings += _temperature_warnings(decision, valid.logits, valid.gold)
    if isinstance(settings.threshold, float):
        at = settings.threshold
        decision = replace(decision, thresholds=(at,) * len(labels) if multi_label else (1 - at, at))
    elif settings.threshold and valid:
        logits, targets, weights = valid
        probabilities = decision.probabilities(logits)
        classes = range(len(labels)) if multi_label else (1,)
        gold = {n: targets[:, n] > 0 if multi_label else targets == n for n in classes}
        found = tuple(best_threshold(gold[n], probabilities[:, n], weights) for n in classes)
        decision = replace(decision, thresholds=found if multi_label else (1 - found[0], found[0]))
        warnings += _threshold_warnings({label_name(labels[n]): having for n, having in gold.items()})
    return decision, warnings


LARGEST = 1000.0
"""Largest temperature; the smallest one is its inverse."""


def fit_temperature(valid: Scored, *, multi_label: bool) -> float:
    """Fit a temperature between 1/1000 and 1000: temperature scaling (Guo et al. 2017) with a prior.

    If every text is classified correctly, the log loss has no minimum: it falls as the temperature falls. Therefore
    the logarithm of the temperature has a standard normal prior, and the result is the maximum a posteriori (MAP)
    estimate. The influence of the prior shrinks as the number of texts grows: with a few hundred texts, some of them
    misclassified, the result agrees with Guo et al. Weights are scaled to a mean of 1, so that their scale does not
    change the influence of the prior.

    Args:
        valid: texts that the model was not trained on.
        multi_label: whether a text may have several labels.
    """
    values, targets = valid.logits.astype(np.float64), valid.gold
    weights = with_mean_one(valid.weights)

    def cost(log_temperature: float) -> float:
        scaled = values / np.exp(log_temperature)
        if multi_label:
            each = np.logaddexp(0, scaled) - targets * scaled
            loss = float((each if weights is None else each * weights[:, None]).sum())
        else:
            top = scaled.max(axis=1)
            normaliser = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
            each = normaliser - scaled[np.arange(len(targets)), targets]
            loss = float((each if weights is None else each * weights).sum())
        return loss + log_temperature**2 / 2

    # Prior and loss may each add a local minimum, so scan the whole range before descending.
    grid = np.linspace(-np.log(LARGEST), np.log(LARGEST), 29)
    best = int(np.argmin([cost(point) for point in grid]))
    return float(np.exp(_minimum(cost, float(grid[max(0, best - 1)]), float(grid[min(len(grid) - 1, best + 1)]))))


def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
    """Return the minimum of a unimodal function between two points, by golden-section search (Kiefer 1953)."""
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(32):  # to about 2e-7 of the initial interval
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = cost(right)
    return float((low + high) / 2)


def _temperature_warnings(decision: Decision, logits: NDArray[np.float32], targets: NDArray[Any]) -> list[str]:
    """Return a warning if the temperature is determined by its prior or its bounds and not by the texts."""
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
"""Smallest number of texts with and without a label to fit its threshold on; below it, chance dominates."""


def _threshold_warnings(gold: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """Return a warning that lists the labels that too few validation texts have, or too few lack."""
    few = {label: min(int(having.sum()), int((~having).sum())) for label, having in gold.items()}
    named = [f"'{label}' ({count})" for label, count in few.items() if count < FEW]
    if not named:
        return []
    return [
        f"decision.threshold: fewer than {FEW} validation texts have, or lack, {listed(named)}: a threshold fitted to "
        "so few is little better than chance. Hold out more texts, or give threshold a number."
    ]


def best_threshold(
    gold: NDArray[np.bool_], probabilities: NDArray[np.float32], weights: Weights | None = None
) -> float:
    """Return the threshold with the best F1 for one class, or 0.5 if no text has the label.

    The threshold is the midpoint between two neighbouring probabilities (Lewis et al. 2004, "SCut").

    Args:
        gold: whether each text has the label, shape (n,).
        probabilities: the probability of the label for each text, shape (n,).
        weights: the weight of each text, above 0, shape (n,); None if all count equally.
    """
    if not gold.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    sorted_p = probabilities[order].astype(np.float64)
    each = np.ones(len(gold), dtype=np.int64) if weights is None else weights[order]
    hits = np.cumsum(each * gold[order])
    f1 = 2 * hits / (np.cumsum(each) + hits[-1])
    f1[:-1][sorted_p[:-1] == sorted_p[1:]] = -1  # no threshold can separate equal probabilities
    best = int(f1.argmax())
    below = sorted_p[best + 1] if best + 1 < len(sorted_p) else 0.0
    return float(np.clip((sorted_p[best] + below) / 2, 1e-6, 1 - 1e-6))
