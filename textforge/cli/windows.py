"""Fit texts into the window of the terminal."""

from __future__ import annotations

import shutil

from textforge.errors import shown_line

WITHOUT_WINDOW = 100
"""Number of columns if the output is no terminal and COLUMNS is not set."""
NARROWEST = 20


def window_width() -> int:
    """The number of columns to write."""
    return shutil.get_terminal_size((WITHOUT_WINDOW, 24)).columns


def one_line(text: str, width: int) -> str:
    """Shorten a text to one line of at most `width` columns, with `…` at its end; escape what a terminal obeys.

    White space becomes single spaces. Characters of two columns, such as Chinese ones, count as two.
    """
    from rich.cells import cell_len, set_cell_size

    width = max(NARROWEST, width)
    beginning = text[: 8 * width]  # long texts need not be escaped whole
    shown = shown_line(" ".join(beginning.split()))
    if len(beginning) == len(text) and cell_len(shown) <= width:
        return shown
    return set_cell_size(shown, width - 1).rstrip() + "…"


def whole_text(text: str, indent: str) -> str:
    """Format all lines of a text, escaped, each indented."""
    return "\n".join(indent + shown_line(line) for line in text.splitlines() or [""])
