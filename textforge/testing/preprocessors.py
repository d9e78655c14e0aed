"""Contract checks for preprocessors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textforge.testing import probes
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject, exercise
from textforge.testing.vectorizers import EMPTY, MEGABYTE, UNICODE


@exercise("preprocessor")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Preprocess some texts."""
    change = _built(subject)
    return {"texts": [change(text) for text in probes.labelled()[0]]}


def _built(subject: Subject) -> Callable[[str], str]:
    """Build the preprocessor, wrapped so that each call checks the type of its result."""
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
    """It accepts empty and blank texts."""
    change = _built(subject)
    for text in EMPTY:
        with as_contract_error(subject.label, f"on the text {text!r}", "Treat an empty text like any other."):
            change(text)


@rule("preprocessor")
def takes_unicode_texts(subject: Subject) -> None:
    """It accepts emoji, combining marks, right-to-left text, NUL and lone surrogates."""
    change = _built(subject)
    for text in UNICODE:
        with as_contract_error(subject.label, f"on the text {text!a}", "Texts of users contain any character."):
            change(text)


@rule("preprocessor")
def takes_huge_texts(subject: Subject) -> None:
    """It accepts a text of 1 MB, as one word or many."""
    change = _built(subject)
    for text in ("x" * MEGABYTE, "word " * (MEGABYTE // 5), "<&" * (MEGABYTE // 2), "@1." * (MEGABYTE // 3)):
        with as_contract_error(
            subject.label, f"on a text of {len(text):,} characters", "Work in time linear in the text."
        ):
            change(text)


@rule("preprocessor")
def a_text_is_changed_by_itself(subject: Subject) -> None:
    """Its result for a text does not depend on earlier texts."""
    texts, change = probes.labelled()[0], _built(subject)
    if [change(text) for text in texts] != [change(text) for text in reversed(texts)][::-1]:
        raise subject.breaks("its result for a text depends on earlier texts.", "Keep no state between calls.")
