"""Contract checks for metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from textforge.classifiers.decision import Decision
from textforge.data.offered import called_offering
from textforge.data.weights import takes_weights
from textforge.errors import RecipeError
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.digests import differing, digests
from textforge.testing.subject import Subject, exercise
from textforge.testing.words import named_others, refuse

Metric = Callable[..., Any]
"""Takes gold labels and probabilities, and weights if it has such a parameter."""


@exercise("metric")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Compute the metric of some probabilities."""
    metric, gold, probabilities = usual(subject)
    return {"figure": _plain(measured(metric, gold, probabilities))}


def made(subject: Subject, *, multi_label: bool, n: int = 30, n_classes: int = 3) -> tuple[Metric, Any, Any]:
    """Build the metric for single or multiple labels, with gold labels and probabilities.

    Raises:
        RecipeError: the metric does not support such labels.
    """
    labels = tuple(map(str, range(n_classes)))
    metric = subject.build(n_classes=n_classes, labels=labels, multi_label=multi_label)
    if not callable(metric):
        raise subject.breaks(
            f"the factory returned a {type(metric).__name__}.",
            "Return a callable (gold, probabilities) -> number or None.",
        )
    rng = np.random.default_rng(0)
    scores = rng.random((n, n_classes)).astype(np.float32)
    if multi_label:
        return metric, rng.integers(0, 2, (n, n_classes)), scores
    return metric, np.arange(n, dtype=np.int64) % n_classes, scores / scores.sum(axis=1, keepdims=True)


def measured(metric: Metric, gold: Any, probabilities: Any) -> Any:
    """Call the metric with copies of its arguments, and offer answers, as a run does."""
    return called(metric, gold.copy(), probabilities.copy())


def called(metric: Metric, gold: Any, probabilities: Any, **offered: Any) -> Any:
    """Call the metric, and offer it the answers of a decision beside what else is offered."""
    answers = Decision(multi_label=gold.ndim == 2).chosen(probabilities)
    return called_offering(metric, gold, probabilities, **{"answers": answers, **offered})


def usual(subject: Subject) -> tuple[Metric, Any, Any]:
    """Build the metric for one label per text; if it does not support that, for several labels."""
    try:
        return made(subject, multi_label=False)
    except RecipeError:
        return made(subject, multi_label=True)


@rule("metric")
def is_a_number_or_none(subject: Subject) -> None:
    """It returns a finite number, or None where it is undefined."""
    metric, gold, probabilities = usual(subject)
    _figure(subject, measured(metric, gold, probabilities), "of thirty texts")


AFTER = ("repeats-itself", "is-a-number-or-none")


@rule("metric", after=AFTER)
def takes_one_text_and_one_class(subject: Subject) -> None:
    """For a single text, and for texts that all have the same label, it returns a number or None."""
    metric, gold, probabilities = usual(subject)
    for where, rows in (
        ("of a single text", gold[:1]),
        ("where all texts have one label", np.repeat(gold[:1], 6, axis=0)),
    ):
        with as_contract_error(subject.label, where, "Return None where it is undefined."):
            found = measured(metric, rows, probabilities[: len(rows)])
        _figure(subject, found, where)


@rule("metric", after=AFTER)
def the_order_of_texts_does_not_matter(subject: Subject) -> None:
    """The same texts in another order give the same value."""
    metric, gold, probabilities = usual(subject)
    order = np.random.default_rng(1).permutation(len(gold))
    one, other = measured(metric, gold, probabilities), measured(metric, gold[order], probabilities[order])
    if (one is None) != (other is None) or (one is not None and not np.isclose(one, other, rtol=1e-5, atol=1e-8)):
        raise subject.breaks(
            f"the figure is {one}, with the texts in another order {other}.", "It must not depend on their order."
        )


