"""What several rules say and read."""

from __future__ import annotations

import re


def refuse(kind: str, what: str) -> str:
    """The advice to take labels of both sorts, or to say what does."""
    return (
        f"Ask for the fact 'multi_label' and take {what}, or raise a textforge.RecipeError that says what to use "
        f"instead, as in \"Use 'another-{kind}'.\""
    )


def named_others(sentence: str, own: str) -> list[str]:
    """The names in quotes that a sentence has beside its own component's."""
    return [name for name in re.findall(r"'([\w.+-]+)'", sentence) if name != own]
