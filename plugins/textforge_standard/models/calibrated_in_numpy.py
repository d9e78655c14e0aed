"""Model `calibrated`, computed in numpy: over its own linear machine, or around a model that numpy computes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge_standard.models.arrays import (
    Weights,
    log_sigmoid,
    log_softmax,
    log_sum_exp,
    require_shapes,
    within,
)


def machine(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Any:
    """The scores of `CalibratedScores`."""
    n_features, n_classes, multi_label = (facts[name] for name in ("n_features", "n_classes", "multi_label"))
    shape = (options["cv"] if options["ensemble"] else 1, n_classes)
    require_shapes(weights, {"weight": (n_features, *shape), **dict.fromkeys(("bias", "slope", "shift"), shape)})
    flat = weights["weight"].reshape(n_features, -1)

    def scores(features: Any) -> Any:
        margins = (features @ flat).reshape(-1, *shape) + weights["bias"]
        inner = weights["slope"] * margins + weights["shift"]
        yes = log_sigmoid(inner)
        if multi_label:
            found = log_sum_exp(yes, axis=1) - log_sum_exp(log_sigmoid(-inner), axis=1)
        else:
            found = log_softmax(log_sum_exp(log_softmax(yes, axis=2), axis=1), axis=1)
        return found.astype(np.float32)

    return scores


class Scaled:
    """The scores of `CalibratedModel`: those of the inner model, times slopes, plus shifts."""

    def __init__(self, inner: Any, slope: Any, shift: Any) -> None:
        self.inner, self.slope, self.shift = inner, slope, shift

    def __call__(self, features: Any) -> Any:
        return self.slope * self.inner(features) + self.shift

    def explain(self, row: Any) -> Any:
        """The contributions by the inner model's `explain`, scaled; None if it has none."""
        explain = getattr(self.inner, "explain", None)
        found = explain(row) if explain else None
        if found is None:
            return None
        values, bias = found
        return self.slope * values, self.slope * bias + self.shift


def scaled(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Scaled:
    """Around any model that numpy computes."""
    inner = within(weights, "inner")
    own = {name: one for name, one in weights.items() if name.removeprefix("inner.") not in inner}
    require_shapes(own, dict.fromkeys(("slope", "shift"), (facts["n_classes"],)))
    return Scaled(options["of"].scores_in_numpy(facts, inner), own["slope"], own["shift"])
