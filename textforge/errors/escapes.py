"""Escape text for display, so that it cannot control a terminal, hide characters, or imitate another line.

Labels, column names, texts and paths come from untrusted files. An escape sequence could rewrite the screen, and a
right-to-left override could disguise a name. JSON output and the files of a run keep exact values; all text for people
goes through this module. Imports only the standard library.
"""

from __future__ import annotations

import re
import unicodedata

SIMPLE = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""Short escapes; other characters become `\\x1b`, `\\u202e` or `\\U000e0041`."""
VISIBLE_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Format characters with a visible glyph, such as the Arabic end-of-verse sign."""
JOINERS = frozenset("\u200c\u200d")
"""Zero-width joiner and non-joiner. They shape Persian and Hindi words and emoji; elsewhere they are invisible."""


def shown(text: str) -> str:
    r"""Escape a value, such as a label, for display on one line.

    Control, format, private-use and unassigned characters and lone surrogates are escaped as in a Python string
    (`\x1b`, `\u202e`, `\n`). The backslash is escaped too, so that different values never look the same. Letters, marks
    and symbols of all scripts are kept, as are joiners inside words and emoji that need them.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join([_escaped(text, n) if _hidden(text, n) or c == "\\" else c for n, c in enumerate(text)])


def shown_line(text: str) -> str:
    """Escape a sentence for display on one line, as `shown` does, but keep backslashes: its escapes stay valid."""
    if text.isprintable():
        return text
    return "".join([_escaped(text, n) if _hidden(text, n) else c for n, c in enumerate(text)])


def shown_lines(text: str) -> str:
    """Escape a message of several lines, as `shown_line` does, but keep newlines and tabs."""
    if text.isprintable():
        return text
    kept = ("\n", "\t")
    text = text.replace("\r\n", "\n")
    return "".join([_escaped(text, n) if c not in kept and _hidden(text, n) else c for n, c in enumerate(text)])


def shown_json(text: str) -> str:
    r"""Escape hidden characters in JSON as `\uXXXX`: the values stay the same and cannot control a terminal."""
    if text.isprintable():
        return text
    return re.sub(
        r"[^\x20-\x7e\n]", lambda at: _json_escape(at[0]) if _hidden(text, at.start()) else at[0], text
    )  # fmt: skip


def _hidden(text: str, n: int) -> bool:
    """Whether the character at index `n` is invisible or controls the display."""
    char = text[n]
    if char in JOINERS:
        return not (0 < n < len(text) - 1 and _takes_joiners(text[n - 1]) and _takes_joiners(text[n + 1]))
    return _unsafe(char) and char not in VISIBLE_SIGNS


def _unsafe(char: str) -> bool:
    """Whether a character is a control, format, private-use, surrogate, unassigned or line-separator character."""
    return not char.isprintable() and unicodedata.category(char) != "Zs"


def _takes_joiners(char: str) -> bool:
    """Whether joiners occur next to a character: a letter or mark of a script that uses them, or part of an emoji."""
    code = ord(char)
    if unicodedata.category(char) in ("So", "Sk", "Mn", "Me"):
        return code >= 0x300
    return (0x590 <= code < 0x1900 or 0xA800 <= code < 0xAC00 or 0xFB50 <= code < 0xFF00
            or 0x10A00 <= code < 0x12000 or code in (0x2640, 0x2642, 0x2695)) and char.isprintable()  # fmt: skip


def _escaped(text: str, n: int) -> str:
    """The escape of the character at index `n`."""
    char = text[n]
    if char in SIMPLE:
        return SIMPLE[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
