"""Wording shared by several rules."""

from __future__ import annotations

import re


def refuse(kind: str, what: str) -> str:
    """Advice to support single and multiple labels, or to name a component that does."""
    return (
        f"Ask for the fact 'multi_label' and accept {what}, or raise a textforge.RecipeError that says what to use "
        f"instead, as in \"Use 'another-{kind}'.\""
    )


def named_others(sentence: str, own: str) -> list[str]:
    """The quoted names in a sentence, except the component's own name."""
    return [name for name in re.findall(r"'([\w.+-]+)'", sentence) if name != own]
