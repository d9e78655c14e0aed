"""Tags and entities of HTML in texts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, has, number

_TAG = re.compile(
    r"<(?:!--.{0,2000}?--|/?(?:a|abbr|b|big|blockquote|body|br|center|code|dd|div|dl|dt|em|font|form|h[1-6]|head|hr|html|i|img|"
    r"input|label|li|link|meta|ol|p|pre|q|script|small|span|strike|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|"
    r"tt|u|ul)(?:\s[^<>]{0,500})?/?)>",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,5}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_BARE = re.compile(r"(?<![&\w#])(#[0-9]{2,5}|(?:quot|amp|lt|gt|nbsp|apos|mdash|ndash|hellip));")
"""Entities that have lost their ampersand, as in `Google #39;s`."""


def html_remnants(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts with tags or entities of HTML."""
    rows = [n for n, text in enumerate(data.texts) if has_html(text)]
    if rows:
        yield Finding(
            "html-remnants", "low", len(rows),
            f"{number(len(rows), 'text')} ({len(rows) / len(data):.1%}) {has(len(rows))} tags or "
            "entities of HTML.",
            "Remove them with --fix, or with the preprocessor for HTML in front of the vectorizer.",
            data.at(rows), tuple(_excerpt(data.texts[n]) for n in rows[:EXAMPLES]),
        )  # fmt: skip


def has_html(text: str) -> bool:
    """Whether a text has a tag or an entity of HTML, also one without its ampersand."""
    if "<" not in text and ";" not in text:
        return False
    entity = any(html.unescape(found) != found for found in _ENTITY.findall(text))
    return entity or _TAG.search(text) is not None or _BARE.search(text) is not None


def without_html(text: str) -> str:
    """The text with its entities as characters, and a space for each tag."""
    whole = html.unescape(_BARE.sub(r"&\1;", text))
    return _TAG.sub(" ", whole) if _TAG.search(whole) else whole


def _excerpt(text: str) -> str:
    """The remnant and what stands around it."""
    places = [found.start() for pattern in (_TAG, _ENTITY, _BARE) if (found := pattern.search(text))]
    start = max(0, min(places) - 30)
    return text[start : start + 100]
