"""Splitting texts of any script, against a plain reference, and the equality of texts that mean the same."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import textforge
from textforge import Dataset, PluginManager, Trainer
from textforge_standard.vectorizers.any_script import END, START
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.folding import folded
from textforge_standard.vectorizers.hashing import Hashing
from textforge_standard.vectorizers.tokens import Tokens
from textforge_standard.vectorizers.units import Cutter

PIECES = [
    *("a", "B", "é", "e\u0301", "ß", "_", "7", "Ω", "ж", "\u0301", "ा", "कि", "पढ़ी", "ง่", "า", "இ", "שָׁ", "بَ", "한"),
    *("这", "电影", "か\u3099", "カ", "々", "ဗ", "ខ", " ", "\n", "\u00a0", "\u200b", ".", "!", "'", "-", "€", "+"),
    *(
        "😀",
        "👍🏽",
        "👍",
        "🏽",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "❤",
        "\u200d",
        "\u200c",
        "🇩",
        "🇩🇪",
        "🇫🇷",
        "1\ufe0f\u20e3",
    ),
    *("\u00ad", "\u0640", "\ufeff", "→", "\ue000", "\U0001faff", "\x00", "\x02", "™"),
]
TEXT = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


def units_of(text, **options):
    """The units of one text, and those that form a pair with the next one."""
    (units,) = Cutter("any_script", unicode="NFC", **options).chunks([text])
    slices = [units.data[start:end].decode() for start, end in zip(units.starts, units.ends, strict=True)]
    assert units.texts.tolist() == [0, len(slices)]
    return slices, units.pairs.tolist()


def words_of(text, **options):
    return units_of(text, **options)[0]


SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3021-\u30ff\u3005-\u3007\u4e00-\u9fff]")


def by_hand(text, punctuation):
    """The units of a folded text, character by character; covers the scripts of `PIECES`."""
    units, kind, half_flag = [], "space", False
    for place, character in enumerate(text):
        category = unicodedata.category(character)
        joined = kind == "symbol" and units[-1].endswith("\u200d") and len(units[-1]) > 1
        following = text[place + 1 : place + 2]
        is_symbol = category == "So" or character >= "\U0001f000" or (category == "Sm" and "←" <= character <= "⯿")
        flag = "🇦" <= character <= "🇿"
        if category[0] == "M" or "🏻" <= character <= "🏿":
            extends, new = True, kind if kind != "space" else "letter"
        elif character == "\u200d":
            next_symbol = following and (unicodedata.category(following) == "So" or following >= "\U0001f000")
            extends, new = kind == "symbol" and bool(next_symbol), "symbol" if kind == "symbol" else "space"
            if not extends:
                new = "space"
        elif flag:
            extends, new = half_flag, "symbol"
        elif is_symbol:
            extends, new = joined, "symbol"
        elif category == "Pc" or category[0] in "LN":
            new = "alone" if category[0] == "L" and SPACELESS.match(character) else "letter"
            extends = new == kind == "letter"
        else:
            extends, new = False, "sign" if category[0] in "PS" or category == "Co" else "space"
        if category[0] != "M" and not "🏻" <= character <= "🏿":
            half_flag = flag and not half_flag
        if new != "space":
            if extends and kind != "space":
                units[-1] += character
            else:
                units.append(character)
        kind = new
    return units if punctuation else [unit for unit in units if unicodedata.category(unit[0])[0] not in "PS"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("किताब पढ़ी", ["किताब", "पढ़ी"]),
        ("ภาษาง่าย", ["ภ", "า", "ษ", "า", "ง่", "า", "ย"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("قَلَم كـــتاب", ["قَلَم", "كتاب"]),
        ("한국어 영화", ["한국어", "영화"]),
        ("这个电影3天", ["这", "个", "电", "影", "3", "天"]),
        ("カタカナ、ひらがな。", list("カタカナひらがな")),
        ("😀😀👍🏽", ["😀", "😀", "👍🏽"]),
        ("👨\u200d👩\u200d👧❤️❤🇩🇪🇫🇷🏳️\u200d🌈", ["👨\u200d👩\u200d👧", "❤", "❤", "🇩🇪", "🇫🇷", "🏳\u200d🌈"]),
        ("I a", ["i", "a"]),
        ("İyi iyi IYI", ["iyi", "iyi", "iyi"]),
        ("straße STRASSE", ["strasse", "strasse"]),
        ("so\u00adft w\u2060ord", ["soft", "word"]),
        ("می\u200cخواهم a\u200db", ["میخواهم", "ab"]),
        ("a\u00a0b\u3000c\u200bd", ["a", "b", "c", "d"]),
        ("don't stop_it 3.5", ["don", "t", "stop_it", "3", "5"]),
        ("\u0301abc", ["\u0301abc"]),
        ("", []),
    ],
)
def test_texts_of_every_script_are_split_into_words(text, words):
    assert words_of(text, lowercase=True) == [unicodedata.normalize("NFC", word) for word in words]


def test_punctuation_and_the_ends_of_a_text_are_words_if_asked_for():
    assert words_of("Oh, no!!", punctuation=True) == ["Oh", ",", "no", "!", "!"]
    assert words_of("no", ends=True) == [START, "no", END]
    assert words_of("", ends=True) == [START, END]


@settings(max_examples=300)
@given(text=TEXT.filter(lambda text: not re.search("[\U000e0000-\U000fffff]", text)), punctuation=st.booleans())
def test_units_are_those_of_a_reference_that_reads_character_by_character(text, punctuation):
    known = [c for c in text if c in "".join(PIECES) or ord(c) < 0x250]
    text = folded("".join(known), "NFC", False)
    ours = words_of(text, punctuation=True)
    assert ours == by_hand(text, punctuation=True)


@given(texts=st.lists(TEXT, max_size=4))
def test_texts_are_split_alike_alone_and_together(texts):
    together = [
        [units.data[a:b] for a, b in zip(units.starts[i:j], units.ends[i:j], strict=True)]
        for units in Cutter("any_script", unicode="NFC").chunks(texts)
        for i, j in zip(units.texts, units.texts[1:], strict=False)
    ]
    assert together == [[word.encode() for word in words_of(text)] for text in texts]


def test_neighbours_without_a_space_form_pairs_in_bags_of_single_words():
    texts = ["这个 电影 ok", "电影，这个"]
    bag = BagOfWords(split="any_script")
    rows = bag.fit_transform(texts)
    assert sorted(bag.vocabulary) == sorted(["ok", "个", "影", "电", "这", "这 个", "电 影"])
    assert np.array_equal(bag.transform(texts).indices, rows.indices)
    restored = BagOfWords(split="any_script").from_state(bag.state())
    assert np.array_equal(restored.transform(texts).indices, rows.indices)
    assert len(Hashing(split="any_script", norm=None).transform(["这个"]).indices) == 3
    pairs = BagOfWords(split="any_script", ngrams=(1, 2)).fit(["这个"])
    assert pairs.vocabulary == ["个", "这", "这 个"]


EQUAL = [
    ("señor García compró", unicodedata.normalize("NFD", "señor García compró")),
    ("Ångström ﬁ", "A\u030angstro\u0308m ﬁ"),
    ("한국어", unicodedata.normalize("NFD", "한국어")),
    ("ἄνθρωπος", unicodedata.normalize("NFD", "ἌΝΘΡΩΠΟΣ")),
]
VECTORIZERS = [
    ("bow", {"split": "any_script"}),
    ("tfidf", {"split": "any_script", "ngrams": [1, 2], "punctuation": True, "ends": True}),
    ("hashing", {"split": "any_script"}),
    ("tokens", {"split": "any_script"}),
    ("tfidf", {"unit": "characters_in_words", "ngrams": [2, 4], "unicode": "NFC"}),
    ("tokens", {"unicode": "NFC", "split": "words_and_punctuation"}),
]


def features(name, options, fitted, asked):
    vectorizer = PluginManager().part("vectorizer", name, **options).build({"seed": 0})
    vectorizer.fit(fitted)
    found = vectorizer.transform(asked)
    weights = None if found.weights is None else found.weights.tobytes()
    return found.indices.tobytes(), found.offsets.tobytes(), weights


@pytest.mark.parametrize(("name", "options"), VECTORIZERS)
def test_equivalent_characters_give_the_same_features_bit_for_bit(name, options):
    composed, decomposed = map(list, zip(*EQUAL, strict=True))
    assert features(name, options, composed, composed) == features(name, options, composed, decomposed)
    assert features(name, options, composed, composed) == features(name, options, decomposed, composed)


@given(text=TEXT, lowercase=st.booleans(), form=st.sampled_from(["NFC", "NFKC"]))
def test_folding_heeds_canonical_equivalence_and_changes_nothing_twice(text, lowercase, form):
    once = folded(text, form, lowercase)
    for other in ("NFC", "NFD"):
        assert folded(unicodedata.normalize(other, text), form, lowercase) == once
    assert folded(once, form, lowercase) == once


@pytest.mark.parametrize(("name", "options"), VECTORIZERS)
def test_full_width_and_half_width_forms_are_equal_with_nfkc(name, options):
    plain, wide = ["abc 123 カタカナ", "ok"], ["ＡＢＣ　１２３ ｶﾀｶﾅ", "ｏｋ"]
    options = {**options, "unicode": "NFKC"}
    assert features(name, options, plain, plain) == features(name, options, plain, wide)
    options["unicode"] = "NFC"
    assert features(name, options, plain, plain) != features(name, options, plain, wide)


SCRIPTS = {
    "Devanagari": ("किताब पढ़ी", "कुताब पढ़ा"),
    "Thai": ("ปีนี้", "ปืนนี้"),
    "Tamil": ("கிளி", "குளி"),
    "Hebrew points": ("סֵפֶר", "סַפָּר"),
    "Arabic marks": ("كَتَبَ", "كُتِبَ"),
    "Chinese": ("这个电影很好看", "这个电影不好看"),
    "Japanese": ("おもしろい映画", "つまらない映画"),
    "Korean": ("재미있다", "재미없다"),
    "emoji": ("😀😀👍🏽", "😡👎🏿"),
    "skin tones": ("👍🏽", "👍🏿"),
    "joined emoji": ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👦"),
    "single letters": ("I a", "c d"),
    "Khmer": ("កា", "កី"),
    "Burmese": ("ကာ", "ကီ"),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("vectorizer", ["bow", "tokens"])
def test_two_classes_that_differ_in_marks_or_symbols_are_told_apart(script, vectorizer):
    texts, labels = list(SCRIPTS[script]) * 40, ["a", "b"] * 40
    plugins = PluginManager()
    trainer = Trainer(
        Dataset(train=(texts, labels), test=(texts[:2], labels[:2])),
        plugins.part("vectorizer", vectorizer, split="any_script"),
        plugins.part("model", "linear" if vectorizer == "bow" else "fasttext"),
        plugins.part("optimizer", "adam", lr=0.05),
        epochs=8,
    )
    for _ in trainer:
        pass
    assert trainer.classifier().predict(texts[:2]) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("bow", {"punctuation": True}, "punctuation is for split any_script"),
        ("bow", {"split": "spaces", "ends": True}, "ends is for split any_script"),
        ("tfidf", {"split": "any_script", "unit": "characters"}, "unit is characters"),
        ("tokens", {"punctuation": True}, "punctuation is for split any_script"),
    ],
)
def test_options_that_need_another_split_are_refused(name, options, words):
    with pytest.raises(textforge.RecipeError, match=words):
        PluginManager().part("vectorizer", name, **options)


def test_sequences_hold_single_characters_and_symbols_in_order():
    tokens = Tokens(split="any_script", punctuation=True).fit(["看电影! 👍🏽 ok"])
    assert tokens.vocabulary == sorted(["看", "电", "影", "!", "👍🏽", "ok"])
    assert len(tokens.transform(["看电影! 👍🏽 ok", ""]).indices) == 6
