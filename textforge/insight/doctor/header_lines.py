"""Header lines at the beginning of a text, as e-mail and news have them (RFC 5322)."""

from __future__ import annotations

import re

_HEADERS = re.compile(r"\A\s*(?:[A-Z][A-Za-z-]{1,40}: .*(?:\n[ \t]+\S.*)*(?:\n|\Z)){2,}")
_LINE = re.compile(r"^([A-Z][A-Za-z-]{1,40}): (.*)$", re.MULTILINE)
_REPLY = re.compile(r"^((re|fwd?|aw|wg)\s*(\[\d+\])?:\s*)+", re.IGNORECASE)


def header_lines(text: str) -> str:
    """The two or more lines `Name: value` that a text begins with; empty if there are none."""
    found = _HEADERS.match(text)
    return found[0] if found else ""


def header_value(text: str, name: str) -> str:
    """The value of a header in lower case, without `Re:`; empty if there is none."""
    for line in _LINE.finditer(header_lines(text)):
        if line[1].lower() == name:
            return _REPLY.sub("", line[2].strip()).strip().lower()
    return ""


def header_names(text: str) -> list[str]:
    """The names of the headers of a text, in order."""
    return [line[1] for line in _LINE.finditer(header_lines(text))]
