"""Vectorizer `preprocess` and the preprocessors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from textforge import PluginManager

PLUGINS = PluginManager()


def step(name: str, **options: Any) -> Any:
    return PLUGINS.part("preprocessor", name, **options).build({"seed": 0})


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>Fish &amp; chips</p>", " Fish & chips "),
        ("a<br/>b", "a b"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("x<script>if (a<b) {}</script>y", "x  y"),
        ("<!-- no -->yes", " yes"),
        ("&eacute;t&#233; &nosuchentity;", "été &nosuchentity;"),
        ("<a href='x'>link", " link"),
        ("unclosed <b", "unclosed <b"),
        ("", ""),
    ],
)
def test_html_leaves_the_text_between_tags(text: str, plain: str) -> None:
    assert step("html")(text) == plain


@given(st.text())
def test_html_leaves_text_without_markup_alone(text: str) -> None:
    if "<" not in text and "&" not in text:
        assert step("html")(text) == text
    else:
        assert isinstance(step("html")(text), str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a?b=1#c.", "see URL ."),
        ("www.example.org, then", "URL , then"),
        ("mail first.last+tag@mail.example.org now", "mail EMAIL now"),
        ("@someone said: hello", "NAME said: hello"),
        ("costs 1,299.50 or -3", "costs NUMBER or NUMBER"),
        ("mp3 and b2b stay", "mp3 and b2b stay"),
        ("me@home", "me@home"),
    ],
)
def test_placeholders_stand_for_addresses_names_and_numbers(text: str, expected: str) -> None:
    assert step("placeholders")(text).split() == expected.split()


def test_only_the_placeholders_asked_for_are_put_in() -> None:
    assert step("placeholders", of=["number"])("@me 5 www.x.org").split() == ["@me", "NUMBER", "www.x.org"]


def test_unicode_makes_one_word_of_two_ways_to_type_it() -> None:
    assert step("unicode")("cafe\u0301") == "café"
    assert step("unicode", form="NFKC")("\uff26\uff55\uff4c\uff4c ﬁt") == "Full fit"


def test_steps_change_a_text_in_their_order_at_fit_and_at_prediction() -> None:
    part = PLUGINS.part(
        "vectorizer",
        "preprocess",
        steps=["html", "lowercase", "placeholders"],
        vectorizer={"use": "bow", "lowercase": False},
    )
    made = part.build({"seed": 0})
    made.fit(["<b>Big</b> sale 50 www.shop.org"])
    assert made.vocabulary == ["NUMBER", "URL", "big", "sale"]
    found = made.transform(["BIG <i>7</i>"])
    assert sorted(made.vocabulary[n] for n in found.indices) == ["NUMBER", "big"]
    again = part.build({"seed": 0}).from_state(made.state())
    assert again.vocabulary == made.vocabulary


def test_it_gives_the_facts_of_the_vectorizer_within() -> None:
    assert PLUGINS.part("vectorizer", "preprocess", steps=["html"], vectorizer="tokens").gives == (
        "vocab_size",
        "vectors",
    )
    assert PLUGINS.part("vectorizer", "preprocess", steps=["html"], vectorizer="bow").gives == ("n_features",)
