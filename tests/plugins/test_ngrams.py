"""n-grams of words and characters, stop words and accents of `bow` and `tfidf` against scikit-learn's vectorizers."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import real_posts
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfVectorizer

import textforge
from textforge import DataError
from textforge_standard.vectorizers import units
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.stop_words import ENGLISH
from textforge_standard.vectorizers.tfidf import Tfidf

ANALYZERS = {"words": "word", "characters": "char", "characters_in_words": "char_wb"}
TEXTS = [
    "The cat sat on the mat; the cat's hat.",
    "",
    "  A dog \t AND a\n\ncat:  dog,\ndog, dog!  ",
    "? ! a b c",
    "Ünïcode ΟΔΟΣ straße İstanbul 中文 🚀 x_1 42 counterrevolutionary",
    "the mat the mat",
    "\n",
    "x",
]
# what \s\s+ and str.split see as white space, letters of one to four bytes, marks, and what lower-casing makes longer
ODD = st.text("aAbZé\u0301İΣςßﬀ中😀_1 \n\t\r\x0b\x1c\x1f\x85\xa0\u2003\u2028\u3000\ufeff\0.-", max_size=30)
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
WORDS = st.lists(st.sampled_from("aa bb cc the counterrevolutionary éé".split()), max_size=8).map(" ".join)
SPANS = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda pair: (pair[0], sum(pair)))


def reference(kind, *, unit="words", split="words", ngrams=(1, 1), strip_accents=False, sublinear=None, **options):
    if split == "spaces":
        options |= {"tokenizer": lambda text: text.split(" "), "token_pattern": None}
    if sublinear is not None:
        options["sublinear_tf"] = sublinear
    return kind(
        analyzer=ANALYZERS[unit], ngram_range=ngrams, strip_accents="unicode" if strip_accents else None, **options
    )


def matrix(features):
    weights = features.weights if features.weights is not None else np.ones(len(features.indices), np.float32)
    found = sp.csr_matrix((weights, features.indices, features.offsets), shape=(len(features), features.n_features))
    assert found.has_canonical_format
    return found


def agree(texts, more=(), *, kind=BagOfWords, **options):
    """Ours and scikit-learn's: the same features, and the same weights up to the order of columns."""
    ours = kind(**options)
    theirs = reference(CountVectorizer if kind is BagOfWords else TfidfVectorizer, **options)
    try:
        expected = theirs.fit_transform(texts)
    except ValueError:  # nothing in the vocabulary, or min_df above max_df
        with pytest.raises(DataError, match="vocabulary is empty"):
            ours.fit_transform(texts)
        return None
    found = matrix(ours.fit_transform(texts))
    assert len(set(ours.vocabulary)) == ours.n_features
    assert set(ours.vocabulary) == set(theirs.vocabulary_)
    columns = [theirs.vocabulary_[text] for text in ours.vocabulary]
    same(found, expected[:, columns], exact=kind is BagOfWords)
    if len(more):
        same(matrix(ours.transform(more)), theirs.transform(more)[:, columns], exact=kind is BagOfWords)
    again = kind(**options).from_state({name: value.copy() for name, value in ours.state().items()})
    assert again.vocabulary == ours.vocabulary
    same(matrix(again.transform(texts)), found)
    same(matrix(again.transform(more)), matrix(ours.transform(more)))
    return ours


def same(found, expected, *, exact=True):
    expected = sp.csr_matrix(expected)
    expected.sort_indices()
    assert found.shape == expected.shape
    assert np.array_equal(found.indptr, expected.indptr)
    assert np.array_equal(found.indices, expected.indices)
    if exact:
        assert np.array_equal(found.data, expected.data)
    else:
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [BagOfWords, Tfidf])
@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2), (2, 2), (1, 3), (2, 4), (5, 6)], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"split": "spaces"},
        {"unit": "characters"},
        {"unit": "characters_in_words"},
        {"stop_words": ["the", "dog", "counterrevolutionary", "absent"]},
        {"strip_accents": True, "lowercase": False, "unit": "characters"},
        {"min_df": 2, "max_df": 0.5, "unit": "characters_in_words"},
    ],
    ids=str,
)
def test_ngrams_are_scikit_learns(kind, ngrams, options):
    more = ["the unseen cat sat on", "", "Dog dog! the", "straße İ", "zzz"]
    assert agree(TEXTS, more, kind=kind, ngrams=ngrams, **options) is not None or ngrams == (5, 6)


