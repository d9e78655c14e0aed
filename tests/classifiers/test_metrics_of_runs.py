"""Figures against scikit-learn's, and metrics of plugins, good and bad."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from textforge import ComponentError, PluginManager, RecipeError, hookimpl
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.part import Part

LABELS = ["a", "b", "c", "d"]
SETS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*[arrays(np.int64, (n, 4), elements=st.integers(0, 1)) for _ in range(2)])
)
SINGLE = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)

GOLD = np.array([0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], dtype=np.float32)


# -- figures of every run ----------------------------------------------------------------------


def held_to_scikit_learn(found: dict[str, Any], gold: Any, predicted: Any) -> None:
    """The figures are those of scikit-learn's calls as a user writes them."""
    assert found["n"] == len(gold)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    for average in ("macro", "micro", "weighted"):
        assert found[f"{average}_f1"] == pytest.approx(f1_score(gold, predicted, average=average, zero_division=0))
    columns = {} if gold.ndim == 2 else {"labels": range(len(LABELS))}
    figures = zip(*precision_recall_fscore_support(gold, predicted, zero_division=0, **columns), strict=True)
    for label, (precision, recall, f1, support) in zip(LABELS, figures, strict=True):
        expected = {"precision": precision, "recall": recall, "f1": f1, "support": support}
        assert found["per_class"][label] == pytest.approx(expected)


@given(SINGLE)
def test_figures_of_single_labels_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs).T
    held_to_scikit_learn(classification_metrics(gold, predicted, LABELS), gold, predicted)


@given(SETS)
def test_figures_of_sets_of_labels_are_scikit_learns(pair: tuple[np.ndarray, np.ndarray]) -> None:
    held_to_scikit_learn(multi_label_metrics(*pair, LABELS), *pair)


@given(SETS, st.sets(st.integers(0, 3), min_size=1))
def test_a_label_that_no_text_has_and_none_is_given_counts_in_the_macro_f1(pair: Any, absent: set[int]) -> None:
    gold, predicted = pair
    for side in pair:
        side[:, [*absent]] = 0
    held_to_scikit_learn(multi_label_metrics(gold, predicted, LABELS), gold, predicted)


@pytest.mark.filterwarnings("error")
def test_sets_without_any_label_have_figures_too() -> None:
    nothing = np.zeros((2, 4))
    found = multi_label_metrics(nothing, nothing, LABELS)
    assert (found["accuracy"], found["macro_f1"], found["micro_f1"], found["weighted_f1"]) == (1, 0, 0, 0)


# -- metrics of plugins ------------------------------------------------------------------------


def share_of_second(*, above: float = 0.5) -> Any:
    """Share of texts whose second class is more probable."""
    return lambda gold, probabilities: float((probabilities[:, 1] > above).mean())


def error_rate() -> Any:
    """Share of wrong texts."""
    return lambda gold, probabilities: np.float32((probabilities.argmax(axis=1) != gold).mean())


error_rate.greater_is_better = False


def part(factory: Any, name: str = "own-one", **options: Any) -> Part:
    plugins = PluginManager(entry_points=False)
    plugins.register(SimpleNamespace(textforge_metrics=hookimpl(lambda: {name: factory})))
    return plugins.part("metric", name, **options)


def extra(metrics: Any, *, multi_label: bool = False) -> ExtraMetrics:
    return ExtraMetrics(metrics, labels=LABELS[:2], multi_label=multi_label)


def measured(metric: Any) -> Any:
    return extra({"own": metric}).measure(GOLD, PROBABILITIES)["own"]


def test_parts_are_measured_by_their_names() -> None:
    metrics = extra([part(share_of_second), part(error_rate, "error-rate")])
    assert metrics.names == ["own_one", "error_rate"]
    assert metrics.measure(GOLD, PROBABILITIES) == pytest.approx({"own_one": 1 / 3, "error_rate": 1 / 3})
    assert [metrics.smaller_is_better(name) for name in ("loss", "own_one", "error_rate")] == [True, False, True]


