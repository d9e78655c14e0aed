"""Vocabularies that grow: known features keep their columns, new ones come after them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, settings, strategies as st

import textforge

PARTS = textforge.PluginManager()
VECTORIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bow": ("bow", {}),
    "bow-pairs": ("bow", {"ngrams": [1, 2], "binary": True}),
    "bow-of-characters": ("bow", {"unit": "characters_in_words", "ngrams": [2, 4]}),
    "bow-any-script": ("bow", {"split": "any_script", "min_df": 2}),
    "tfidf": ("tfidf", {"ngrams": [1, 2], "sublinear": True}),
    "tokens": ("tokens", {"max_length": 20}),
    "preprocess": ("preprocess", {"steps": ["lowercase"], "vectorizer": "bow"}),
}
UNION = {
    "of": [{"use": "bow", "lowercase": False}, {"use": "hashing", "n_features": 8}, {"use": "tfidf", "ngrams": [1, 2]}]
}
FEW, MORE = make_texts(12)[0], make_texts(30, seed=4)[0]


def built(name: str) -> Any:
    kind, options = VECTORIZERS[name]
    return PARTS.part("vectorizer", kind, **options).build({"seed": 0})


def rows(features: Any, n: int) -> list[dict[int, float]]:
    """The columns below `n` of each row, with their weights summed."""
    found: list[dict[int, float]] = []
    for start, end in zip(features.offsets[:-1], features.offsets[1:], strict=True):
        weights = np.ones(end - start) if features.weights is None else features.weights[start:end]
        row: dict[int, float] = {}
        for column, weight in zip(features.indices[start:end].tolist(), weights.tolist(), strict=True):
            if column < n:
                row[column] = row.get(column, 0) + weight
        found.append(row)
    return found


@pytest.mark.parametrize("name", VECTORIZERS)
def test_known_features_keep_columns_and_weights_and_new_ones_come_after_them(name: str) -> None:
    before, grown, alone = built(name), built(name), built(name)
    before.fit(FEW), grown.fit(FEW), alone.fit(MORE)
    grown.grow(MORE)
    known = before.vocabulary
    assert grown.vocabulary == [*known, *(word for word in alone.vocabulary if word not in {*known})]
    kept = rows(before.transform(FEW), 10**9)
    for old, new in zip(kept, rows(grown.transform(FEW), before.transform(FEW).n_features), strict=True):
        assert old.keys() - {1} == new.keys() - {1}, "id 1 of tokens is any unknown word"
        if name in ("bow", "bow-pairs", "bow-of-characters"):
            assert old == new


@pytest.mark.parametrize("name", VECTORIZERS)
def test_a_grown_vocabulary_is_restored_from_its_state(name: str) -> None:
    grown = built(name).fit(FEW)
    grown.grow(MORE)
    restored = built(name).from_state(grown.state())
    texts = [*FEW, *MORE, "unknown words"]
    one, other = grown.transform(texts), restored.transform(texts)
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.offsets, other.offsets)
    assert restored.vocabulary == grown.vocabulary


@settings(max_examples=20)
@given(st.lists(st.text("ab c", min_size=1), min_size=1, max_size=5), st.sampled_from(["bow", "tokens"]))
def test_growing_by_the_same_texts_changes_nothing(texts: list[str], name: str) -> None:
    texts = [*texts, "aa bb"]
    grown = built(name).fit(texts)
    before = list(grown.vocabulary)
    grown.grow(texts)
    assert grown.vocabulary == before


def test_words_that_the_steps_of_preprocess_change_grow_as_changed() -> None:
    grown = PARTS.part("vectorizer", "preprocess", steps=["lowercase"], vectorizer={"use": "bow", "lowercase": False})
    built = grown.build({"seed": 0}).fit(["moon"])
    built.grow(["MOON Orbit"])
    assert built.vocabulary == ["moon", "orbit"]


def union() -> Any:
    return PARTS.part("vectorizer", "union", **UNION).build({"seed": 0})


def test_a_union_grows_after_all_known_columns_and_is_restored() -> None:
    before, grown = union().fit(FEW), union().fit(FEW)
    grown.grow(MORE)
    grown.grow(["entirely unheard words"])
    n = before.transform(FEW).n_features
    for old, new in zip(rows(before.transform(FEW), n), rows(grown.transform(FEW), n), strict=True):
        assert old.keys() == new.keys()
    texts = [*FEW, *MORE, "entirely unheard words"]
    one, other = grown.transform(texts), union().from_state(grown.state()).transform(texts)
    assert one.n_features > n
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_features_of_a_grown_union_have_the_columns_of_their_names() -> None:
    grown = PARTS.part("vectorizer", "union", of=["bow", {"use": "bow", "ngrams": [1, 2]}]).build({"seed": 0})
    grown.fit(["aa bb"]), grown.grow(["cc aa"]), grown.grow(["dd"])
    names = grown.get_feature_names_out()
    assert names[:5] == ["0__aa", "0__bb", "1__aa", "1__aa bb", "1__bb"]
    assert names[5:] == ["0__cc", "1__cc", "1__cc aa", "0__dd", "1__dd"]
    (row,) = rows(grown.transform(["dd cc aa"]), 99)
    assert {names[column] for column in row} == {*"0__aa 0__cc 0__dd 1__aa 1__cc 1__dd".split(), "1__cc aa"}


def test_a_union_of_vectorizers_that_cannot_grow_cannot_either() -> None:
    fixed = PARTS.part("vectorizer", "union", of=[{"use": "hashing", "n_features": 8}]).build({"seed": 0})
    assert not hasattr(fixed, "grow")
    inner = PARTS.part("vectorizer", "preprocess", steps=["lowercase"], vectorizer="hashing").build({"seed": 0})
    assert not hasattr(inner, "grow")


@pytest.mark.parametrize("name", ["bow", "tfidf", "tokens"])
def test_texts_without_a_word_add_nothing(name: str) -> None:
    grown = built(name).fit(FEW)
    before = [*grown.vocabulary]
    grown.grow(["", "!"])
    assert grown.vocabulary == before