@settings(max_examples=150)
@given(
    texts=st.lists(ANY | ODD | WORDS, min_size=1, max_size=6),
    more=st.lists(ANY | ODD | WORDS, max_size=4),
    ngrams=SPANS,
    unit=st.sampled_from(list(ANALYZERS)),
    split=st.sampled_from(["words", "spaces"]),
    lowercase=st.booleans(),
    strip_accents=st.booleans(),
    binary=st.booleans(),
)
def test_ngrams_are_scikit_learns_on_any_text(texts, more, unit, split, **options):
    agree(texts, more, unit=unit, split=split if unit == "words" else "words", **options)


@settings(max_examples=80)
@given(
    texts=st.lists(ANY | ODD | WORDS, min_size=1, max_size=6),
    ngrams=SPANS,
    unit=st.sampled_from(list(ANALYZERS)),
    sublinear=st.booleans(),
    norm=st.sampled_from(["l1", "l2", None]),
)
def test_weights_of_ngrams_are_scikit_learns_on_any_text(texts, **options):
    agree(texts, texts[::-1], kind=Tfidf, **options)


@settings(max_examples=80)
@given(
    texts=st.lists(WORDS, min_size=1, max_size=8),
    min_df=st.integers(1, 4) | st.floats(0, 1, exclude_min=True),
    max_df=st.integers(1, 6) | st.floats(0.05, 1),
    stop_words=st.sampled_from([None, "english", ["aa", "cc"]]),
    ngrams=SPANS,
)
def test_what_is_left_out_is_scikit_learns(texts, **options):
    agree(texts, texts[::-1], **options)


@settings(max_examples=40)
@given(texts=st.lists(ANY | ODD | WORDS, min_size=1, max_size=9), size=st.integers(1, 40), ngrams=SPANS)
def test_how_many_texts_are_cut_at_once_changes_nothing(texts, size, ngrams):
    options = {"ngrams": ngrams, "unit": "characters_in_words"}
    try:
        at_once = BagOfWords(**options).fit_transform(texts)
    except DataError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "CHUNK", size)
        bow = BagOfWords(**options)
        same(matrix(bow.fit_transform(texts)), matrix(at_once))
        same(matrix(bow.from_state(bow.state()).transform(texts)), matrix(at_once))


def test_the_english_stop_words_are_scikit_learns():
    assert ENGLISH == ENGLISH_STOP_WORDS


def test_ngrams_close_up_where_a_stop_word_stood():
    assert agree(["out of the box"], ngrams=(2, 2), stop_words=["of", "the"]).vocabulary == ["out box"]


@pytest.mark.parametrize("unit", list(ANALYZERS))
def test_lone_surrogates_are_replacement_characters(unit):
    texts = ["ab\ud800cd e\udfff f", "\ud83d\ude00"]
    bow = BagOfWords(unit=unit, ngrams=(1, 2))
    replaced = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts[:1]] + [
        "\ufffd" * 2
    ]
    same(matrix(bow.fit_transform(texts)), matrix(BagOfWords(unit=unit, ngrams=(1, 2)).fit_transform(replaced)))
    "".join(bow.vocabulary).encode()  # can be written


@pytest.mark.parametrize("unit", list(ANALYZERS))
def test_a_text_of_a_megabyte_and_a_word_of_one_are_counted(unit):
    texts = ["ab cd " * 170_000, "x" * 1_000_000, "é" * 70, "ab"]
    bow = agree(texts, ["x" * 999_999, "é" * 70], unit=unit, ngrams=(1, 2))
    assert bow.n_features >= 4


