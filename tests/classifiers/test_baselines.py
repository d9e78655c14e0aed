"""Baselines without a model: against scikit-learn's dummies, and expected values against draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import binom
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score

from textforge import Dataset, Stream
from textforge.classifiers import baselines
from textforge.classifiers.baselines import expected_f1, free_baselines
from textforge.data.gold import encode_gold

NAMES = ["a", "b", "c"]
LABELS = st.lists(st.sampled_from("abcd"), min_size=2, max_size=40).filter(lambda labels: len({*labels}) > 1)


def figures(train: list[Any], test: list[Any], unknown: Any = "wrong") -> dict[str, Any]:
    dataset = Dataset(train=(["text"] * len(train), train), test=(["text"] * len(test), test))
    return free_baselines(dataset, encode_gold(dataset.test[1], dataset.labels(), "test", unknown))


@given(LABELS, st.lists(st.sampled_from("abcd"), min_size=1, max_size=40))
def test_the_majority_is_scikit_learns_most_frequent(train: list[str], test: list[str]) -> None:
    found = figures(train, test)["majority"]
    dummy = DummyClassifier(strategy="most_frequent").fit([[0]] * len(train), train)
    predicted = dummy.predict([[0]] * len(test))
    assert found["answer"] == predicted[0]
    assert found["accuracy"] == pytest.approx(accuracy_score(test, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(test, predicted, average="macro", zero_division=0))


def test_the_stratified_guess_is_the_mean_of_scikit_learns_draws() -> None:
    train, test = ["a"] * 50 + ["b"] * 30 + ["c"] * 20, ["a"] * 10 + ["b"] * 25 + ["c"] * 5
    dummy = DummyClassifier(strategy="stratified", random_state=0).fit([[0]] * 100, train)
    drawn = np.random.default_rng(0).choice(NAMES, (3000, 40), p=dummy.class_prior_)
    found = figures(train, test)["stratified"]
    assert found["accuracy"] == pytest.approx((drawn == np.array(test)).mean(), abs=0.004)
    assert found["macro_f1"] == pytest.approx(mean_macro_f1(one_hot(test), one_hot(drawn)), abs=0.004)


def one_hot(labels: Any) -> Any:
    """0 and 1 for each of NAMES in a last axis."""
    return (np.array(labels)[..., None] == np.array(NAMES)).astype(int)


def mean_macro_f1(gold: Any, drawn: Any, weights: Any = None) -> float:
    """The mean of macro F1 over draws, shape (draws, texts, classes); 0 for a class that neither has."""
    own = np.ones(len(gold)) if weights is None else np.asarray(weights)
    hits = np.einsum("dtc,tc,t->dc", drawn, gold, own)
    both = np.einsum("dtc,t->dc", drawn, own) + own @ gold
    each = np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)
    first = f1_score(gold, drawn[0], average="macro", sample_weight=weights, zero_division=0)
    assert each[0].mean() == pytest.approx(first)
    return float(each.mean())


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(1e-6, 1 - 1e-6))
def test_the_expected_f1_is_the_sum_over_the_binomial_distribution(texts: tuple[int, int], p: float) -> None:
    support, n = texts
    guesses = np.arange(n + 1)
    share = np.divide(guesses, support + guesses, out=np.zeros(n + 1), where=guesses > 0)
    expected = 2 * support / n * (binom.pmf(guesses, n, p) * share).sum()
    assert expected_f1(support, n, p) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_guesses_that_are_certain_or_impossible_have_their_f1() -> None:
    assert expected_f1(30, 100, 1.0) == pytest.approx(2 * 30 / 130)
    assert expected_f1(30, 100, 0.0) == expected_f1(0, 100, 0.5) == 0


def test_the_first_of_equally_frequent_labels_is_the_majority() -> None:
    assert figures([2, 10, 10, 2], [2])["majority"]["answer"] == 2


def test_the_majority_of_sets_is_the_most_frequent_set() -> None:
    train = [["a", "b"], ["b", "a"], ["a"], ["b"], ["c"]]
    test = [["a", "b"], ["a"], [], ["c"]]
    found = figures(train, test)
    gold = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]])
    predicted = np.tile([1, 1, 0], (4, 1))
    assert found["majority"] == {
        "answer": ["a", "b"],
        "accuracy": 0.25,
        "macro_f1": pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0)),
    }
    # Sets are drawn as they are in train: {a, b} twice in five, each other set once.
    assert found["stratified"]["accuracy"] == pytest.approx((0.4 + 0.2 + 0 + 0.2) / 4)


def test_the_guess_of_sets_is_the_mean_of_draws() -> None:
    train = [["a", "b"], ["a"], ["b", "c"], [], ["a", "b"]]
    test = [["a"], ["b"], ["c", "b"], [], ["a", "b"], ["a"]]
    rows = {label: n for n, label in enumerate("abc")}

    def encoded(sets: Any) -> Any:
        return np.array([[int(label in one) for label in rows] for one in sets])

    random = np.random.default_rng(0)
    drawn = encoded(train)[random.integers(0, 5, (4000, 6))]
    found = figures(train, test)["stratified"]
    assert found["accuracy"] == pytest.approx((drawn == encoded(test)).all(axis=2).mean(), abs=0.01)
    assert found["macro_f1"] == pytest.approx(mean_macro_f1(encoded(test), drawn), abs=0.01)


def test_a_label_that_train_lacks_is_never_guessed() -> None:
    found = figures(["a", "b"], ["a", "z"])
    assert found["stratified"]["accuracy"] == 0.25
    assert found["majority"]["accuracy"] == 0.5
    assert figures(["a", "b"], ["a", "z"], "drop")["majority"]["accuracy"] == 1


@pytest.mark.parametrize("weights", [None, [1.0, 5.0, 1.0, 2.0]])
@pytest.mark.parametrize("labels", [["a", "b", "b", "c"], [["a"], ["b", "a"], ["a", "b"], []]])
def test_a_stream_has_the_baselines_of_the_same_texts_in_memory(labels: list[Any], weights: Any) -> None:
    texts, gold = ["text"] * 4, [tuple(one) if isinstance(one, list) else one for one in labels]
    chunks = [slice(0, 3), slice(3, 4)]
    stream = Stream(2, lambda number: (texts[chunks[number]], labels[chunks[number]],
                                       weights and weights[chunks[number]]))  # fmt: skip
    given = None if weights is None else {"train": weights}
    both = [Dataset(train=stream, test=(texts, gold)), Dataset(train=(texts, gold), test=(texts, gold), weights=given)]
    streamed, known = (free_baselines(one, encode_gold(gold, one.labels(), "test")) for one in both)
    assert streamed == known
    assert {*known} == {"majority", "stratified"}


def test_a_stream_of_too_many_sets_of_labels_has_no_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "MOST_SETS", 2)
    labels = [["a"], ["b"], ["a", "b"]]
    data = Dataset(train=Stream(1, lambda number: (["text"] * 3, labels)), test=(["x"], [["b"]]))
    assert free_baselines(data, encode_gold([("b",)], data.labels(), "test")) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=3, max_size=20), st.booleans())
def test_a_weight_counts_as_repetitions(rows: list[tuple[str, int]], several: bool) -> None:
    rows = [("a", 1), ("b", 2), *rows]
    labels: list[Any] = [[label, "d"] if several else label for label, _ in rows]
    weights, texts = [float(n) for _, n in rows], ["text"] * len(rows)
    weighted = Dataset((texts, labels), test=(texts, labels), weights={"train": weights, "test": weights})
    gold = encode_gold(weighted.test[1], weighted.labels(), "test", weights=weighted.weights_of("test"))
    found = free_baselines(weighted, gold)
    again = [label for label, (_, n) in zip(labels, rows, strict=True) for _ in range(n)]
    plain = Dataset((["text"] * len(again), again), test=(["text"] * len(again), again))
    expected = free_baselines(plain, encode_gold(plain.test[1], weighted.labels(), "test"))
    for name in ("accuracy", "macro_f1"):
        assert found["majority"][name] == pytest.approx(expected["majority"][name])
    assert found["majority"]["answer"] == expected["majority"]["answer"]
    assert found["stratified"]["accuracy"] == pytest.approx(expected["stratified"]["accuracy"])


def test_the_guess_of_weighted_texts_is_near_the_mean_of_draws() -> None:
    random = np.random.default_rng(1)
    test = random.choice(["a", "b", "c"], 200, p=[0.5, 0.3, 0.2]).tolist()
    weights = random.choice([1.0, 4.0], 200)
    data = Dataset((["x"] * 10, [*"aaaaabbbcc"]), test=(["x"] * 200, test), weights={"test": weights})
    found = free_baselines(data, encode_gold(test, data.labels(), "test", weights=weights))["stratified"]
    drawn = one_hot(random.choice(NAMES, (2000, 200), p=[0.5, 0.3, 0.2]))
    assert found["macro_f1"] == pytest.approx(mean_macro_f1(one_hot(test), drawn, weights), abs=0.003)
