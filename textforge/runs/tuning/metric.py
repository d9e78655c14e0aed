"""The metric that a tuning maximizes or minimizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textforge.classifiers.metrics import ExtraMetrics
from textforge.components.settings import FIGURES, result_key
from textforge.data.dataset import Dataset
from textforge.errors import RecipeError, cut, did_you_mean, listed
from textforge.recipes.recipe import Recipe

DEFAULT = "macro_f1"
"""Weighs rare classes like frequent ones. By default, a challenger must not lose accuracy, either."""


@dataclass(frozen=True)
class Aim:
    """What better means."""

    name: str
    maximize: bool = True
    guarded: bool = False
    """Whether a challenger must not lose accuracy."""

    def goodness(self, figures: dict[str, float]) -> float | None:
        """The value of the metric, in the direction in which more is better; None if it is undefined."""
        value = figures.get(self.name)
        return None if value is None else value if self.maximize else -value

    @property
    def shown(self) -> str:
        """The name in a sentence."""
        return self.name.replace("_f1", " F1").replace("_", " ")


def read_aim(name: str | None, recipe: Recipe, dataset: Dataset) -> Aim:
    """The aim of a metric's name: a standard figure, or one of the recipe's metrics.

    Raises:
        RecipeError: no such metric is measured.
    """
    if name is None:
        return Aim(DEFAULT, guarded=True)
    extra = ExtraMetrics(recipe.metrics, labels=dataset.labels(), multi_label=dataset.multi_label)
    known = [*(figure for figure in FIGURES if figure != "loss"), *map(result_key, extra.names)]
    key = result_key(name)
    if key not in known:
        raise RecipeError(
            f"metric: '{cut(name)}' is not measured. Known: {listed(known)}.{did_you_mean(key, known)} "
            "To tune by another metric, list it in the recipe's metrics."
        )
    by_key: dict[str, Any] = {result_key(one): one for one in extra.names}
    return Aim(key, maximize=key not in by_key or not extra.smaller_is_better(by_key[key]))
