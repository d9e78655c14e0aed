"""What people are shown: nothing hides in it or steers a terminal, and ordinary text stays as it is."""

from __future__ import annotations

import ast
import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from textforge.errors import alternatives, did_you_mean, listed
from textforge.errors.escapes import shown, shown_json, shown_line, shown_lines

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
ORDINARY = [
    "größe", "naïve café", "नमस्ते", "क्\u200dष", "می\u200cخواهم",
    "สวัสดี", "漢字　かな", "한국어", "שָׁלוֹם", "العربية ۝", "🏳️\u200d🌈",
    "👩🏽\u200d🚀", "❤️\u200d🔥", "👍🏿", "1\u00a0000 €", "e\u0301", "🇩🇪", "1️⃣", "✈︎",
]  # fmt: skip
STEERING = [
    "\x1b[2J", "\x07", "\x9b31m", "\u202e", "\u2066", "\u200e", "\u200b", "\u2028", "\x85", "\ufeff", "\x00", "\x7f",
    "\u061c", "\ud83d", "\U000e0041", "\u00ad", "\u2060", "\ue000", "\u0378", "\r", "\x08", "\ufff9",
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("show", [shown, shown_line, shown_lines, shown_json])
def test_ordinary_text_of_all_scripts_stays_as_it_is(text: str, show: object) -> None:
    assert show(text) == text


@pytest.mark.parametrize("sign", STEERING)
@pytest.mark.parametrize("show", [shown, shown_line, shown_lines])
def test_a_sign_that_steers_or_hides_is_escaped_wherever_it_stands(sign: str, show: object) -> None:
    for text in (sign, f"a{sign}b", f"न{sign}म", f"👩{sign}👩"):
        assert sign not in show(text)
        assert sign.encode("unicode-escape", "surrogatepass").decode() in show(text)


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
@pytest.mark.parametrize("text", ["a{}b", "{}नम", "न{}", "é{}é", "а{}а", "漢{}字", "नa{}न"])
def test_a_joiner_outside_of_words_that_need_it_is_escaped(text: str, joiner: str) -> None:
    assert joiner not in shown(text.format(joiner))


@given(st.text(st.characters() | st.sampled_from("".join(STEERING) + "\\\n\t\u200d")))
def test_nothing_hidden_is_left_and_values_stay_different(text: str) -> None:
    for show, kept in ((shown, ""), (shown_line, ""), (shown_lines, "\n\t")):
        for char in show(text):
            hidden = unicodedata.category(char) in HIDDEN
            assert not hidden or char in kept or char in "\u200c\u200d" or char in "\u0600\u06dd\u070f\u08e2" or (
                unicodedata.name(char, "").startswith(("ARABIC", "KAITHI", "SYRIAC"))
            )  # fmt: skip
    literal = shown(text).replace("'", "\\'")
    assert ast.literal_eval(f"'{literal}'") == text, "the value can be read back, so no two look the same"


@given(st.text(st.characters() | st.sampled_from("".join(STEERING) + "\\\n\t")))
def test_what_is_escaped_already_stays_as_it_is(text: str) -> None:
    assert shown_line(shown(text)) == shown(text)
    assert shown_lines(shown_lines(text)) == shown_lines(text)
    assert "\n" not in shown_line(text)


@given(st.recursive(st.text(st.characters() | st.sampled_from("".join(STEERING) + "\u200d\U0001f469न")), st.lists))
def test_json_has_the_same_values_and_steers_nothing(value: object) -> None:
    text = shown_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert not any(sign in text for sign in STEERING)


def test_a_line_end_and_a_written_backslash_differ_in_values() -> None:
    assert shown("a\nb") == r"a\nb"
    assert shown(r"a\nb") == r"a\\nb"
    assert shown_line(r"C:\new") == r"C:\new"
    assert shown_lines("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"


def test_names_in_sentences_cannot_make_lines_of_their_own() -> None:
    name = "x\nerror: all is well\x1b[0m"
    for sentence in (listed([name]), alternatives([name, "y"]), did_you_mean("x", [f"x{name}", name])):
        assert "\n" not in sentence
        assert "\x1b" not in sentence
