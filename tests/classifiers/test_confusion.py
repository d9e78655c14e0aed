"""Confusion matrices of few classes and of many."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import confusion_matrix as of_sklearn, precision_recall_fscore_support

from textforge.classifiers.confusion import DENSE, confused, confusion_matrix
from textforge.classifiers.metrics import classification_metrics
from textforge.classifiers.storage import json_text


@given(st.integers(2, 250), st.lists(st.tuples(st.integers(0, 249), st.integers(0, 249)), min_size=1, max_size=60))
def test_both_forms_hold_the_counts_of_scikit_learn(n_classes: int, pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs).T % n_classes
    labels = [f"c{n}" for n in range(n_classes)]
    matrix = json.loads(json.dumps(confusion_matrix(gold, predicted, labels)))
    assert matrix["labels"] == labels
    assert set(matrix) == {"labels", "rows" if n_classes <= DENSE else "cells"}
    counts = of_sklearn(gold, predicted, labels=range(n_classes))
    cells = [(int(g), int(p), int(counts[g, p])) for g, p in np.argwhere(counts)]
    assert list(confused(matrix)) == cells
    if "rows" in matrix:
        assert matrix["rows"] == counts.tolist()


@given(st.integers(2, 150), st.lists(st.tuples(st.integers(0, 149), st.integers(0, 149)), min_size=1, max_size=60))
def test_the_figures_are_those_of_scikit_learn_for_any_number_of_classes(n_classes: int, pairs: list) -> None:
    gold, predicted = np.array(pairs).T % n_classes
    found = classification_metrics(gold, predicted, [str(n) for n in range(n_classes)])
    wanted = precision_recall_fscore_support(gold, predicted, labels=range(n_classes), zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), wanted, strict=True):
        np.testing.assert_allclose([one[key] for one in found["per_class"].values()], values)
    assert found["accuracy"] == found["micro_f1"] == pytest.approx((gold == predicted).mean())


def test_many_classes_take_neither_memory_nor_space_that_grows_with_their_square() -> None:
    """3,000 classes made 72 MB in memory and 115 MB of JSON."""
    rng = np.random.default_rng(0)
    gold, predicted = rng.integers(0, 3000, (2, 6000))
    tracemalloc.start()
    figures = classification_metrics(gold, predicted, [f"class {n}" for n in range(3000)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 << 20
    assert len(json_text(figures)) < 2 << 20
