"""The scikit-learn estimator over tables: texts with the columns that a recipe's vectorizer reads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

import textforge
from textforge import DataError
from textforge.sklearn import TextClassifier

RECIPE = {
    "vectorizer": {"use": "union", "of": ["bow", "numbers", {"use": "categories", "column": "country"}]},
    "model": "logistic-regression",
}


@pytest.fixture(scope="module")
def data():
    """Rows whose price decides the label; some lack it."""
    draw = np.random.default_rng(1)
    price = np.where(draw.random(80) < 0.5, draw.uniform(0, 40, 80), draw.uniform(60, 100, 80))
    labels = np.where(price > 50, "dear", "cheap")
    price[::9] = np.nan
    texts = [f"text {number}" for number in range(80)]
    return pd.DataFrame({"text": texts, "price": price, "country": draw.choice(["US", "DE"], 80), "id": texts}), labels


def test_tables_of_every_library_give_the_same(data):
    frame, labels = data
    fitted = TextClassifier(RECIPE).fit(frame, labels)
    assert fitted.classifier_.columns == {"price": "number", "country": "category"}
    expected = fitted.predict_proba(frame)
    assert (fitted.predict(frame) == labels).mean() > 0.8
    dicts = [{**row, "price": None if np.isnan(row["price"]) else row["price"]} for row in frame.to_dict("records")]
    for given in (pl.from_pandas(frame), pa.Table.from_pandas(frame), dicts):
        np.testing.assert_allclose(fitted.predict_proba(given), expected)
        np.testing.assert_allclose(clone(fitted).fit(given, labels).predict_proba(given), expected)


def test_folds_and_shuffles_keep_rows_together(data):
    frame, labels = data
    order = np.random.default_rng(3).permutation(len(frame))
    scores = cross_val_score(TextClassifier(RECIPE), frame.iloc[order], labels[order], cv=KFold(4))
    assert scores.mean() > 0.75


def test_a_saved_estimator_answers_tables(data, tmp_path):
    frame, labels = data
    fitted = TextClassifier(RECIPE).fit(frame, labels)
    loaded = textforge.load(fitted.save(tmp_path / "bundle"), engine="torch")
    np.testing.assert_array_equal(loaded.predict_proba(frame), fitted.predict_proba(frame))


def test_partial_fit_takes_tables(data):
    frame, labels = data
    recipe = {**RECIPE, "model": "linear", "optimizer": "adam"}
    clf = TextClassifier(recipe).partial_fit(frame[:40], labels[:40], classes=["cheap", "dear"])
    assert clf.partial_fit(frame[40:], labels[40:]).predict(frame).shape == (80,)


def test_what_a_table_lacks_is_named(data):
    frame, labels = data
    with pytest.raises(DataError, match=r"X: the table lacks 'country'; it has text, price, id"):
        TextClassifier(RECIPE).fit(frame.drop(columns="country"), labels)
    with pytest.raises(DataError, match=r"X: the table lacks 'text'; it has price, country, id"):
        TextClassifier(RECIPE).fit(frame.drop(columns="text"), labels)
    fitted = TextClassifier(RECIPE).fit(frame, labels)
    with pytest.raises(DataError, match="the table lacks 'price'"):
        fitted.predict(frame.drop(columns="price"))
    with pytest.raises(DataError, match="the text at index 0 has no columns"):
        fitted.predict(frame["text"])
    with pytest.raises(DataError, match="'numbers' reads columns of the kind number"):
        TextClassifier(RECIPE).fit(list(frame["text"]), labels)


def test_a_recipe_of_texts_alone_still_refuses_a_table_of_several_columns(data):
    frame, labels = data
    with pytest.raises(DataError, match="expected a sequence of texts or a table of one column"):
        TextClassifier({"vectorizer": "bow", "model": "logistic-regression"}).fit(frame, labels)
