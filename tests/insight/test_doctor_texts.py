"""The doctor finds texts that are empty, cut, foreign, damaged, or full of HTML and quotes."""

from __future__ import annotations

import html

import pytest
from examined_texts import by_kind, distinct, found
from hypothesis import given, strategies as st

from textforge.insight.doctor.html_remnants import has_html, without_html

GERMAN = "Der Bahnhof liegt am Ende der langen Straße, und am Abend fahren von dort viele Züge in die großen Städte."
PARTS = ["<p>", "</b>", "<br/>", "&amp;", "&lt;", "#39;", "quot;", "a < b", "<grin>", "fish & chips", ";", " word "]


def rows_of(what: str, texts: list[str], labels: list[str]) -> list[int]:
    (finding,) = found(what, (texts, labels))
    return [place.row for place in finding.rows]


def of_many_lengths(n: int) -> tuple[list[str], list[str]]:
    texts, labels = distinct(n)
    return [f"{text}{' and so on' * (row % 9)}" for row, text in enumerate(texts)], labels


def test_empty_texts_are_found_and_an_emoji_is_not_empty() -> None:
    texts, labels = of_many_lengths(30)
    texts[3], texts[8], texts[12], texts[13] = "", " .. - ", "😀", "7"
    assert rows_of("empty, long and cut texts", texts, labels) == [3, 8]


def test_very_long_texts_are_found_longest_first() -> None:
    texts, labels = of_many_lengths(60)
    texts[3], texts[9] = "word " * 1_000, "word " * 2_000
    assert rows_of("empty, long and cut texts", texts, labels) == [9, 3]


def test_many_texts_of_exactly_the_greatest_length_were_cut() -> None:
    texts, labels = of_many_lengths(60)
    cut = {row for row, text in enumerate(texts) if len(text) >= 120}
    (finding,) = found("empty, long and cut texts", ([text[:120] for text in texts], labels))
    assert finding.kind == "cut-texts"
    assert "120 characters" in finding.what
    assert {place.row for place in finding.rows} == cut
    assert found("empty, long and cut texts", (texts, labels)) == []


def test_texts_that_end_in_an_ellipsis_may_be_cut() -> None:
    texts, labels = of_many_lengths(60)
    texts = [f"{text[: 30 + row]} …" if row % 5 == 0 else text for row, text in enumerate(texts)]
    assert rows_of("empty, long and cut texts", texts, labels) == [*range(0, 60, 5)]


def test_texts_in_another_script_are_found() -> None:
    texts, labels = distinct(40)
    texts[4], texts[9] = "Полёт на Луну был долгим", "早上好,今天天气很好"
    assert rows_of("mixed scripts", texts, labels) == [4, 9]
    assert found("mixed scripts", distinct(40)) == []


def test_japanese_is_one_script() -> None:
    texts = ["漢字漢字漢字漢字", "ひらがなのぶん", "カタカナノブン", "漢字漢字漢字"] * 5
    assert found("mixed scripts", (texts, ["a", "b"] * 10)) == []


def test_texts_in_another_language_are_found() -> None:
    pytest.importorskip("py3langid")
    sentence = "This is a plain sentence about the launch of a rocket, written in English by number"
    texts = [f"{sentence} {row}." for row in range(30)]
    texts[7] = GERMAN
    assert rows_of("mixed languages", texts, ["a", "b"] * 15) == [7]
    assert found("mixed languages", ([*texts[:7], "ja, gut"], ["a", "b"] * 4)) == []  # too short to recognize


def test_damaged_characters_are_found() -> None:
    texts, labels = distinct(30)
    texts[2], texts[5], texts[6] = "sch\ufffdn", "bell\x07", "two\nlines\tand a tab"
    assert rows_of("damaged characters", texts, labels) == [2, 5]


def test_wrongly_decoded_texts_are_found_and_umlauts_are_not() -> None:
    pytest.importorskip("ftfy")
    texts, labels = distinct(30)
    texts[2], texts[5] = GERMAN.encode().decode("cp1252"), GERMAN
    (finding,) = found("wrongly decoded texts", (texts, labels))
    assert [place.row for place in finding.rows] == [2]
    assert finding.examples[0].endswith(f"-> {GERMAN}")


def test_html_is_found_also_without_ampersands_and_comparisons_are_not() -> None:
    texts, labels = distinct(30)
    texts[1:9] = ["<p>one", "a<br />b", "fish &amp; chips", "Google #39;s", "&lt;b&gt;", "if a < b and c > d;",
                  "a smile <grin>", "R&D; and so on"]  # fmt: skip
    assert rows_of("remnants of HTML", texts, labels) == [1, 2, 3, 4, 5]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_cleaning_html_removes_every_tag_and_leaves_other_texts_alone(text: str) -> None:
    cleaned = without_html(text)
    if not has_html(text):
        assert cleaned == text
    assert "<p>" not in cleaned
    assert "<br/>" not in cleaned


@given(st.text(alphabet="abc <>&é", max_size=30))
def test_escaped_text_is_unescaped(text: str) -> None:
    escaped = html.escape(text)
    if escaped != text:
        assert has_html(escaped)


def test_one_text_that_quotes_train_is_found_where_few_texts_quote() -> None:
    train, test = distinct(300), distinct(60, seed=1)
    test[0][7] = f"> {train[0][5]}\nI agree."
    (finding,) = found("quoted text", train, test)
    assert (finding.kind, finding.severity) == ("quotes-across-splits", "medium")
    assert [place.row for place in finding.rows] == [7]


def test_quoted_text_is_found_and_lines_shared_with_train_too() -> None:
    train, test = distinct(40), distinct(20, seed=1)
    line = "The launch was moved to Friday because of the weather."
    train[0][3] = f"{train[0][3]}\n{line}"
    test[0][4] = f"In article 1 somebody writes:\n> {line}\n>> and more of it\nI agree."
    test[0][9] = "He wrote:\n> Something that nobody else has ever written here.\n> twice\nI do not."
    findings = by_kind(found("quoted text", train, test))
    assert {place.row for place in findings["quoted-text"].rows} == {4, 9}
    assert findings["quotes-across-splits"].examples == (line,)
    assert [place.row for place in findings["quotes-across-splits"].rows] == [4]
    assert found("quoted text", distinct(40)) == []
