"""Cutting texts into words: Rust's regular expressions and case mapping against Python's."""

import re
import sys
import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from textforge_standard.vectorizers import plain_words, words
from textforge_standard.vectorizers.counting import Counts
from textforge_standard.vectorizers.packing import pack, unpack

# Rust's Unicode tables are newer than Python's: the letters that they know and Python does not are
# the only difference. Python calls such a code point unassigned (category Cn).
KNOWN = [
    chr(number)
    for number in range(sys.maxunicode + 1)
    if unicodedata.category(chr(number)) not in ("Cn", "Cs")  # Cs: lone surrogates, which have tests of their own
]


def cut(texts, split="words", lowercase=False):
    found, rows = words.cut(texts, words.Splitting(split, lowercase=lowercase))
    lists = [[] for _ in texts]
    for word, row in zip(found.to_list(), rows.tolist(), strict=True):
        lists[row].append(word)
    return lists


def test_every_character_that_python_knows_is_in_a_word_or_not_as_in_python():
    texts = [f"{character}{character}" for character in KNOWN]
    assert len(texts) > 250_000
    found = cut(texts)
    word = re.compile(r"(?u)\b\w\w+\b")
    wrong = [text for text, ours in zip(texts, found, strict=True) if ours != word.findall(text)]
    assert wrong == []


def test_every_character_that_python_knows_gets_pythons_lower_case():
    lowered = [ours[0] for ours in cut(KNOWN, "spaces", lowercase=True) if len(ours) == 1]
    assert len(lowered) == len(KNOWN) - 1  # all but the space itself
    wrong = [(c, ours) for c, ours in zip([c for c in KNOWN if c != " "], lowered, strict=True) if c.lower() != ours]
    assert wrong == []


def test_the_capital_sigma_becomes_a_final_one_beside_the_same_characters_as_in_python():
    # the one letter whose lower case depends on its neighbours
    for before, after in (("Α", "Σ"), ("ΑΣ", "Α")):
        texts = [f"{before}{character}{after}" for character in KNOWN if character != " "]
        lowered = [ours[0] for ours in cut(texts, "spaces", lowercase=True)]
        wrong = [text for text, ours in zip(texts, lowered, strict=True) if text.lower() != ours]
        assert wrong == []


def test_spaces_cut_as_str_split_does():
    texts = ["", " ", "  a  b ", "tab\tstays", "line\nstays", "x", "no\u00a0break", "🚀 🚀"]
    assert cut(texts, "spaces") == [text.split(" ") for text in texts]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a b c", []),
        ("don't", ["don"]),
        ("x_1 __ ab", ["x_1", "__", "ab"]),
        ("e\u0301te\u0301", ["te"]),  # combining marks are no letters in Python's \w
        ("中文 字", ["中文"]),
        ("ab\0cd", ["ab", "cd"]),
        ("½¾ ²³", ["½¾", "²³"]),
    ],
)
def test_words_are_runs_of_two_or_more_letters_digits_or_underscores(text, found):
    assert cut([text]) == [found]
    assert found == re.findall(r"(?u)\b\w\w+\b", text)


def test_texts_without_a_word_keep_the_others_in_their_rows():
    assert cut(["", "ab", "", "", "cd ef", "?"]) == [[], ["ab"], [], [], ["cd", "ef"], []]


def test_no_texts_give_no_words():
    found, rows = words.cut([], words.Splitting(lowercase=True))
    assert len(found) == len(rows) == 0
    assert found.dtype == pl.String


def test_lone_surrogates_cut_words_as_in_python():
    text = "ab\ud800cd \udfffef gh\ud83d\ude00ij"
    assert cut([text]) == [re.findall(r"(?u)\b\w\w+\b", text)] == [["ab", "cd", "ef", "gh", "ij"]]


def test_lone_surrogates_in_one_text_leave_the_others_as_they_are():
    assert cut(["é 🚀", "\ud800"], "spaces")[0] == ["é", "🚀"]


def test_the_vocabulary_is_sorted_as_python_sorts():
    # by code point; UTF-16 order would put the emoji before the private-use character
    texts = ["\U0001f680 \ue000 Z a é e\u0301 Ω 中 _ 0"]
    found, _ = words.cut(texts, words.Splitting("spaces"))
    assert words.learn(found) == sorted(texts[0].split(" "))


# -- without polars, in a forked process -----------------------------------------------------------

SPLITTINGS = st.builds(
    words.Splitting,
    split=st.sampled_from(["words", "spaces", "words_and_punctuation", "any_script"]),
    punctuation=st.booleans(),
    unicode=st.sampled_from([None, "NFC", "NFKC"]),
    lowercase=st.booleans(),
)
SIGNS = st.one_of(st.sampled_from(list("aB_1 \n\x1cé\u0301Σς中ก\u0e31!🚀\u200d\ud800")), st.sampled_from(KNOWN))


@settings(max_examples=100)
@given(st.lists(st.text(SIGNS, max_size=12), max_size=4), SPLITTINGS)
def test_words_are_cut_and_numbered_without_polars_as_with_it(texts, how):
    (one, rows), (other, same_rows) = words.cut(texts, how), plain_words.cut(texts, how)
    assert one.to_list() == other.tolist()
    assert rows.tolist() == same_rows.tolist()
    assert words.learn(one) == plain_words.learn(other)
    vocabulary = words.learn(one)[::2]
    numbers = [
        module.numbers(found, module.lookup(vocabulary)) for module, found in ((words, one), (plain_words, other))
    ]
    assert numbers[0].tolist() == numbers[1].tolist()
    keep = np.arange(len(rows)) % 3 > 0
    assert words.only(one, keep).to_list() == plain_words.only(other, keep).tolist()


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("split", ["words", "words_and_punctuation"])
def test_every_character_that_python_knows_is_cut_without_polars_as_with_it(split, lowercase):
    texts, how = [f"a{character}{character}" for character in KNOWN], words.Splitting(split, lowercase=lowercase)
    (one, rows), (other, same_rows) = words.cut(texts, how), plain_words.cut(texts, how)
    assert [pair for pair in zip(one.to_list(), other.tolist(), strict=True) if pair[0] != pair[1]] == []
    assert np.array_equal(rows, same_rows)


@pytest.mark.parametrize(
    "vocabulary",
    [
        [],
        [""],
        ["", "\n", "\r\n", "a", "a\0b", "🚀", "\u2028"],
        ["x" * 100_000],
        ["same", "same2", "é", "中文"],
    ],
)
def test_packed_words_come_back(vocabulary):
    packed = pack(vocabulary)
    assert all(isinstance(array, np.ndarray) for array in packed.values())
    assert unpack(packed) == vocabulary


def test_only_drops_words_and_numbers_the_rest_anew():
    counts = Counts(np.array([0, 2, 1, 2, 3], dtype=np.int32), np.array([0, 2, 2, 5]), np.array([5, 1, 2, 3, 4]))
    kept = counts.only(np.array([False, True, True, False]))
    assert kept.indices.tolist() == [1, 0, 1]
    assert kept.offsets.tolist() == [0, 1, 1, 3]
    assert kept.counts.tolist() == [1, 2, 3]
