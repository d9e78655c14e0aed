"""Preprocessor `html`."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

HIDDEN = ("script", "style")
"""Elements whose content a browser does not display as text."""


def html() -> Callable[[str], str]:
    """Convert HTML to plain text: replace tags, comments, scripts and styles by spaces, and decode entities."""
    return plain_text


def plain_text(text: str) -> str:
    """The text of an HTML fragment; a text without tags and entities is returned unchanged."""
    if "<" not in text and "&" not in text:
        return text
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.pieces)


class _Reader(HTMLParser):
    """Collect the text between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._inside_hidden = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._inside_hidden = tag in HIDDEN
        self.pieces.append(" ")

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._inside_hidden = False
        self.pieces.append(" ")

    def handle_comment(self, data: str) -> None:
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._inside_hidden:
            self.pieces.append(data)
