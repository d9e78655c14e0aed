"""Texts cut into units against Python's own str and re."""

import pickle
import re
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import strip_accents_unicode

from textforge_standard.vectorizers import unit_numbers
from textforge_standard.vectorizers.interning import UNKNOWN
from textforge_standard.vectorizers.unit_numbers import UnitNumbers
from textforge_standard.vectorizers.units import Cutter, Units

CHARACTERS = [chr(number) for number in range(sys.maxunicode + 1) if not 0xD800 <= number < 0xE000]
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.text("ab é中😀_ \n\t\x1c\xa0.", max_size=30)
BYTES = st.binary(max_size=80) | st.text("ab", max_size=80).map(str.encode) | st.sampled_from([b"x" * 63, b"x" * 64])


def units_of(texts, cut, **options):
    """The units of each text."""
    found = []
    for units in Cutter(cut, **options).chunks(texts):
        slices = [units.data[start:end].decode() for start, end in zip(units.starts, units.ends, strict=True)]
        found += [slices[start:end] for start, end in zip(units.texts, units.texts[1:], strict=False)]
    return found


def test_every_character_is_in_a_word_or_not_as_in_python():
    text = "\n".join(f"{character}{character}" for character in CHARACTERS)
    (found,) = units_of([text], "words")
    assert len(found) > 100_000
    assert found == re.findall(r"(?u)\b\w\w+\b", text)


def test_every_character_is_white_space_or_not_as_in_python():
    text = "a".join(CHARACTERS)
    (units,) = Cutter("characters_in_words").chunks([text])
    assert units.data[: units.ends[-1]].decode() == "".join(f" {word} " for word in text.split())


@settings(max_examples=200)
@given(texts=st.lists(ANY, max_size=6), lowercase=st.booleans())
def test_units_are_pythons(texts, lowercase):
    lowered = [text.lower() if lowercase else text for text in texts]
    assert units_of(texts, "words", lowercase=lowercase) == [re.findall(r"(?u)\b\w\w+\b", text) for text in lowered]
    assert units_of(texts, "spaces", lowercase=lowercase) == [text.split(" ") for text in lowered]
    assert units_of(texts, "characters", lowercase=lowercase) == [list(re.sub(r"\s\s+", " ", t)) for t in lowered]
    in_words = [list("".join(f" {word} " for word in text.split())) for text in lowered]
    assert units_of(texts, "characters_in_words", lowercase=lowercase) == in_words


@given(text=ANY)
def test_accents_are_stripped_as_by_scikit_learn(text):
    assert units_of([text], "spaces", strip_accents=True) == [strip_accents_unicode(text).split(" ")]


def test_every_accented_letter_loses_its_accent():
    letters = [c for c in CHARACTERS if unicodedata.decomposition(c)]
    assert units_of(letters, "spaces", strip_accents=True) == [strip_accents_unicode(c).split(" ") for c in letters]


@settings(max_examples=200)
@given(batches=st.lists(st.lists(BYTES, max_size=12), max_size=4), others=st.lists(BYTES, max_size=12))
def test_units_are_numbered_by_their_bytes(batches, others):
    numbers: dict[bytes, int] = {}
    found = UnitNumbers()
    for batch in batches:
        for unit, number in zip(batch, found.add(as_units(batch)).tolist(), strict=True):
            assert numbers.setdefault(unit, number) == number
    assert len(set(numbers.values())) == len(numbers)
    pieces = set(range(len(found))) - set(numbers.values())  # numbers that are only a part of a unit's
    for unit, number in zip(others, found.find(as_units(others)).tolist(), strict=True):
        assert number == numbers.get(unit, UNKNOWN) or (unit not in numbers and number in pieces)
    every = np.array(list(numbers.values()), dtype=np.int64)
    assert found.texts(every) == list(numbers)
    assert found.texts(found.sorted(every)) == sorted(numbers)


@settings(max_examples=200)
@given(known=st.lists(BYTES, max_size=12), more=st.lists(BYTES, max_size=12), others=st.lists(BYTES, min_size=1))
def test_few_units_at_a_time_have_the_numbers_of_many(known, more, others):
    found = UnitNumbers()
    for added in (known, more):  # what is added later is found too
        found.add(as_units(added))
        asked = as_units([*others, *known, *more, *(b"longer than a piece " + unit for unit in others)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(unit_numbers, "FEW", 0)
            expected = found.find(asked).tolist()
        for _ in range(len(found) + 2):  # until they are looked up in a dict
            assert found.find(asked).tolist() == expected
        unpickled = pickle.loads(pickle.dumps(found))
        assert (len(found._by_text), len(unpickled._by_text)) == (len(found), 0)  # the dict takes no room there
        assert unpickled.find(asked).tolist() == expected


def as_units(slices):
    ends = np.cumsum([len(one) for one in slices], dtype=np.int64)
    starts = np.concatenate(([0], ends))[:-1]
    offsets = np.arange(len(slices) + 1)
    return Units(b"".join(slices) + bytes(8), starts, ends, offsets, offsets)


def test_stop_words_do_not_take_words_that_they_begin_or_end_with():
    # 'counterrevolutionary' is kept in pieces of seven bytes: 'counter', 'revolut', 'ionary'
    texts = ["counter revolut ionary counterrevolut counterrevolutionary"]
    assert units_of(texts, "words", stop_words=["counterrevolutionary"]) == [texts[0].split(" ")[:-1]]


@pytest.mark.parametrize("cut", ["words", "spaces", "characters", "characters_in_words"])
def test_no_texts_have_no_units(cut):
    assert units_of([], cut) == []
    assert units_of(["", ""], cut) == ([[""], [""]] if cut == "spaces" else [[], []])


@settings(max_examples=100)
@given(texts=st.lists(ANY, min_size=1, max_size=5))
def test_units_one_space_apart_are_the_same(texts):
    for units in Cutter("words").chunks(texts):
        apart = units.one_space_apart()
        slices = [units.data[start:end] for start, end in zip(units.starts, units.ends, strict=True)]
        assert [apart.data[start:end] for start, end in zip(apart.starts, apart.ends, strict=True)] == slices
        assert apart.data.startswith(b" ".join(slices))
