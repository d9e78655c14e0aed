"""Preprocessor `placeholders`."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from annotated_types import MinLen

PATTERNS = {
    "url": re.compile(r"(?i)\b(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'’]"),
    "email": re.compile(r"(?i)(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "name": re.compile(r"(?<![\w@])@\w+"),
    "number": re.compile(r"(?<![\w.,])[-+]?\d[\d.,]*(?![\w])"),
}
"""Pattern of each placeholder, in order of replacement: addresses come first, since they hold names and numbers."""


def placeholders(
    *,
    of: Annotated[list[Literal["url", "email", "name", "number"]], MinLen(1)] = ["url", "email", "name", "number"],  # noqa: B006
) -> Callable[[str], str]:
    """Replace web addresses, e-mail addresses, @names and numbers by the words URL, EMAIL, NAME and NUMBER.

    Options:
        of: kinds to replace.
    """
    chosen = [(PATTERNS[kind], f" {kind.upper()} ") for kind in PATTERNS if kind in of]

    def replaced(text: str) -> str:
        for pattern, word in chosen:
            text = pattern.sub(word, text)
        return text

    return replaced
