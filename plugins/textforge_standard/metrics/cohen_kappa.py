"""Metric `cohen-kappa`."""

from collections.abc import Sequence
from typing import Any, Literal

from textforge_standard.declare import declare
from textforge_standard.metrics.measuring import Measure, by_label


def cohen_kappa(
    labels: Sequence[str] | None = None,
    multi_label: bool = False,
    /,
    *,
    weights: Literal["linear", "quadratic"] | None = None,
    order: list[str | int] | None = None,
) -> Measure:
    """Agreement of gold and predicted classes beyond chance (Cohen 1960): 1 is perfect, 0 is chance.

    Undefined if all texts have one class and are predicted to have it. With several labels per text it is the mean over
    the labels for which it is defined.

    Options:
        weights: weight of an error by the distance of the two classes in their order (Cohen 1968); null weighs all
            errors equally.
        order: every class once, from one end to the other, as in [low, middle, high]; null is numeric order, if all
            classes are numbers.
    """
    import numpy as np
    from sklearn.metrics import cohen_kappa_score

    in_order = None if multi_label else _in_order(labels, order, weighted=weights is not None)
    of_errors = weights

    def measure(gold: Any, probabilities: Any, weights: Any = None) -> float | None:
        classes = np.arange(2 if gold.ndim == 2 else probabilities.shape[1]) if in_order is None else in_order

        def kappa(truth: Any, given: Any, own: Any) -> float | None:
            if len(np.union1d(truth, given)) < 2:
                return None
            return float(cohen_kappa_score(truth, given, labels=classes, weights=of_errors, sample_weight=own))

        return by_label(kappa)(gold, probabilities, weights)

    return measure


def _in_order(labels: Sequence[str] | None, order: Sequence[str | int] | None, *, weighted: bool) -> list[int] | None:
    """The class numbers in the order of the classes, or None if their order does not matter.

    Raises:
        RecipeError: `order` does not name each class once, or weights need an order and there is none.
    """
    from textforge import RecipeError
    from textforge.data import as_numbers
    from textforge.errors import listed

    if labels is None:  # built without data: use the order of the class numbers
        return None
    if order is not None:
        names = [str(name) for name in order]
        if sorted(names) == sorted(labels):
            return [labels.index(name) for name in names]
        raise RecipeError(
            f"metric 'cohen-kappa': order must name each class once, {_wrong(names, labels)} "
            f"The classes: {listed(labels)}."
        )
    numbers = as_numbers(labels)
    if numbers is not None:
        return sorted(range(len(labels)), key=numbers.__getitem__)
    if not weighted or len(labels) < 3:
        return None
    raise RecipeError(
        "metric 'cohen-kappa': weights need an order of the classes, and the names of these classes do not show one: "
        f"{listed(labels)}. List all of them from one end to the other, as in order: [low, middle, high], "
        "or leave weights out."
    )


def _wrong(names: list[str], labels: Sequence[str]) -> str:
    from textforge.errors import did_you_mean

    if unknown := [name for name in names if name not in labels]:
        return f"and '{unknown[0]}' is none of them.{did_you_mean(unknown[0], labels)}"
    if missing := [name for name in labels if name not in names]:
        return f"and '{missing[0]}' is missing."
    return f"and '{max(names, key=names.count)}' is listed twice."


def _contradiction(*, weights: str | None, order: list[str | int] | None) -> str | None:
    return "order is used only with weights. Set weights to linear or quadratic." if order and not weights else None


declare(cohen_kappa, check_options=_contradiction)
