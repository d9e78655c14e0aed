"""Counting n-grams inside words by distinct words: the same features as reading every occurrence."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from textforge_standard.vectorizers import by_words
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.tfidf import Tfidf

TEXTS = st.lists(st.text(st.sampled_from("abAé电影🚀 \n\u00a0\u0301"), max_size=12), min_size=1, max_size=8)


def fitted(texts, asked, *, in_words, kind=BagOfWords, **options):
    """The vocabulary and the features of fitting and of transforming, by either way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_words, "WORTH", -1 if in_words else 10**9)
        vectorizer = kind(unit="characters_in_words", **options)
        found = [vectorizer.fit_transform(texts), vectorizer.transform(asked)]
    return vectorizer.vocabulary, [
        (one.indices.tolist(), one.offsets.tolist(), one.weights is not None and one.weights.tobytes()) for one in found
    ]


@given(texts=TEXTS, asked=TEXTS, shortest=st.integers(1, 3), more=st.integers(0, 3), lowercase=st.booleans())
def test_features_are_those_of_reading_every_occurrence(texts, asked, shortest, more, lowercase):
    texts = [*texts, "abc"]
    options = {"ngrams": (shortest, shortest + more), "lowercase": lowercase}
    assert fitted(texts, asked, in_words=True, **options) == fitted(texts, asked, in_words=False, **options)


@pytest.mark.parametrize("options", [{"min_df": 2, "sublinear": True}, {"max_features": 5}, {"binary": True}])
def test_choices_of_features_and_weights_are_the_same(options):
    texts = ["abab cd", "ab ef ab", "", "cd cd xyz"]
    both = [fitted(texts, texts[::-1], in_words=way, kind=Tfidf, ngrams=(2, 3), **options) for way in (True, False)]
    assert both[0] == both[1]


def test_longer_texts_are_counted_by_words_and_shorter_ones_are_not():
    assert not by_words.is_worth(["ab"] * 10)
    assert by_words.is_worth(["ab" * by_words.WORTH])


def test_texts_that_need_more_than_one_chunk_are_counted_together():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["alpha", "beta", "gamma", "δέλτα", "电影"], 20_000)) for _ in range(12)]
    asked = texts[:2]
    options = {"ngrams": (2, 4)}
    assert fitted(texts, asked, in_words=True, **options) == fitted(texts, asked, in_words=False, **options)
