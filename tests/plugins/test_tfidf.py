"""Vectorizer `tfidf` against scikit-learn's TfidfVectorizer."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import real_posts
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from textforge import DataError
from textforge.components.options import Options
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.tfidf import Tfidf

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]
TEXTS = [
    "The cat sat on the mat; the cat's hat.",
    "",
    "A dog AND a cat: dog, dog, dog!",
    "? ! a b c",
    "Ünïcode ΟΔΟΣ straße İstanbul 中文 🚀 x_1 42",
    "the mat the mat",
]
MORE_TEXTS = ["the unseen cat cat", "", "nothing known", "DOG dog the"]

UNICODE = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
WORDY = st.text("aAbBÉéß Σσς_1 \n\t-.", max_size=40)


def spaces(text):
    return text.lower().split(" ")


def matrix(features):
    found = sp.csr_matrix(
        (features.weights, features.indices, features.offsets), shape=(len(features), features.n_features)
    )
    assert found.has_canonical_format
    return found


def close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.array_equal(ours.indptr, theirs.indptr)  # the same entries, none of them zero
    theirs.sort_indices()
    assert np.array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-6, atol=1e-6)


def agree(texts, more_texts=(), *, split="words", sublinear=False, **options):
    tfidf = Tfidf(split=split, sublinear=sublinear, **options)
    reference = TfidfVectorizer(analyzer="word" if split == "words" else spaces, sublinear_tf=sublinear, **options)
    try:
        theirs = reference.fit_transform(texts)
    except ValueError:
        with pytest.raises(DataError, match="vocabulary is empty"):
            tfidf.fit_transform(texts)
        return None
    ours = tfidf.fit_transform(texts)
    assert tfidf.vocabulary == reference.get_feature_names_out().tolist()
    close(matrix(ours), theirs)
    if more_texts:
        close(matrix(tfidf.transform(more_texts)), reference.transform(more_texts))
    return tfidf


@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("split", ["words", "spaces"])
def test_weights_are_scikit_learns(split, binary, sublinear, norm):
    assert agree(TEXTS, MORE_TEXTS, split=split, binary=binary, sublinear=sublinear, norm=norm) is not None


@pytest.mark.parametrize("options", [{"min_df": 2}, {"max_df": 0.2}, {"max_features": 2}], ids=str)
def test_weights_after_pruning_are_scikit_learns(options):
    # the idf is that of the words kept, the norm that of their weights alone
    tfidf = agree(TEXTS, MORE_TEXTS, **options)
    assert 0 < tfidf.n_features < Tfidf().fit(TEXTS).n_features


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(UNICODE | WORDY, min_size=1, max_size=8),
    split=st.sampled_from(["words", "spaces"]),
    norm=st.sampled_from(["l1", "l2", None]),
    sublinear=st.booleans(),
    binary=st.booleans(),
)
def test_weights_are_scikit_learns_on_any_text(texts, split, norm, sublinear, binary):
    agree(texts, texts[::-1], split=split, norm=norm, sublinear=sublinear, binary=binary)


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"sublinear": True, "norm": "l1", "split": "spaces"}], ids=str)
def test_weights_are_scikit_learns_on_the_real_corpus(corpus, options):
    train, test = (real_posts(subset, *GROUPS) for subset in ("train", "test"))
    assert agree(train, test, **options).n_features > 25_000


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_every_text_with_a_known_word_has_unit_length(norm):
    weights = matrix(Tfidf(norm=norm).fit_transform(TEXTS))
    lengths = np.asarray(weights.sum(axis=1) if norm == "l1" else weights.power(2).sum(axis=1)).ravel()
    assert lengths == pytest.approx([1, 0, 1, 0, 1, 1], abs=1e-6)


def test_texts_without_a_known_word_give_empty_rows_and_no_nan():
    features = Tfidf().fit(["red green"]).transform(["", "blue", "red"])
    assert features.offsets.tolist() == [0, 0, 0, 1]
    assert features.weights.tolist() == [1.0]


def test_no_texts_give_no_rows():
    features = Tfidf().fit(["red green"]).transform([])
    assert (len(features), features.n_features) == (0, 2)


def test_odd_texts_are_weighed():
    assert agree(["ab\0cd ab", "ef\ud800gh", "line\nbreak\r\nbreak"], ["\0", "\ud800"]) is not None


def test_fit_then_transform_equals_fit_transform():
    at_once, after = Tfidf().fit_transform(TEXTS), Tfidf().fit(TEXTS).transform(TEXTS)
    assert np.array_equal(at_once.indices, after.indices)
    assert np.array_equal(at_once.weights, after.weights)


@pytest.mark.parametrize("split", ["words", "spaces"])
def test_the_state_makes_the_same_vectorizer(split):
    texts = ["line\nbreak  two  spaces", "🚀 🚀 é", "", "nul\0 \u2028", "plain words plain"]
    tfidf = Tfidf(split=split).fit(texts)
    again = Tfidf(split=split).from_state({name: value.copy() for name, value in tfidf.state().items()})
    ours, theirs = again.transform(texts), tfidf.transform(texts)
    assert np.array_equal(ours.indices, theirs.indices)
    assert np.array_equal(ours.offsets, theirs.offsets)
    assert np.array_equal(ours.weights, theirs.weights)  # bit for bit: the idf is kept in double precision


def test_the_options_of_bow_mean_the_same():
    bow, tfidf = (Options(kind, "vectorizer").fields for kind in (BagOfWords, Tfidf))
    assert {name: tfidf[name] for name in bow} == bow  # types, defaults and documentation
    assert [*tfidf] == [*bow, "sublinear", "norm"]
    assert all(option.doc for option in tfidf.values())
