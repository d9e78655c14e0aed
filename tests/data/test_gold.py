"""Labels to evaluate on that the training data lack: an error, wrong, or left out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from textforge import DataError, RecipeError
from textforge.classifiers.metrics import classification_metrics, multi_label_metrics
from textforge.data.gold import encode_gold
from textforge.data.similar_labels import misspelling

KNOWN = ("art", "space", "sport")


def test_an_error_names_labels_counts_rows_and_likely_misspellings() -> None:
    with pytest.raises(DataError) as error:
        encode_gold(["sport", "spotr", "news", "spotr"], KNOWN, "test")
    assert str(error.value) == (
        "test: labels that the training data lack: 'spotr' (2 times, first in row 2), 'news' (1 times, first in row 3)."
        " Known labels: art, space, sport. Likely misspelled: 'spotr' is two letters from 'sport'. Correct them, add "
        "such texts to the training data, or set trainer.unknown_labels to wrong (count these texts as wrong) or drop "
        "(leave them out)."
    )


@pytest.mark.parametrize(
    ("label", "known", "found"),
    [
        ("spotr", KNOWN, ("sport", 2)),
        ("sprt", KNOWN, ("sport", 1)),
        ("spport", KNOWN, ("sport", 1)),
        ("artt", KNOWN, ("art", 1)),
        ("ar", KNOWN, None),  # two letters may be any word
        ("rta", KNOWN, None),
        ("music", KNOWN, None),
        ("comp.grahpics", ("comp.graphics", "comp.os"), ("comp.graphics", 2)),
        ("class2", ("class1", "class10"), None),  # another number is another class
        ("12", ("13", "21"), None),
        ("größe", ("grösse", "große"), ("große", 1)),
        ("x" * 5000, ("x" * 4999,), None),
    ],
)
def test_a_misspelling_is_one_or_two_letters_from_a_label(label: str, known: Any, found: Any) -> None:
    assert misspelling(label, known) == found


def test_many_labels_are_compared_quickly() -> None:
    known = [f"topic {chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)} {n}" for n in range(3000)]
    began = time.process_time()
    with pytest.raises(DataError):
        encode_gold([f"unknown {n}" for n in range(500)], known, "test")
    assert time.process_time() - began < 5


def test_wrong_adds_classes_and_drop_leaves_rows_out() -> None:
    rows = ["sport", "spotr", "news", "art", "spotr"]
    wrong = encode_gold(rows, KNOWN, "test", "wrong")
    assert wrong.names == (*KNOWN, "news", "spotr") and wrong.y.tolist() == [2, 4, 3, 0, 4] and wrong.rows is None
    assert wrong.figures() == {"unknown_labels": {"treated_as": "wrong", "texts": 3, "labels": {"spotr": 2, "news": 1}}}
    assert wrong.warnings == [
        "test: 3 texts have labels that the training data lack, counted as wrong by trainer.unknown_labels: wrong: "
        "'spotr' (2), 'news' (1). Likely misspelled: 'spotr' is two letters from 'sport'."
    ]
    drop = encode_gold(rows, KNOWN, "test", "drop")
    assert drop.names == KNOWN and drop.y.tolist() == [2, 0] and drop.rows.tolist() == [0, 3]  # type: ignore[union-attr]
    assert drop.labels == ["sport", "art"] and "left out by" in drop.warnings[0]
    assert encode_gold(["art"], KNOWN, "test", "drop").warnings == []


def test_a_set_with_an_unknown_label_is_wrong_or_left_out_whole() -> None:
    rows = [("art",), ("art", "news"), ()]
    wrong = encode_gold(rows, KNOWN, "test", "wrong")
    assert wrong.y.tolist() == [[1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    drop = encode_gold(rows, KNOWN, "test", "drop")
    assert drop.labels == [("art",), ()] and drop.y.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_nothing_left_and_an_unknown_treatment_are_errors() -> None:
    with pytest.raises(DataError, match=r"lack the labels of all 2 texts, so unknown_labels: drop leaves none. Its"):
        encode_gold(["news", "music"], KNOWN, "test", "drop")
    with pytest.raises(RecipeError, match="unknown_labels must be 'error', 'wrong' or 'drop', not 'ignore'"):
        encode_gold(["art"], KNOWN, "test", "ignore")  # type: ignore[arg-type]


LABELS = st.lists(st.sampled_from([*KNOWN, "news", "music"]), min_size=1, max_size=30)


@given(LABELS, st.integers(0, 2**32 - 1))
def test_wrong_counts_as_scikit_learn_does(rows: list[str], seed: int) -> None:
    predicted = np.random.default_rng(seed).integers(0, len(KNOWN), len(rows))
    gold = encode_gold(rows, KNOWN, "test", "wrong")
    found = classification_metrics(gold.y, predicted, gold.names)
    names = [KNOWN[n] for n in predicted]
    assert found["accuracy"] == pytest.approx(accuracy_score(rows, names))
    for average in ("macro", "micro", "weighted"):
        expected = f1_score(rows, names, average=average, zero_division=0)
        assert found[f"{average}_f1"] == pytest.approx(expected)
    assert found["confusion_matrix"]["rows"] == confusion_matrix(rows, names, labels=gold.names).tolist()


@given(st.lists(st.sets(st.sampled_from([*KNOWN, "news", "music"])), min_size=1, max_size=20), st.integers(0, 99))
def test_wrong_counts_sets_as_scikit_learn_does(rows: list[set[str]], seed: int) -> None:
    assume(any(rows))
    tuples = [tuple(sorted(row)) for row in rows]
    gold = encode_gold(tuples, KNOWN, "test", "wrong")
    chosen = np.random.default_rng(seed).integers(0, 2, (len(rows), len(KNOWN)))
    wide = np.pad(chosen, ((0, 0), (0, len(gold.names) - len(KNOWN))))
    truth = MultiLabelBinarizer(classes=gold.names).fit_transform(tuples)
    found = multi_label_metrics(gold.y, wide, gold.names)
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, wide))
    for average in ("macro", "micro", "weighted"):
        assert found[f"{average}_f1"] == pytest.approx(f1_score(truth, wide, average=average, zero_division=0))
