"""What a preprocessor is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textforge.testing import probes
from textforge.testing.checks import blamed, rule
from textforge.testing.subject import Subject, exercise
from textforge.testing.vectorizers import EMPTY, MEGABYTE, UNICODE


@exercise("preprocessor")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Change some texts."""
    change = _built(subject)
    return {"texts": [change(text) for text in probes.labelled()[0]]}


def _built(subject: Subject) -> Callable[[str], str]:
    """The preprocessor; it is called through a check of what it returns."""
    found = subject.build(seed=0)
    if not callable(found):
        raise subject.breaks(
            f"the factory returned a {type(found).__name__}.", "Return a callable that takes a text and returns one."
        )

    def change(text: str) -> str:
        changed = found(text)
        if type(changed) is not str:
            raise subject.breaks(
                f"it returned a {type(changed).__name__} for a text.", "Return a str for every text, empty ones too."
            )
        return changed

    return change


@rule("preprocessor")
def takes_empty_texts(subject: Subject) -> None:
    """Texts that are empty or blank are changed as any."""
    change = _built(subject)
    for text in EMPTY:
        with blamed(subject.label, f"on the text {text!r}", "An empty text is a text as any."):
            change(text)


@rule("preprocessor")
def takes_unicode_texts(subject: Subject) -> None:
    """Emoji, combining marks, right to left, NUL and lone surrogates are changed as any."""
    change = _built(subject)
    for text in UNICODE:
        with blamed(subject.label, f"on the text {text!a}", "Users have every character in their texts."):
            change(text)


@rule("preprocessor")
def takes_huge_texts(subject: Subject) -> None:
    """A text of a megabyte, one word or many, is changed as any."""
    change = _built(subject)
    for text in ("x" * MEGABYTE, "word " * (MEGABYTE // 5), "<&" * (MEGABYTE // 2), "@1." * (MEGABYTE // 3)):
        with blamed(subject.label, f"on a text of {len(text):,} characters", "Work in time linear in the text."):
            change(text)


@rule("preprocessor")
def a_text_is_changed_by_itself(subject: Subject) -> None:
    """A text is changed in the same way whatever texts came before it."""
    texts, change = probes.labelled()[0], _built(subject)
    if [change(text) for text in texts] != [change(text) for text in reversed(texts)][::-1]:
        raise subject.breaks(
            "it changes a text otherwise after other texts.", "Keep nothing from one call to the next."
        )
