"""Vectorizer `hashing` against scikit-learn's HashingVectorizer, and murmur3 against its own C++."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import real_posts
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import murmurhash3_32

import textforge
from textforge_standard.vectorizers.hashing import Hashing
from textforge_standard.vectorizers.murmur import murmur3

ANALYZERS = {"words": "word", "characters": "char", "characters_in_words": "char_wb"}
TEXTS = [
    "The cat sat on the mat; the cat's hat.",
    "",
    "? ! a b c",
    "Ünï ΟΔΟΣ İstanbul 中文 🚀 x_1 42",
    "the mat the  mat\n",
]
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.text("aAb é中😀_ \n\t.", max_size=30)
SPANS = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair)))


def matrix(features):
    found = sp.csr_matrix(
        (features.weights, features.indices, features.offsets), shape=(len(features), features.n_features)
    )
    assert found.has_canonical_format
    return found


def agree(texts, *, unit="words", ngrams=(1, 1), n_features=2**18, signed=True, strip_accents=False, **options):
    ours = Hashing(
        unit=unit, ngrams=ngrams, n_features=n_features, signed=signed, strip_accents=strip_accents, **options
    )
    theirs = HashingVectorizer(
        analyzer=ANALYZERS[unit],
        ngram_range=ngrams,
        n_features=n_features,
        alternate_sign=signed,
        strip_accents="unicode" if strip_accents else None,
        **options,
    )
    found, expected = matrix(ours.fit(texts).transform(texts)), theirs.transform(texts)
    assert found.shape == expected.shape
    assert np.array_equal(found.indptr, expected.indptr)
    assert np.array_equal(found.indices, expected.indices)  # also where signs cancelled out: an entry of 0
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("unit", list(ANALYZERS))
@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2), (2, 4), (5, 6)], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_features": 10},
        {"n_features": 1, "norm": "l1"},
        {"n_features": 2**30},
        {"signed": False, "norm": None},
        {"binary": True, "n_features": 7, "norm": None},
        {"lowercase": False, "strip_accents": True, "n_features": 1000},
    ],
    ids=str,
)
def test_columns_and_weights_are_scikit_learns(unit, ngrams, options):
    agree(TEXTS, unit=unit, ngrams=ngrams, **options)


@settings(max_examples=150)
@given(
    texts=st.lists(ANY, min_size=1, max_size=6),
    unit=st.sampled_from(list(ANALYZERS)),
    ngrams=SPANS,
    n_features=st.integers(1, 50) | st.integers(1, 2**30),
    signed=st.booleans(),
    norm=st.sampled_from(["l1", "l2", None]),
    binary=st.booleans(),
    lowercase=st.booleans(),
)
def test_columns_and_weights_are_scikit_learns_on_any_text(texts, **options):
    agree(texts, **options)


def test_stop_words_are_left_out_as_by_scikit_learn():
    agree(TEXTS, stop_words=["the", "cat", "中文"], ngrams=(1, 2))
    agree(TEXTS, stop_words="english")


@given(slices=st.lists(st.binary(max_size=40), max_size=20))
def test_murmur3_is_the_published_hash(slices):
    ends = np.cumsum([len(one) for one in slices], dtype=np.int64)
    starts = np.concatenate(([0], ends))[:-1]
    assert murmur3(b"".join(slices) + bytes(4), starts, ends).tolist() == [murmurhash3_32(one) for one in slices]


def test_murmur3_of_many_strings_longer_than_are_gone_through_together() -> None:
    slices = [bytes([n]) * (270_000 - n) for n in range(1, 8)] + [b"", b"abc"]
    ends = np.cumsum([len(one) for one in slices])
    starts = ends - [len(one) for one in slices]
    assert murmur3(b"".join(slices) + bytes(4), starts, ends).tolist() == [murmurhash3_32(one) for one in slices]


def test_columns_are_these_on_every_machine():
    features = Hashing(norm=None, ngrams=(1, 2)).transform(["moon bat moon"])
    assert dict(zip(features.indices.tolist(), features.weights.tolist(), strict=True)) == {
        abs(murmurhash3_32(text)) % 2**18: weight * (1 if murmurhash3_32(text) >= 0 else -1)
        for text, weight in (("moon", 2), ("bat", 1), ("moon bat", 1), ("bat moon", 1))
    }


def test_sublinear_weights_grow_with_the_logarithm_of_the_count_and_keep_their_sign():
    counts = matrix(Hashing(norm=None).transform(["a1 a2 a2 a3 a3 a3 a4"]))
    weights = matrix(Hashing(norm=None, sublinear=True).transform(["a1 a2 a2 a3 a3 a3 a4"]))
    assert {1, 2, 3} == set(np.abs(counts.data))
    assert {-1, 1} == set(np.sign(counts.data))
    np.testing.assert_allclose(weights.data, np.sign(counts.data) * (1 + np.log(np.abs(counts.data))), rtol=1e-6)


def test_what_cancels_out_stays_zero_in_every_weighing():
    words = [f"a{n}" for n in range(20)]
    up, down = (next(w for w in words if (murmurhash3_32(w) >= 0) == positive) for positive in (True, False))
    for norm in ("l1", "l2", None):
        for sublinear in (False, True):
            features = Hashing(n_features=1, norm=norm, sublinear=sublinear).transform([f"{up} {down} {down} {up}"])
            assert features.weights.tolist() == [0]


@pytest.mark.parametrize("texts", [[], ["", "?"]])
def test_no_words_give_empty_rows(texts):
    features = Hashing().fit(texts).transform(texts)
    assert (len(features), features.n_features, len(features.indices)) == (len(texts), 2**18, 0)


def test_odd_and_huge_texts_are_hashed():
    agree(["ab\0cd", "ab cd " * 170_000, "x" * 100_000], ngrams=(1, 2))
    one, other = (Hashing(unit="characters").transform([text]) for text in ("a\ud800", "a\ufffd"))
    assert np.array_equal(one.indices, other.indices)


def test_it_comes_back_from_its_options_alone():
    part = textforge.PluginManager().part("vectorizer", "hashing", ngrams=[1, 2], n_features=1000)
    hashing = part.build({})
    assert hashing.state() == {}
    again = part.build({}).from_state(hashing.state())
    assert (matrix(again.transform(TEXTS)) != matrix(hashing.transform(TEXTS))).nnz == 0


def test_contradicting_options_are_refused():
    with pytest.raises(textforge.RecipeError, match="the fewest units, 3, are more than the most, 2"):
        textforge.PluginManager().part("vectorizer", "hashing", ngrams=[3, 2])


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"ngrams": (1, 2)}, {"unit": "characters_in_words", "ngrams": (3, 4)}], ids=str
)
def test_newsgroups_are_hashed_as_by_scikit_learn(corpus, options):
    agree(real_posts("test")[:2000], **options)
