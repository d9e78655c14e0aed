"""Vectorizers say where their features stand in a text, whatever their options do to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from textforge import PluginManager
from textforge_standard.vectorizers.alignment import aligned
from textforge_standard.vectorizers.folding import folded

PARTS = PluginManager()
TEXTS = [
    "The space shuttle, STRASSE straße İstanbul",
    "née re\u0301sume\u0301 ＡＢＣ ﬁne \ud83d x",
    " 你好世界 สวัสดี 👨\u200d👩\u200d👧 ok\n\n\tİİ ΣΑΣ",
    "नमस्ते दुनिया \u202eright", "the the shuttle of the space",
]  # fmt: skip

OPTIONS = st.fixed_dictionaries(
    {
        "cut": st.sampled_from([
            {"unit": "words"}, {"split": "spaces"}, {"split": "any_script"}, {"unit": "characters"},
            {"split": "any_script", "punctuation": True, "ends": True}, {"unit": "characters_in_words"},
        ]),
        "unicode": st.sampled_from([None, "NFC", "NFKC"]),
        "lowercase": st.booleans(),
        "strip_accents": st.booleans(),
        "ngrams": st.sampled_from([[1, 1], [1, 2], [2, 4]]),
    }
)  # fmt: skip


def vectorizer(name: str, options: dict[str, Any], texts: list[str] = TEXTS) -> Any:
    flat = {key: value for key, value in options.items() if key != "cut"}
    return PARTS.part("vectorizer", name, **flat, **options.get("cut", {})).build({"seed": 0}).fit(texts)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["bow", "tfidf", "hashing"]), OPTIONS, st.one_of(st.sampled_from(TEXTS), st.text(max_size=30)))
def test_every_feature_of_a_bag_has_a_place_within_the_text(name: str, options: dict[str, Any], text: str) -> None:
    fitted = vectorizer(name, options)
    row = fitted.transform([text])
    features, starts, ends, *_ = fitted.spans(text)
    assert {*features.tolist()} == {*row.indices.tolist()}
    assert ((starts >= 0) & (starts <= ends) & (ends <= len(text))).all()
    if name == "bow":
        counts = dict(zip(row.indices.tolist(), row.weights.tolist(), strict=True))
        assert counts == {n: (features == n).sum() for n in counts}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["words", "spaces", "words_and_punctuation", "any_script"]),
    st.sampled_from([None, "NFC", "NFKC"]), st.booleans(), st.sampled_from([None, 3]),
    st.one_of(st.sampled_from(TEXTS), st.text(max_size=30)),
)  # fmt: skip
def test_a_sequence_of_words_has_a_place_for_each_entry(
    split: str, unicode: str | None, lowercase: bool, most: int | None, text: str
) -> None:
    options = {"split": split, "unicode": unicode, "lowercase": lowercase, "max_length": most, "keep": "both"}
    fitted = vectorizer("tokens", options)
    features, starts, ends = fitted.spans(text)
    assert features.tolist() == fitted.transform([text]).indices.tolist()
    assert ((starts >= 0) & (starts <= ends) & (ends <= len(text))).all()


@pytest.mark.parametrize("name", ["bytes", "subword"])
@pytest.mark.parametrize("text", [*TEXTS, ""])
def test_bytes_and_subwords_have_a_place_for_each_entry(name: str, text: str) -> None:
    fitted = vectorizer(name, {"max_length": 6, "keep": "both"})
    features, starts, ends = fitted.spans(text)
    assert features.tolist() == fitted.transform([text]).indices.tolist()
    assert ((starts >= 0) & (starts < ends) & (ends <= len(text))).all()


def marked(fitted: Any, text: str) -> list[str]:
    _, starts, ends, *_ = fitted.spans(text)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def test_words_are_found_as_the_text_writes_them() -> None:
    fitted = vectorizer("bow", {"cut": {"split": "any_script"}, "strip_accents": True})
    assert marked(fitted, "Re\u0301sume\u0301 of the STRASSE, İstanbul!") == [
        "Re\u0301sume\u0301",
        "of",
        "the",
        "STRASSE",
        "İstanbul",
    ]
    emoji = vectorizer("tokens", {"split": "any_script"})
    assert marked(emoji, "ok 👨\u200d👩\u200d👧 你好") == ["ok", "👨\u200d👩\u200d👧", "你", "好"]


def test_marks_of_the_ends_of_a_text_are_empty_places_at_its_ends() -> None:
    fitted = vectorizer("bow", {"cut": {"split": "any_script", "ends": True}, "ngrams": [1, 2]}, ["a bat"])
    features, starts, ends = fitted.spans("a bat")
    found = {fitted.vocabulary[n]: place for n, *place in zip(features, starts.tolist(), ends.tolist(), strict=True)}
    assert found == {
        "␂": [0, 0], "a": [0, 1], "bat": [2, 5], "␃": [5, 5], "␂ a": [0, 1], "a bat": [0, 5], "bat ␃": [2, 5],
    }  # fmt: skip


def test_runs_of_characters_leave_out_the_space_around_a_word() -> None:
    fitted = vectorizer("bow", {"cut": {"unit": "characters_in_words"}, "ngrams": [2, 2]}, ["ab cd"])
    assert marked(fitted, "ab  cd") == ["a", "ab", "b", "c", "cd", "d"]


def preprocessed(*steps: Any) -> Any:
    options = {"steps": list(steps), "vectorizer": {"use": "bow", "split": "any_script"}}
    return PARTS.part("vectorizer", "preprocess", **options).build({"seed": 0})


def test_preprocessed_words_lead_back_to_the_original_text() -> None:
    text = '<a href="x y">Fish &amp; chips</a> at WWW.example.com for 12 PEOPLE'
    fitted = preprocessed("html", "placeholders", "lowercase").fit([text])
    assert marked(fitted, text) == ["Fish", "chips", "at", "WWW.example.com", "for", "12", "PEOPLE"]


def test_a_union_places_the_features_of_all_its_vectorizers() -> None:
    bags = {"of": [{"use": "bow"}, {"use": "hashing", "n_features": 64}]}
    fitted = PARTS.part("vectorizer", "union", **bags).build({"seed": 0}).fit(["a bat", "the moon"])
    features, starts, ends, weights = fitted.spans("the moon")
    assert {*features.tolist()} == {*fitted.transform(["the moon"]).indices.tolist()}
    assert [len(array) for array in (starts, ends, weights)] == [4, 4, 4]


class WithoutSpans:
    """Lengths of texts."""

    def fit(self, texts: list[str]) -> Any:
        return self

    def transform(self, texts: list[str]) -> Any:
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_wrappers_around_a_vectorizer_without_places_give_none() -> None:
    union = PARTS.part("vectorizer", "union", of=["bow", "bow"]).build({"seed": 0})
    union._members[1] = WithoutSpans()
    assert union.fit(["a bat", "the moon"]).spans("the moon") is None
    steps = preprocessed("lowercase")
    steps._vectorizer = WithoutSpans()
    assert steps.spans("the moon") is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["NFC", "NFKC"]))
def test_an_alignment_covers_the_changed_text_in_order(text: str, form: Any) -> None:
    for change in (str.lower, str.swapcase, lambda one: folded(one, form, True), lambda one: one[::-1] + "x"):
        changed, found = aligned(text, change)
        assert changed == change(text)
        assert len(found.starts) == len(found.ends) == len(changed)
        assert ((found.starts >= 0) & (found.starts <= found.ends) & (found.ends <= len(text))).all()
        everything = found.spans(np.array([0]), np.array([len(changed)]))
        assert 0 <= everything[0][0] <= everything[1][0] <= len(text)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="aB ßéΣİ\u0301ﬁ你\u00ad", max_size=20))
def test_a_letter_leads_back_to_its_own_word(text: str) -> None:
    changed, found = aligned(text, lambda one: folded(one, "NFKC", True))
    for start, end, character in zip(found.starts, found.ends, changed, strict=True):
        assert character in folded(text[start:end], "NFKC", True)
