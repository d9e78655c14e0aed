"""Vectorizers fitted chunk by chunk: what they learn is what they learn from all texts at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from textforge import DataError
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.byte_sequences import Bytes
from textforge_standard.vectorizers.hashing import Hashing
from textforge_standard.vectorizers.tfidf import Tfidf
from textforge_standard.vectorizers.tokens import Tokens

WORDS = st.lists(st.sampled_from("red green blue crimson extraordinarily a übergröße 赤い b1".split()), max_size=8)
TEXTS = st.lists(WORDS.map(" ".join) | st.text(max_size=20), min_size=1, max_size=20)
OPTIONS = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["words", "characters", "characters_in_words"]),
        "ngrams": st.sampled_from([(1, 1), (1, 2), (2, 3)]),
        "min_df": st.sampled_from([1, 2, 0.2]),
        "max_df": st.sampled_from([1.0, 0.7]),
        "max_features": st.sampled_from([None, 3]),
        "binary": st.booleans(),
    }
)


def outcome(fit, texts):
    """The state after a fit, arrays as lists; or the sentence by which it was refused."""
    try:
        state = fit(texts).state()
    except DataError as error:
        return str(error)
    return {name: array.tolist() for name, array in state.items()}


@settings(max_examples=150)
@given(texts=TEXTS, cuts=st.lists(st.integers(0, 20), max_size=4), options=OPTIONS)
@pytest.mark.parametrize("kind", [BagOfWords, Tfidf])
def test_fitted_in_chunks_is_fitted_at_once(kind, texts, cuts, options):
    edges = [0, *sorted(cuts), len(texts)]
    chunks = [texts[start:end] for start, end in pairwise(edges)]
    assert outcome(kind(**options).fit_chunks, iter(chunks)) == outcome(kind(**options).fit, texts)


@settings(max_examples=150)
@given(texts=TEXTS, cuts=st.lists(st.integers(0, 20), max_size=4), options=OPTIONS)
@pytest.mark.parametrize("kind", [BagOfWords, Tfidf])
def test_merged_counts_of_parts_are_fitted_at_once(kind, texts, cuts, options):
    assert_merging_is_fitting(lambda: kind(**options), texts, cuts)


@settings(max_examples=30)
@given(texts=st.lists(st.text("ab \x00\t\u0e01\u4e00", max_size=9), min_size=1, max_size=8), cut=st.integers(0, 8))
def test_merged_counts_of_phrases_are_sorted_by_words(texts, cut):
    for split in ("spaces", "any_script"):
        for ngrams in ((1, 1), (1, 2)):
            assert_merging_is_fitting(
                lambda split=split, ngrams=ngrams: BagOfWords(split=split, ngrams=ngrams), texts, [cut]
            )


def assert_merging_is_fitting(built, texts, cuts):
    parts = [texts[start:end] for start, end in pairwise([0, *sorted(cuts), len(texts)])]
    counts = [built().count_chunks(iter([part])) for part in parts]
    assert outcome(lambda _: built().merge(counts), texts) == outcome(built().fit, texts)


def test_what_was_fitted_in_chunks_transforms_as_if_fitted_at_once():
    texts = ["red green green", "blue red", "green blue blue"]
    one = Tfidf(ngrams=(1, 2)).fit_chunks([texts[:1], texts[1:]]).transform([*texts, "red unseen"])
    other = Tfidf(ngrams=(1, 2)).fit(texts).transform([*texts, "red unseen"])
    for name in ("indices", "offsets", "weights"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_fitting_in_chunks_starts_anew():
    vectorizer = BagOfWords().fit(["earlier words"])
    assert vectorizer.fit_chunks([["later"], ["words"]]).vocabulary == ["later", "words"]


def test_hashing_reads_no_chunk():
    def chunks():
        raise AssertionError
        yield

    assert len(Hashing().fit_chunks(chunks()).transform(["red"])) == 1


SEQUENCES = st.fixed_dictionaries(
    {
        "split": st.sampled_from(["words", "spaces", "words_and_punctuation"]),
        "min_df": st.sampled_from([1, 2]),
        "max_features": st.sampled_from([None, 3]),
        "max_length": st.sampled_from([None, 2]),
    }
)


@settings(max_examples=150)
@given(texts=TEXTS, cuts=st.lists(st.integers(0, 20), max_size=4), options=SEQUENCES)
def test_sequences_fitted_in_chunks_are_fitted_at_once(texts, cuts, options):
    edges = [0, *sorted(cuts), len(texts)]
    chunks = [texts[start:end] for start, end in pairwise(edges)]
    for kind, given_options in ((Tokens, options), (Bytes, {"max_length": options["max_length"]})):
        one, other = kind(**given_options), kind(**given_options)
        assert outcome(one.fit_chunks, iter(chunks)) == outcome(other.fit, texts)
        assert one.warnings == other.warnings


@settings(max_examples=100)
@given(texts=TEXTS, cuts=st.lists(st.integers(0, 20), max_size=4), options=SEQUENCES)
def test_merged_counts_of_sequences_are_fitted_at_once(texts, cuts, options):
    assert_merging_is_fitting(lambda: Tokens(**options), texts, cuts)


def test_merged_counts_warn_of_all_texts_that_are_cut():
    texts = ["one", "one two three", "one two", "one two three four five"]
    merged, counts = (
        Tokens(max_length=2),
        [Tokens(max_length=2).count_chunks([part]) for part in (texts[:2], texts[2:])],
    )
    assert merged.merge(counts).warnings == Tokens(max_length=2).fit(texts).warnings != []
