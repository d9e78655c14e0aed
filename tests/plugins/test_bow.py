"""Vectorizer `bow` against scikit-learn's CountVectorizer, and where that has nothing to say."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import real_posts
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from textforge import DataError, Ragged
from textforge_standard.vectorizers.bow import BagOfWords

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]
TEXTS = [
    "The cat sat on the mat; the cat's hat.",
    "",
    "A dog AND a cat: dog, dog, dog!",
    "? ! a b c",
    "Ünïcode ΟΔΟΣ straße İstanbul 中文 🚀 x_1 42",
    "the mat the mat",
]

# Lone surrogates (Cs) are tested by hand below.
UNICODE = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
WORDY = st.text("aAbBÉéß Σσς_1 \n\t-.", max_size=40)
LISTS_OF_TEXTS = st.lists(UNICODE | WORDY, min_size=1, max_size=8)


def spaces(text):
    return text.lower().split(" ")


def spaces_as_they_are(text):
    return text.split(" ")


def matrix(features):
    """Ragged features as the CSR matrix that they are; canonical, or it would hide a double entry."""
    weights = features.weights if features.weights is not None else np.ones(len(features.indices), np.float32)
    found = sp.csr_matrix((weights, features.indices, features.offsets), shape=(len(features), features.n_features))
    assert found.has_canonical_format
    return found


def same(ours, theirs):
    assert ours.shape == theirs.shape
    assert (ours != theirs).nnz == 0


def agree(texts, more_texts=(), *, split="words", lowercase=True, **options):
    """bow and CountVectorizer learn from texts: the same vocabulary in the same order, the same counts."""
    bow = BagOfWords(split=split, lowercase=lowercase, **options)
    analyzer = "word" if split == "words" else spaces if lowercase else spaces_as_they_are
    # with a function as analyzer scikit-learn leaves the case to it
    reference = CountVectorizer(analyzer=analyzer, lowercase=lowercase, **options)
    try:
        theirs = reference.fit_transform(texts)
    except ValueError:  # its word for an empty vocabulary
        with pytest.raises(DataError, match="vocabulary is empty"):
            bow.fit_transform(texts)
        return None
    ours = bow.fit_transform(texts)
    assert bow.vocabulary == reference.get_feature_names_out().tolist()
    same(matrix(ours), theirs)
    if more_texts:
        same(matrix(bow.transform(more_texts)), reference.transform(more_texts))
    return bow


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("split", ["words", "spaces"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"binary": True},
        {"min_df": 2},
        {"max_df": 0.3},
        {"min_df": 2, "max_df": 0.5, "binary": True},
        {"max_df": 1 / 3},  # 2 of 6 texts exactly
    ],
    ids=str,
)
def test_counts_are_scikit_learns(split, lowercase, options):
    assert agree(TEXTS, ["the unseen cat", "", "DOG the"], split=split, lowercase=lowercase, **options) is not None


@pytest.mark.parametrize("split", ["words", "spaces"])
@settings(max_examples=80, deadline=None)
@given(texts=LISTS_OF_TEXTS, more=LISTS_OF_TEXTS, lowercase=st.booleans(), binary=st.booleans())
def test_counts_are_scikit_learns_on_any_text(split, texts, more, lowercase, binary):
    agree(texts, more, split=split, lowercase=lowercase, binary=binary)


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from("aa bb cc dd ee".split()), max_size=8).map(" ".join), min_size=1),
    min_df=st.integers(1, 4),
    max_df=st.floats(0.05, 1.0),
)
def test_pruning_is_scikit_learns(texts, min_df, max_df):
    agree(texts, texts[::-1], min_df=min_df, max_df=max_df)


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"split": "words"}, {"split": "spaces"}, {"min_df": 3, "max_df": 0.4, "binary": True}], ids=str
)
def test_counts_are_scikit_learns_on_the_real_corpus(corpus, options):
    train, test = (real_posts(subset, *GROUPS) for subset in ("train", "test"))
    assert agree(train, test, **options).n_features > 5_000


@pytest.mark.parametrize("binary", [False, True])
def test_max_features_keeps_what_is_counted_most_often(binary):
    # 'aa' stands most often, but in one text; where words are counted once a text it is 'bb' that leads
    texts = ["aa aa aa aa aa dd", "bb cc", "bb cc", "bb"]
    for n in (1, 2, 3, 4, 9):
        bow = BagOfWords(max_features=n, binary=binary).fit(texts)
        reference = CountVectorizer(max_features=n, binary=binary).fit(texts)
        assert bow.vocabulary == reference.get_feature_names_out().tolist()
    assert BagOfWords(max_features=1, binary=binary).fit(texts).vocabulary == (["bb"] if binary else ["aa"])


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from("aa bb cc dd ee ff".split()), min_size=1, max_size=8).map(" ".join), min_size=1
    ),
    n=st.integers(1, 6),
    min_df=st.integers(1, 2),
)
def test_max_features_keeps_words_as_frequent_as_scikit_learns(texts, n, min_df):
    # which of two equally frequent words goes is left to argsort there; here it is the later one in the alphabet
    try:
        theirs = CountVectorizer(max_features=n, min_df=min_df).fit_transform(texts)
    except ValueError:
        with pytest.raises(DataError):
            BagOfWords(max_features=n, min_df=min_df).fit(texts)
        return
    ours = BagOfWords(max_features=n, min_df=min_df)
    totals = np.asarray(matrix(ours.fit_transform(texts)).sum(axis=0)).ravel()
    assert sorted(totals) == sorted(np.asarray(theirs.sum(axis=0)).ravel())
    everything = BagOfWords(min_df=min_df)
    every_total = np.asarray(matrix(everything.fit_transform(texts)).sum(axis=0)).ravel()
    ranked = sorted(zip(-every_total, everything.vocabulary, strict=True))
    assert ours.vocabulary == sorted(word for _, word in ranked[:n])


@settings(max_examples=50, deadline=None)
@given(texts=LISTS_OF_TEXTS, split=st.sampled_from(["words", "spaces"]), min_df=st.integers(1, 2))
def test_fit_then_transform_equals_fit_transform(texts, split, min_df):
    options = {"split": split, "min_df": min_df}
    try:
        at_once = BagOfWords(**options).fit_transform(texts)
    except DataError:
        return
    after = BagOfWords(**options).fit(texts).transform(texts)
    same(matrix(at_once), matrix(after))
    assert at_once.weights.dtype == after.weights.dtype == np.float32


def test_texts_without_a_known_word_are_empty_rows():
    bow = BagOfWords().fit(["red green", "blue"])
    features = bow.transform(["", "yellow", "blue blue", "?", "red", ""])
    assert features.offsets.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert matrix(features).toarray().tolist() == [[0, 0, 0], [0, 0, 0], [2, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("binary", [False, True])
def test_no_texts_give_no_rows(binary):
    features = BagOfWords(binary=binary).fit(["red green"]).transform([])
    assert isinstance(features, Ragged)
    assert (len(features), features.n_features, len(features.indices)) == (0, 2, 0)


def test_binary_features_carry_no_weights():
    # a weight of 1 for each entry would double the memory for nothing
    features = BagOfWords(binary=True).fit_transform(["red red green"])
    assert features.weights is None
    assert features.indices.tolist() == [0, 1]


def test_odd_texts_are_counted():
    texts = ["ab\0cd ab", "ef\ud800gh", "line\nbreak\r\nbreak", "\ufeffbom bom"]
    bow = agree(texts, ["\0", "\ud800", "bom"])
    assert bow.vocabulary == ["ab", "bom", "break", "cd", "ef", "gh", "line"]


def test_a_very_long_text_and_a_very_long_word_are_counted():
    long_word = "x" * 1_000_000
    features = BagOfWords().fit_transform([f"{'ab cd ' * 500_000}{long_word}", "ab"])
    assert matrix(features).toarray().tolist() == [[500_000, 500_000, 1], [1, 0, 0]]


@pytest.mark.parametrize("kind", [tuple, lambda texts: np.array(texts, dtype=object), np.array])
def test_any_sequence_of_texts_will_do(kind):
    bow = BagOfWords()
    assert matrix(bow.fit_transform(kind(["red green", "red"]))).toarray().tolist() == [[1, 1], [0, 1]]
    assert matrix(bow.transform(kind(["green"]))).toarray().tolist() == [[1, 0]]


@pytest.mark.parametrize("texts", [[], [""], ["a b c", "?"], ["\ud800"]], ids=ascii)
def test_a_vocabulary_without_a_word_is_one_clear_error(texts):
    with pytest.raises(DataError) as caught:
        BagOfWords().fit(texts)
    told = str(caught.value)
    assert f"none of the {len(texts)} training texts has a word" in told
    assert "split: any_script" in told
    assert "\n" not in told


def test_pruning_every_word_is_one_clear_error():
    with pytest.raises(DataError) as caught:
        BagOfWords(min_df=3, max_df=0.5).fit(["red green", "red", "red"])
    told = str(caught.value)
    assert "of 2 words none is in at least 3 and at most 50% of 3 training texts" in told
    assert "min_df" in told


@pytest.mark.parametrize("split", ["words", "spaces"])
def test_the_state_makes_the_same_vectorizer(split):
    texts = ["line\nbreak  two  spaces", "🚀 🚀 é", "", "nul\0 \u2028 x\ud800y", "plain words"]
    bow = BagOfWords(split=split).fit(texts)
    state = bow.state()
    assert all(isinstance(value, np.ndarray) for value in state.values())
    again = BagOfWords(split=split).from_state({name: value.copy() for name, value in state.items()})
    assert again.vocabulary == bow.vocabulary
    assert again.n_features == bow.n_features
    if split == "spaces":
        assert {"", "line\nbreak", "🚀", "nul\0"} <= set(bow.vocabulary)
    same(matrix(again.transform([*texts, "plain 🚀"])), matrix(bow.transform([*texts, "plain 🚀"])))


def test_one_vectorizer_does_not_change_another():
    first, second = BagOfWords().fit(["red green"]), BagOfWords().fit(["blue"])
    assert matrix(first.transform(["red blue"])).toarray().tolist() == [[0, 1]]
    assert matrix(second.transform(["red blue"])).toarray().tolist() == [[1]]


def test_memory_follows_the_words_not_documents_times_vocabulary():
    # Dense counts of 8,000 texts and 20,000 words take 640 MB as float32 and 160 MB as bytes; the
    # words of all the texts together are 80,000.
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 20_000, size=(8_000, 10))
    numbers[:2_000] = np.arange(20_000).reshape(2_000, 10)
    texts = [" ".join(f"word{n}" for n in row) for row in numbers]
    BagOfWords().fit(["warm up"])
    tracemalloc.start()
    try:
        features = BagOfWords().fit_transform(texts)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert features.n_features == 20_000
    assert len(features.indices) <= 80_000
    assert features.indices.nbytes + features.offsets.nbytes + features.weights.nbytes < 1_000_000
    assert peak < 20_000_000  # numpy tells tracemalloc of its arrays
