"""Tables and columns of other libraries: columns are taken, tables are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import make_texts

import textforge
from textforge import Classifier, DataError, Dataset

TEXTS, LABELS = make_texts(40)
COLUMNS = {"id": [*map(str, range(40))], "text": TEXTS, "label": LABELS}


def pandas(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def polars(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns)


def arrow(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def hugging_face(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("datasets").Dataset.from_dict(columns)


LIBRARIES = [pandas, polars, arrow, hugging_face]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    parts = textforge.PluginManager()
    given = parts.part("vectorizer", "bow"), parts.part("model", "linear"), parts.part("optimizer", "adam")
    return textforge.Trainer(Dataset(train=(TEXTS, LABELS)), *given, epochs=1).fit()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_entrance_refuses_a_table_and_names_the_column_to_take(library: Any, classifier: Classifier) -> None:
    table = library(COLUMNS)
    entrances: list[Callable[[], Any]] = [
        lambda: classifier.predict(table),
        lambda: classifier.predict_proba(table),
        lambda: classifier.features(table),
        lambda: classifier.evaluate(table, LABELS),
        lambda: Dataset(train=(table, LABELS)),
    ]
    for entrance in entrances:
        with pytest.raises(DataError, match=r"expected a list of texts, not a table .*: table\['text'\].*id, text"):
            entrance()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_is_no_split_and_no_dataset(library: Any) -> None:
    table = library(COLUMNS)
    with pytest.raises(DataError, match=r"pair \(texts, labels\).*\(table\['text'\], table\['label'\]\)"):
        Dataset(train=table)
    with pytest.raises(DataError, match=r"is not a dataset.*\(table\['text'\], table\['label'\]\)"):
        textforge.Trainer(table, "bow", "linear", "adam")
    with pytest.raises(DataError, match="expected a list of labels, not a table"):
        Dataset(train=(TEXTS, table))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("numbers", [False, True])
def test_columns_are_taken_as_lists_are(library: Any, numbers: bool) -> None:
    labels: list[Any] = [len(label) for label in LABELS] if numbers else LABELS
    table = library({**COLUMNS, "label": labels})
    taken = Dataset(train=(table["text"], table["label"]), groups=table["id"])
    given = Dataset(train=(TEXTS, labels), groups=COLUMNS["id"])
    assert taken.train == given.train
    assert taken.groups == given.groups
    assert {*map(type, taken.train[1])} == {type(labels[0])}


def test_a_column_of_lists_holds_several_labels() -> None:
    several = [[label] for label in LABELS]
    for library in (polars, arrow, hugging_face):
        taken = Dataset(train=(TEXTS, library({"labels": several})["labels"]))
        assert taken.multi_label
        assert taken.train[1] == [(label,) for label in LABELS]


def test_several_splits_are_no_column() -> None:
    datasets = pytest.importorskip("datasets")
    splits = datasets.DatasetDict({"train": hugging_face(COLUMNS), "test": hugging_face(COLUMNS)})
    with pytest.raises(DataError, match=r"several splits.*'train', 'test'"):
        Dataset(train=(splits, LABELS))


def test_a_series_whose_index_has_a_row_called_columns_is_a_column() -> None:
    series = pytest.importorskip("pandas").Series(["a", "b"], index=["columns", "column_names"])
    assert Dataset(train=(series, ["x", "y"])).train[0] == ["a", "b"]


def test_a_structured_array_is_a_table() -> None:
    table = np.array([(1, "a b"), (2, "c")], dtype=[("id", int), ("text", "U9")])
    with pytest.raises(DataError, match=r"table \(ndarray\).*Its columns: id, text"):
        Dataset(train=(table, ["x", "y"]))