def test_one_metric_with_other_options_has_them_in_its_name() -> None:
    metrics = extra([part(share_of_second), part(share_of_second, above=0.2)])
    assert metrics.measure(GOLD, PROBABILITIES) == pytest.approx({"own_one": 1 / 3, "own_one(above=0.2)": 2 / 3})


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1.0), (np.float32(0.5), 0.5), (np.array(0.25), 0.25), (None, None)]
)
def test_what_is_a_number_or_none_is_a_figure(value: Any, expected: Any) -> None:
    assert measured(lambda gold, probabilities: value) == expected


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, "0.5", "high", [0.5], np.ones(1), np.ones(2), {}, 1j, True], ids=repr
)
def test_what_is_no_number_is_reported_with_the_metric(value: Any) -> None:
    with pytest.raises(ComponentError, match=r"the metric 'own' returned .*; a metric is a number, or None if undef"):
        measured(lambda gold, probabilities: value)


def test_a_metric_that_raises_is_named() -> None:
    with pytest.raises(ComponentError, match="the metric 'own' failed while measuring: ZeroDivisionError: division"):
        measured(lambda gold, probabilities: 1 / 0)


def test_a_metric_may_do_as_it_likes_with_what_it_gets() -> None:
    gold, probabilities = GOLD.copy(), PROBABILITIES.copy()

    def messy(gold: Any, probabilities: Any) -> float:
        gold[:], probabilities[:] = 0, 0
        return 0.0

    metrics = extra({"messy": messy, "sum": lambda gold, probabilities: float(gold.sum() + probabilities.sum())})
    assert metrics.measure(gold, probabilities)["sum"] == pytest.approx(5)
    assert np.array_equal(gold, GOLD)
    assert np.array_equal(probabilities, PROBABILITIES)


def test_gold_sets_of_labels_are_whole_numbers() -> None:
    seen = []
    gold = np.array([[1, 0], [0, 1]], dtype=np.float32)
    extra({"own": lambda *given: seen.append(given)}).measure(gold, PROBABILITIES[:2])
    assert (seen[0][0].dtype, seen[0][0].shape, seen[0][1].dtype) == (np.int64, (2, 2), np.float32)


@pytest.mark.parametrize("metrics", [{"own": 3}, [part(lambda: 0.5)]], ids=["value", "factory"])
def test_what_cannot_be_called_is_reported_before_it_measures(metrics: Any) -> None:
    with pytest.raises(ComponentError, match=r"metric 'own.*' .*is a (int|float), not a callable"):
        extra(metrics)


@pytest.mark.parametrize("metrics", ["own-one", [error_rate], 3, ["own-one"], {3: error_rate}])
def test_metrics_that_are_neither_parts_nor_named_are_reported(metrics: Any) -> None:
    with pytest.raises(RecipeError, match="metrics must be metric parts, or a mapping of names to callables"):
        extra(metrics)


@pytest.mark.parametrize("name", ["accuracy", "loss", "per_class", "n", "answered"])
def test_a_name_that_results_have_already_is_reported(name: str) -> None:
    with pytest.raises(RecipeError, match=f"a metric cannot be called '{name}'"):
        extra({name: lambda gold, probabilities: 0.0})
    with pytest.raises(RecipeError, match=f"a metric cannot be called '{name}'"):
        extra([part(share_of_second, name)])


def told_facts(n_classes: int, labels: tuple[str, ...], multi_label: bool, /) -> Any:
    """Says what it was made from."""
    assert labels == ("a", "b")
    return lambda gold, probabilities: n_classes + 10 * multi_label


@pytest.mark.parametrize("several", [False, True])
def test_a_metric_is_made_from_facts(several: bool) -> None:
    assert extra([part(told_facts)], multi_label=several).measure(GOLD, PROBABILITIES) == {"own_one": 2 + 10 * several}


def test_one_that_fails_is_found_when_it_is_tried_out() -> None:
    extra({"fine": lambda gold, probabilities: 0.5, "undefined": lambda gold, probabilities: None}).try_out()
    with pytest.raises(ComponentError, match="the metric 'own' returned 'high'"):
        extra({"own": lambda gold, probabilities: "high"}).try_out()


@pytest.mark.parametrize("n_classes", [1, 2, 4])
def test_what_is_tried_out_has_the_shapes_of_the_data(n_classes: int) -> None:
    seen = []
    for several in (False, True):
        metrics = ExtraMetrics(
            {"own": lambda *given: seen.append(given)}, labels=LABELS[:n_classes], multi_label=several
        )
        metrics.try_out()
    (single, chances), (sets, _) = seen
    assert (single.shape, single.dtype, sets.shape) == ((n_classes,), np.int64, (n_classes, n_classes))
    assert (chances.shape, chances.dtype) == ((n_classes, n_classes), np.float32)
