"""Text as it is shown to people: nothing in it can steer a terminal, hide, or pass for a line of its own.

Labels, column names, texts and paths come from files that anybody may have written. An escape sequence in one of them
could rewrite the screen, and a right-to-left override could show another name than the real one. JSON and the files of
a run keep exact values; what people read goes through this module. Standard library only.
"""

from __future__ import annotations

import re
import unicodedata

SIMPLE = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""Short escapes; other characters are written as `\\x1b`, `\\u202e` or `\\U000e0041`."""
VISIBLE_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Format characters that are drawn, such as the sign that ends a verse in Arabic."""
JOINERS = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners shape words of Persian and Hindi and join emoji. Elsewhere they only hide."""


def shown(text: str) -> str:
    r"""A value, such as a label, on one line.

    Control, format, private and unassigned characters and halves of surrogate pairs are escaped as in a Python string
    (`\x1b`, `\u202e`, `\n`). So is the backslash: two different values never look the same by their escapes. Letters,
    marks and signs of all scripts stay, and so do the joiners inside words and emoji that need them.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join([_escaped(text, n) if _hidden(text, n) or c == "\\" else c for n, c in enumerate(text)])


def shown_line(text: str) -> str:
    """A sentence on one line: as `shown`, but the backslash stays, so that what is escaped already stays as it is."""
    if text.isprintable():
        return text
    return "".join([_escaped(text, n) if _hidden(text, n) else c for n, c in enumerate(text)])


def shown_lines(text: str) -> str:
    """A message of several lines: as `shown_line`, with its line ends and tabs."""
    if text.isprintable():
        return text
    kept = ("\n", "\t")
    text = text.replace("\r\n", "\n")
    return "".join([_escaped(text, n) if c not in kept and _hidden(text, n) else c for n, c in enumerate(text)])


def shown_json(text: str) -> str:
    r"""JSON with every hidden character as `\uXXXX`: the same values, and nothing that steers a terminal."""
    if text.isprintable():
        return text
    return re.sub(
        r"[^\x20-\x7e\n]", lambda at: _json_escape(at[0]) if _hidden(text, at.start()) else at[0], text
    )  # fmt: skip


def _hidden(text: str, n: int) -> bool:
    char = text[n]
    if char in JOINERS:
        return not (0 < n < len(text) - 1 and _takes_joiners(text[n - 1]) and _takes_joiners(text[n + 1]))
    return _unsafe(char) and char not in VISIBLE_SIGNS


def _unsafe(char: str) -> bool:
    """Whether a character is a control, format, private, surrogate or unassigned one, or a separator of lines."""
    return not char.isprintable() and unicodedata.category(char) != "Zs"


def _takes_joiners(char: str) -> bool:
    """A letter or mark of a script whose words have joiners, or a piece of an emoji."""
    code = ord(char)
    if unicodedata.category(char) in ("So", "Sk", "Mn", "Me"):
        return code >= 0x300
    return (0x590 <= code < 0x1900 or 0xA800 <= code < 0xAC00 or 0xFB50 <= code < 0xFF00
            or 0x10A00 <= code < 0x12000 or code in (0x2640, 0x2642, 0x2695)) and char.isprintable()  # fmt: skip


def _escaped(text: str, n: int) -> str:
    char = text[n]
    if char in SIMPLE:
        return SIMPLE[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