@rule("metric", after=(*AFTER, "the-order-of-texts-does-not-matter"))
def weighs_texts_if_it_takes_weights(subject: Subject) -> None:
    """If it has a parameter `weights`, whole numbers as weights have the value of texts repeated as often."""
    metric, gold, probabilities = usual(subject)
    if not takes_weights(metric):
        raise Skipped("it has no parameter 'weights'.")
    for times in (np.ones(len(gold), dtype=np.int64), 1 + np.arange(len(gold)) % 4 // 2 * 2):
        weighted = called(metric, gold.copy(), probabilities.copy(), weights=times.astype(np.float64))
        repeated = measured(metric, np.repeat(gold, times, axis=0), np.repeat(probabilities, times, axis=0))
        undefined = weighted is None, repeated is None
        if undefined[0] != undefined[1] or not (
            weighted is None or np.isclose(weighted, repeated, rtol=1e-5, atol=1e-8)
        ):
            raise subject.breaks(
                f"with weights the figure is {weighted}, with the texts repeated as often {repeated}.",
                "Count each text as often as its weight says, as in numpy.average(each, weights=weights).",
            )


@rule("metric", after=AFTER)
def leaves_its_arguments_alone(subject: Subject) -> None:
    """It does not change the gold labels, the probabilities and the answers."""
    metric, gold, probabilities = usual(subject)
    answers = Decision(multi_label=gold.ndim == 2).chosen(probabilities)
    given = {"gold labels": gold, "probabilities": probabilities, "answers": answers}
    before = digests(given)
    called(metric, gold, probabilities, answers=answers)
    if changed := differing(before, digests(given)):
        raise subject.breaks(f"it changed the {changed[0]}.", "Work on a copy: numpy.array(…), no in-place operations.")


@rule("metric", after=AFTER)
def a_perfect_answer_is_not_the_worse(subject: Subject) -> None:
    """Correct, confident probabilities score no worse than wrong ones, judged by `greater_is_better`."""
    metric, gold, probabilities = usual(subject)
    n_classes = probabilities.shape[1]
    right = (gold if gold.ndim == 2 else np.eye(n_classes)[gold]).astype(np.float32) * 0.98 + 0.01
    wrong = np.float32(1) - right if gold.ndim == 2 else np.roll(right, 1, axis=1)
    good, bad = measured(metric, gold, right), measured(metric, gold, wrong)
    greater = getattr(subject.component.factory, "greater_is_better", True) is not False
    if good is not None and bad is not None and (good < bad if greater else good > bad):
        raise subject.breaks(
            f"right answers have the figure {good:g}, wrong ones {bad:g}, where the "
            f"{'greater' if greater else 'smaller'} is declared to be better.",
            "Set greater_is_better = False on the factory if smaller values are better." if greater
            else "Remove greater_is_better = False if greater values are better.",
        )  # fmt: skip


@rule("metric", after=AFTER)
def takes_two_classes_and_five(subject: Subject) -> None:
    """It works with two, three and five classes."""
    several = usual(subject)[1].ndim == 2
    for n_classes in (2, 5):
        where = f"with {n_classes} classes"
        with as_contract_error(subject.label, where, "Read the number of classes off the probabilities."):
            metric, gold, probabilities = made(subject, multi_label=several, n_classes=n_classes)
            found = measured(metric, gold, probabilities)
        _figure(subject, found, where)


@rule("metric", after=AFTER)
def takes_other_labels_or_names_what_does(subject: Subject) -> None:
    """It accepts one label per text and several, or raises a RecipeError that names another metric."""
    for multi_label in (False, True):
        what = "several labels per text" if multi_label else "one label per text"
        advice = refuse("metric", "gold labels of 0 and 1 for each class")
        try:
            with as_contract_error(subject.label, f"with {what}", advice, RecipeError):
                metric, gold, probabilities = made(subject, multi_label=multi_label)
                found = measured(metric, gold, probabilities)
            _figure(subject, found, f"with {what}")
        except RecipeError as error:
            if not named_others(str(error), subject.component.name):
                raise subject.breaks(f"it refuses {what}: {error}", advice) from error


def _plain(found: Any) -> Any:
    return found.item() if getattr(found, "shape", None) == () else found


def _figure(subject: Subject, found: Any, where: str) -> None:
    number = _plain(found)
    if number is not None and not (type(number) is not bool and isinstance(number, Real) and math.isfinite(number)):
        raise subject.breaks(
            f"its figure {where} is {found!r:.100}.", "Return float(…), or None where the figure is undefined."
        )
