"""Vectorizer `tokens` against plain Python: ids in the order of the text, what is cut off, what is told."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import textforge
from textforge import DataError, Ragged
from textforge_standard.vectorizers.tokens import Tokens

TEXTS = ["the cat sat on the mat", "", "A dog AND a cat: dog, dog!", "? !", "the mat 🚀 é x_1"]
CUT = {
    "words": re.compile(r"(?u)\b\w\w+\b").findall,
    "spaces": lambda text: text.split(" "),
    "words_and_punctuation": re.compile(r"\w+|[^\w\s]").findall,
}
# no character that Python and Rust see differently: see test_words.py
SOME_TEXT = st.text("aAbBÉß Σ_1 \n.,!'", max_size=30)


def rows(features):
    return [row.tolist() for row in np.split(features.indices, features.offsets[1:-1])] if len(features) else []


def by_hand(texts, more, split, lowercase, min_df, max_features, max_length, keep):
    """The vocabulary learned from texts, and the ids of more texts."""

    def read(text):
        words = CUT[split](text.lower() if lowercase else text)
        if max_length is None or len(words) <= max_length:
            return words
        head = {"head": max_length, "tail": 0, "both": max_length - max_length // 2}[keep]
        return words[:head] + words[len(words) - (max_length - head) :]

    in_texts = Counter(word for text in texts for word in set(read(text)))
    in_all = Counter(word for text in texts for word in read(text))
    words = sorted((word for word in in_texts if in_texts[word] >= min_df), key=lambda word: (-in_all[word], word))
    vocabulary = sorted(words[:max_features])
    number = {word: id_ for id_, word in enumerate(vocabulary, start=2)}
    return vocabulary, [[number.get(word, 1) for word in read(text)] for text in more]


@settings(max_examples=200)
@given(
    texts=st.lists(SOME_TEXT, min_size=1, max_size=6),
    more=st.lists(SOME_TEXT, max_size=6),
    split=st.sampled_from(sorted(CUT)),
    lowercase=st.booleans(),
    min_df=st.integers(1, 2),
    max_features=st.none() | st.integers(1, 5),
    max_length=st.none() | st.integers(1, 7),
    keep=st.sampled_from(["head", "tail", "both"]),
)
def test_ids_are_those_counted_by_hand(texts, more, **options):
    vocabulary, expected = by_hand(texts, texts + more, **options)
    tokens = Tokens(**options)
    if not vocabulary:
        with pytest.raises(DataError, match="vocabulary is empty"):
            tokens.fit(texts)
        return
    at_once = tokens.fit_transform(texts)
    assert tokens.vocabulary == vocabulary
    assert tokens.vocab_size == len(vocabulary) + 2
    assert rows(at_once) == expected[: len(texts)]
    assert rows(tokens.transform(texts + more)) == expected


def test_sequences_are_ragged_without_weights_and_padding_never_occurs():
    features = Tokens().fit_transform(TEXTS)
    assert isinstance(features, Ragged)
    assert features.weights is None
    assert features.n_features == Tokens().fit(TEXTS).vocab_size
    assert features.indices.min() >= 1
    assert (np.diff(features.offsets) == [6, 0, 5, 0, 3]).all()


def test_no_texts_give_no_rows():
    features = Tokens().fit(TEXTS).transform([])
    assert len(features) == len(features.indices) == 0


def test_marks_stay_with_their_letters_and_signs_are_words():
    tokens = Tokens(split="words_and_punctuation").fit(["don't! e\u0301te\u0301 हिन्दी\u00a0🚀🚀 a_1"])
    assert set(tokens.vocabulary) == {"don", "'", "t", "!", "e\u0301te\u0301", "हिन्दी", "🚀", "a_1"}


def test_a_text_in_which_nothing_is_left_out_gives_no_warning():
    assert Tokens(max_length=6).fit(TEXTS).warnings == []
    assert Tokens(max_length=None).fit(TEXTS).warnings == []


def test_texts_that_were_cut_are_reported_once_a_fit():
    tokens = Tokens(max_length=4)
    for _ in range(2):
        tokens.fit(TEXTS)
        tokens.transform(["one two three four five"])
        assert tokens.warnings == [
            "max_length 4 cut 2 of 5 training texts; 21% of all words are not read. The longest text has 6 words."
        ]


def test_words_that_are_cut_off_are_not_in_the_vocabulary():
    assert Tokens(max_length=2).fit(["aa bb cc dd"]).vocabulary == ["aa", "bb"]
    assert Tokens(max_length=2, keep="tail").fit(["aa bb cc dd"]).vocabulary == ["cc", "dd"]
    assert Tokens(max_length=3, keep="both").fit(["aa bb cc dd"]).vocabulary == ["aa", "bb", "dd"]


@pytest.mark.parametrize("split", sorted(CUT))
def test_the_state_makes_the_same_vectorizer(split):
    texts = ["line\nbreak  two  spaces", "🚀 🚀 é", "", "nul\0 \u2028", "plain words plain"]
    tokens = Tokens(split=split, max_length=3, keep="both").fit(texts)
    state = {name: value.copy() for name, value in tokens.state().items()}
    again = Tokens(split=split, max_length=3, keep="both").from_state(state)
    assert again.vocabulary == tokens.vocabulary
    assert rows(again.transform([*texts, "new"])) == rows(tokens.transform([*texts, "new"]))


def vectors_file(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("cat 1 2 3\nunheard 9 9 9\nmat -1 0.5 1e-2\n")
    return file


def test_pretrained_vectors_stand_at_their_words_ids(tmp_path):
    tokens = Tokens(vectors=vectors_file(tmp_path)).fit(TEXTS)
    assert tokens.vectors.dtype == np.float32
    assert tokens.vectors.shape == (tokens.vocab_size, 3)
    ids = {word: tokens.transform([word]).indices[0] for word in ("cat", "mat")}
    assert tokens.vectors[ids["cat"]].tolist() == [1, 2, 3]
    assert tokens.vectors[ids["mat"]].tolist() == [-1, 0.5, np.float32(0.01)]
    others = np.delete(tokens.vectors, list(ids.values()), axis=0)
    assert np.isnan(others).all()
    assert tokens.warnings == ["vectors.txt: vectors of 3 numbers for 2 of 8 words."]


def test_vectors_are_not_in_the_state_and_none_again_after_it(tmp_path):
    tokens = Tokens(vectors=vectors_file(tmp_path)).fit(TEXTS)
    assert tokens.state().keys() == Tokens().fit(TEXTS).state().keys()
    assert Tokens(vectors=vectors_file(tmp_path)).from_state(tokens.state()).vectors is None
    assert Tokens().fit(TEXTS).vectors is None


@pytest.mark.parametrize("model", ["fasttext", "textcnn", "rnn", "transformer"])
def test_a_bundle_gives_the_same_answers_without_the_vectors(tmp_path, model):
    parts = textforge.PluginManager()
    dataset = textforge.Dataset(train=(["a cat", "the mat", "cat", "mat mat"] * 4, ["x", "y", "x", "y"] * 4))
    options = {"heads": 1, "positions": "learned"} if model == "transformer" else {}
    trainer = textforge.Trainer(
        dataset,
        parts.part("vectorizer", "tokens", vectors=str(vectors_file(tmp_path))),
        parts.part("model", model, dim=3, **options),
        parts.part("optimizer", "adam", lr=0.01),
        epochs=2,
    )
    clf = trainer.fit()
    textforge.save(clf, tmp_path / "bundle")
    again = textforge.load(tmp_path / "bundle")
    texts = ["", "cat", "the unheard mat " * 10]
    assert np.array_equal(clf.predict_proba(texts), again.predict_proba(texts))