def test_order_is_that_of_the_text_of_words():
    texts = [
        "b a aa a_ conside consideration considerations considered \U0001f680b é z" + " c" * 70 + "c" * 70 + "d" * 70
    ]
    for options in ({}, {"split": "spaces"}, {"unit": "characters", "ngrams": (1, 3)}, {"ngrams": (1, 2)}):
        bow = BagOfWords(**options)
        bow.fit(texts)
        assert bow.vocabulary == sorted(bow.vocabulary)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ngrams": [2, 1]}, "the fewest units, 2, are more than the most, 1"),
        ({"unit": "characters", "split": "spaces"}, "split says how texts are cut into words"),
        ({"unit": "characters_in_words", "stop_words": "english"}, "stop_words are words"),
        ({"min_df": 3, "max_df": 2}, "min_df, 3, is more than max_df, 2"),
        ({"min_df": 0.5, "max_df": 0.2}, "min_df, 0.5, is more than max_df, 0.2"),
        ({"ngrams": [0, 1]}, "ngrams"),
        ({"ngrams": [1, 2, 3]}, "ngrams"),
        ({"min_df": 0}, "min_df"),
        ({"max_df": 1.5}, "max_df"),
        ({"stop_words": "german"}, "stop_words"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["bow", "tfidf"])
def test_options_that_contradict_each_other_are_refused(name, options, told):
    with pytest.raises(textforge.RecipeError) as caught:
        textforge.PluginManager().part("vectorizer", name, **options)
    assert told in str(caught.value)


def test_whole_and_fractional_frequencies_are_told_apart():
    part = textforge.PluginManager().part
    assert part("vectorizer", "bow", min_df=1, max_df=1).build({}).fit(["aa bb", "aa cc"]).vocabulary == ["bb", "cc"]
    assert part("vectorizer", "bow", min_df=1.0).build({}).fit(["aa bb", "aa cc"]).vocabulary == ["aa"]
    assert part("vectorizer", "bow", max_df=2).build({}).fit(["aa bb", "aa cc"]).vocabulary == ["aa", "bb", "cc"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ngrams": (3, 3)}, "none of the 2 training texts has 3 words in a row (split: words)"),
        ({"unit": "characters", "ngrams": (9, 9)}, "none of the 2 training texts has 9 characters in a row. Look"),
        ({"stop_words": ["aa", "bb"]}, "none of the 2 training texts has a word that is no stop word (split: words)"),
        ({"ngrams": (1, 2), "min_df": 3}, "of 3 n-grams none is in at least 3 and at most 100% of 2 training texts"),
        ({"max_df": 1, "min_df": 0.9}, "of 2 words none is in at least 90% and at most 1 of 2 training texts"),
    ],
    ids=str,
)
def test_an_empty_vocabulary_says_why(options, told):
    with pytest.raises(DataError) as caught:
        BagOfWords(**options).fit(["aa bb", "aa bb"])
    assert told in str(caught.value)


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options", "n"), [(BagOfWords, {}, 6000), (Tfidf, {"ngrams": (1, 2)}, 1500)], ids=str)
def test_newsgroups_are_counted_as_by_scikit_learn(corpus, kind, options, n):
    train, test = (real_posts(subset) for subset in ("train", "test"))
    assert agree(train[:n], test[: n // 4], kind=kind, **options).n_features > 80_000


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (BagOfWords, {"ngrams": (1, 2), "min_df": 2, "max_df": 0.5, "stop_words": "english"}),
        (Tfidf, {"ngrams": (1, 2), "split": "spaces", "max_df": 5}),
        (BagOfWords, {"unit": "characters", "ngrams": (2, 3), "strip_accents": True}),
        (Tfidf, {"unit": "characters_in_words", "ngrams": (3, 3), "lowercase": False}),
    ],
    ids=str,
)
def test_a_newsgroup_is_counted_as_by_scikit_learn(corpus, kind, options):
    train, test = (real_posts(subset, "sci.space") for subset in ("train", "test"))
    assert agree(train, test, kind=kind, **options).n_features > 1_000
