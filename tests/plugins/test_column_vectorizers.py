"""Vectorizers over columns: numbers, categories, and any vectorizer over a named column."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from textforge import DataError, Ragged, Row
from textforge.components.manager import PluginManager

PLUGINS = PluginManager()
NUMBERS = st.none() | st.floats(-1e6, 1e6)
PAIRS = st.tuples(NUMBERS, NUMBERS)
NAMES = st.none() | st.sampled_from(["US", "DE", "FR", "日本", "a=b"])
KINDS = {"price": "number", "weight": "number", "country": "category", "colour": "category", "title": "text"}


def rows(table, kinds=KINDS):
    return [Row(f"text {n}", values, kinds) for n, values in enumerate(table)]


def built(name, **options):
    return PLUGINS.part("vectorizer", name, **options).build({"seed": 0})


def dense(features):
    assert isinstance(features, Ragged)
    found = np.zeros((len(features), features.n_features))
    of = np.repeat(np.arange(len(features)), np.diff(features.offsets))
    np.add.at(found, (of, features.indices), 1.0 if features.weights is None else features.weights)
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5)
)
def test_numbers_are_those_of_the_standard_scaler(train, others):
    kinds = {"price": "number", "weight": "number"}
    vectorizer = built("numbers").fit(rows(train, kinds))
    table = np.array([[math.nan if value is None else value for value in row] for row in train])
    with np.errstate(invalid="ignore"):
        scaler = StandardScaler().fit(table)
    missing = np.isnan(table).any(axis=0)
    for asked in (train, others):
        given_ = np.array([[math.nan if one is None else one for one in row] for row in asked]).reshape(-1, 2)
        expected = []
        for column in range(2):
            known = given_[:, column]
            scale, mean = scaler.scale_[column], scaler.mean_[column]
            if np.isnan(mean):  # scikit-learn has no mean of a column without numbers
                mean, scale = 0.0, 1.0
            expected.append(np.where(np.isnan(known), 0.0, np.clip((known - mean) / scale, -1e30, 1e30)))
            if missing[column]:
                expected.append(np.isnan(known).astype(float))
        found = dense(vectorizer.transform(rows(asked, kinds)))
        np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=1e-4, atol=1e-5)


def test_numbers_mark_what_is_missing_only_if_training_texts_lack_some():
    vectorizer = built("numbers").fit(rows([(1.0, None), (3.0, 5.0)], {"price": "number", "weight": "number"}))
    assert vectorizer.get_feature_names_out() == ["price", "weight", "weight (missing)"]
    asked = rows([(None, None), (3.0, 5.0)], {"price": "number", "weight": "number"})
    assert dense(vectorizer.transform(asked)).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert vectorizer.column_features(asked[0]) == {2: "weight (missing)"}
    assert vectorizer.column_features(asked[1]) == {0: "price", 1: "weight"}


def test_numbers_far_away_stay_finite_and_too_large_ones_are_refused():
    vectorizer = built("numbers").fit(rows([(1.0,), (1.0 + 1e-9,)], {"price": "number"}))
    assert np.isfinite(dense(vectorizer.transform(rows([(1e308,), (-1e308,)], {"price": "number"})))).all()
    with pytest.raises(DataError, match="the numbers of the column 'price' are too large to standardise"):
        built("numbers").fit(rows([(1e300,), (-1e300,)], {"price": "number"}))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=20), st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_categories_are_those_of_the_one_hot_encoder(train, others):
    kinds = {"country": "category", "colour": "category"}
    vectorizer = built("categories", min_count=1).fit(rows(train, kinds))
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encoder.fit(np.array(train, dtype=object))
    for asked in (train, others):
        expected = encoder.transform(np.array(asked, dtype=object).reshape(-1, 2)) if asked else np.zeros((0, 0))
        found = dense(vectorizer.transform(rows(asked, kinds)))
        assert found.shape[0] == len(asked)
        if asked:
            np.testing.assert_array_equal(found, expected)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=20), st.lists(st.sampled_from("abcxyz"), max_size=5))
def test_rare_and_unseen_categories_share_a_feature_as_in_the_one_hot_encoder(train, others):
    table = [(one,) for one in train]
    vectorizer = built("categories").fit(rows(table, {"country": "category"}))
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False)
    encoder.fit(np.array(table, dtype=object))
    asked = [*table, *((one,) for one in others)]
    np.testing.assert_array_equal(
        dense(vectorizer.transform(rows(asked, {"country": "category"}))),
        encoder.transform(np.array(asked, dtype=object)),
    )


def test_features_of_categories_have_names():
    train = [("US",), ("US",), ("DE",), (None,)]
    vectorizer = built("categories").fit(rows(train, {"country": "category"}))
    assert vectorizer.get_feature_names_out() == ["country=US", "country (unseen)", "country (missing)"]
    asked = rows([("US",), ("FR",), (None,)], {"country": "category"})
    assert [vectorizer.column_features(row) for row in asked] == [
        {0: "country=US"}, {1: "country=FR"}, {2: "country (missing)"},
    ]  # fmt: skip


def test_hashed_categories_learn_nothing_and_keep_their_place():
    kinds = {"country": "category", "colour": "category"}
    vectorizer = built("categories", buckets=64).fit(rows([("US", "red")], kinds))
    other = built("categories", buckets=64).fit(rows([("DE", "blue"), ("US", None)], kinds))
    asked = rows([("US", "red"), ("FR", None), (None, "red")], kinds)
    np.testing.assert_array_equal(dense(vectorizer.transform(asked)), dense(other.transform(asked)))
    assert dense(vectorizer.transform(asked)).sum(axis=1).tolist() == [2, 2, 2]
    assert {*vectorizer.column_features(asked[0]).values()} == {"country=US", "colour=red"}
    assert not hasattr(vectorizer, "get_feature_names_out")


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_chunks_of_any_size_give_the_same_as_all_rows_at_once(data):
    table = data.draw(st.lists(st.tuples(NUMBERS, NUMBERS, NAMES, NAMES, st.none() | st.text(max_size=5)), min_size=1))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(table)), max_size=4)))
    train = rows(table)
    chunks = [train[a:b] for a, b in zip([0, *cuts], [*cuts, len(train)], strict=True)]
    for name in ("numbers", "categories"):
        at_once, in_chunks = built(name).fit(train), built(name).fit_chunks(iter(chunks))
        np.testing.assert_array_equal(dense(at_once.transform(train)), dense(in_chunks.transform(train)))


@pytest.mark.parametrize(
    ("name", "column", "says"),
    [
        (
            "numbers",
            "prise",
            "there is no column 'prise'. The texts have the columns price, weight.* Did you mean 'price'",
        ),
        (
            "numbers",
            "country",
            "the column 'country' is of the kind category, but a column of the kind number is needed",
        ),
        ("categories", ["country", "price"], "the column 'price' is of the kind number"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(name, column, says):
    with pytest.raises(DataError, match=says):
        built(name, column=column).fit(rows([(1.0, 2.0, "US", "red", "x")]))


def test_texts_without_columns_are_refused():
    with pytest.raises(DataError, match=r"no column of the kind number\. The texts have no columns"):
        built("numbers").fit(["plain", "texts"])


def test_any_vectorizer_reads_a_named_column_in_place_of_the_text():
    train = rows([(1.0, 2.0, "US", "red", "moon river"), (1.0, 2.0, "DE", None, "moon"), (1.0, 2.0, "DE", None, None)])
    plain = built("bow").fit(["moon river", "moon", ""])
    named = built("bow", column="title")
    np.testing.assert_array_equal(dense(named.fit_transform(train)), dense(plain.transform(["moon river", "moon", ""])))
    assert named.get_feature_names_out() == ["title=moon", "title=river"]
    assert {*named.column_features(train[0]).values()} == {"title=moon", "title=river"}
    restored = built("bow", column="title").from_state(named.state())
    np.testing.assert_array_equal(dense(restored.transform(train)), dense(named.transform(train)))
    assert (
        built("tokens", column="title").fit(train).vocab_size == built("tokens").fit(["moon river", "moon"]).vocab_size
    )


def test_a_vectorizer_over_a_column_gets_the_targets_that_it_asks_for():
    from textforge.components.columns import selected
    from textforge.data import called_offering

    class Supervised:
        def fit(self, texts, targets=None):
            self.seen = texts, targets

    inner = Supervised()
    vectorizer = selected(inner, "title")
    train = rows([(1.0, 2.0, "US", "red", "moon")])
    assert called_offering(vectorizer.fit, train, targets=[1]) is vectorizer
    assert inner.seen == (["moon"], [1])


def test_a_union_puts_columns_beside_the_text_and_names_them():
    train = rows([(1.0, None, "US", "red", "moon"), (3.0, 2.0, "US", "blue", "sun"), (2.0, 2.0, "DE", "red", "moon")])
    parts = ["bow", {"use": "numbers", "column": ["price", "weight"]}, {"use": "categories", "column": "country"},
             {"use": "tfidf", "column": "title"}]  # fmt: skip
    vectorizer = built("union", of=parts)
    features = vectorizer.fit_transform(train)
    beside = [built("bow"), built("numbers", column=["price", "weight"]), built("categories", column="country"),
              built("tfidf", column="title")]  # fmt: skip
    np.testing.assert_allclose(dense(features), np.hstack([dense(one.fit(train).transform(train)) for one in beside]))
    names = vectorizer.column_features(train[0])
    assert {*names.values()} == {"price", "weight (missing)", "country=US", "title=moon"}
    every = vectorizer.get_feature_names_out()
    assert all(every[n].partition("__")[2] == name for n, name in names.items())
    spans = vectorizer.spans(train[0])
    assert {*spans[0].tolist()} | {*names} == {*vectorizer.transform(train[:1]).indices.tolist()}


def test_a_preprocessor_changes_the_text_and_leaves_the_columns():
    inner = {"use": "union", "of": [{"use": "bow", "lowercase": False}, "numbers"]}
    train = [Row("MOON", (1.0,), {"price": "number"}), Row("Sun", (3.0,), {"price": "number"})]
    vectorizer = built("preprocess", steps=["lowercase"], vectorizer=inner)
    vectorizer.fit(train)
    assert vectorizer.get_feature_names_out() == ["0__moon", "0__sun", "1__price"]
    assert dense(vectorizer.transform(train)).tolist() == [[1, 0, -1], [0, 1, 1]]
    assert vectorizer.spans(train[0])[0].tolist() == [0]
    assert vectorizer.column_features(train[0]) == {2: "price"}


def test_a_union_that_grows_keeps_the_places_and_the_names_of_columns():
    vectorizer = built("union", of=["bow", "numbers", {"use": "categories", "column": "country"}])
    train = rows([(1.0, 2.0, "US", "red", "a"), (3.0, 2.0, "US", "red", "b")])
    vectorizer.fit(train)
    before = vectorizer.get_feature_names_out()
    vectorizer.grow([row.with_text("new words") for row in train])
    assert vectorizer.get_feature_names_out()[: len(before)] == before
    asked = train[0].with_text("new text")
    names = vectorizer.column_features(asked)
    assert {*names.values()} == {"price", "weight", "country=US"}
    assert {*names} | {*vectorizer.spans(asked)[0].tolist()} == {*vectorizer.transform([asked]).indices.tolist()}
