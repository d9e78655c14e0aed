"""Vectorizer `union`: columns side by side, weights, dense vectors, chunks, state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, strategies as st
from scipy import sparse

from textforge import PluginManager, Ragged, RecipeError, hookimpl
from textforge_standard.vectorizers.broadcast import broadcast

PLUGINS = PluginManager()
TEXTS, _ = make_texts(40)
OTHERS = ["the orbit of a pixel", "", "zzz", "home homer orbit orbit"]


class Lengths:
    """One number per text: its length."""

    def fit(self, texts: Any) -> Lengths:
        return self

    def transform(self, texts: Any) -> Any:
        return np.array([[len(text), 0.5] for text in texts], dtype=np.float32).reshape(-1, 2)

    def state(self) -> dict[str, Any]:
        return {}

    def from_state(self, state: Any) -> Lengths:
        return self


class Plugin:
    @hookimpl
    def textforge_vectorizers(self) -> dict[str, Any]:
        return {"lengths": Lengths}


PLUGINS.register(Plugin(), "lengths")


def dense(features: Ragged) -> Any:
    weights = np.ones(len(features.indices)) if features.weights is None else features.weights
    shape = (len(features), features.n_features)
    return sparse.csr_matrix((weights, features.indices, features.offsets), shape).toarray()


def union(of: list[Any], **options: Any) -> Any:
    return PLUGINS.part("vectorizer", "union", of=of, **options).build({"seed": 0})


def alone(section: Any) -> Any:
    section = {"use": section} if isinstance(section, str) else dict(section)
    made = PLUGINS.part("vectorizer", section.pop("use"), **section).build({"seed": 0})
    made.fit(TEXTS)
    return made


SECTIONS = st.sampled_from(
    [
        "bow",
        {"use": "tfidf", "ngrams": [1, 2]},
        {"use": "tfidf", "unit": "characters_in_words", "ngrams": [2, 3]},
        {"use": "bow", "binary": True},
        "lengths",
    ]
)


@given(st.lists(st.tuples(SECTIONS, st.floats(0.25, 4)), min_size=1, max_size=4))
def test_its_columns_are_those_of_its_vectorizers_side_by_side_times_their_weights(members: list[Any]) -> None:
    of, weights = [section for section, _ in members], [weight for _, weight in members]
    joined = union(of, weights=weights)
    assert (dense(joined.fit_transform(TEXTS)) == dense(joined.transform(TEXTS))).all()
    blocks = []
    for section, weight in members:
        found = alone(section).transform(OTHERS)
        blocks.append((found if isinstance(found, np.ndarray) else dense(found)) * np.float32(weight))
    np.testing.assert_allclose(dense(joined.transform(OTHERS)), np.hstack(blocks), rtol=1e-6)


def test_state_restores_it_and_no_texts_have_no_rows() -> None:
    section = {"use": "tfidf", "ngrams": [1, 2]}
    joined = union([section, "lengths"]).fit(TEXTS)
    joined.transform(TEXTS)
    again = union([section, "lengths"]).from_state(joined.state())
    assert (dense(again.transform(OTHERS)) == dense(joined.transform(OTHERS))).all()
    assert len(again.transform([])) == 0


def test_it_has_a_state_as_soon_as_it_is_fitted() -> None:
    joined = union(["bow", "lengths"]).fit(TEXTS)
    again = union(["bow", "lengths"]).from_state(joined.state())
    assert (dense(again.transform(OTHERS)) == dense(joined.transform(OTHERS))).all()


def test_chunks_teach_it_what_all_texts_at_once_do() -> None:
    of = ["bow", {"use": "tfidf", "unit": "characters_in_words", "ngrams": [2, 3]}]
    at_once, in_chunks = union(of).fit(TEXTS), union(of)
    in_chunks.fit_chunks(TEXTS[start : start + 7] for start in range(0, len(TEXTS), 7))
    assert (dense(at_once.transform(OTHERS)) == dense(in_chunks.transform(OTHERS))).all()


def test_as_many_weights_as_vectorizers_are_needed() -> None:
    with pytest.raises(RecipeError, match="weights has 1 factors for 2 vectorizers"):
        union(["bow", "bow"], weights=[1.0])


def test_a_consumer_that_fails_or_stops_early_ends_the_pass_and_blocks_nobody() -> None:
    taken: list[int] = []

    def fails(items: Any) -> None:
        next(items)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        broadcast(iter(range(10_000)), [fails, lambda items: taken.extend(items)])
    assert taken == list(range(len(taken)))
    broadcast(iter(range(100)), [lambda items: next(items), lambda items: taken.clear() or taken.extend(items)])
    assert taken == list(range(100))


def test_an_iterator_that_fails_fails_the_pass() -> None:
    def items() -> Any:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        broadcast(items(), [list, list])
