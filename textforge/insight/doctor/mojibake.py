"""Texts that were decoded with a wrong encoding (`schÃ¶n` for `schön`), found and repaired by ftfy (Speer 2019)."""

from __future__ import annotations

from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, number


def wrongly_decoded(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts that were decoded with a wrong encoding."""
    rows = [n for n, text in enumerate(data.texts) if decoded_well(text) != text]
    if rows:
        yield Finding(
            "wrongly-decoded", "medium", len(rows),
            f"{number(len(rows), 'text')} {'was' if len(rows) == 1 else 'were'} decoded with a wrong encoding.",
            "Read the original file with its own encoding, or repair the texts with --fix.",
            data.at(rows), tuple(f"{data.texts[n]} -> {decoded_well(data.texts[n])}" for n in rows[:EXAMPLES]),
        )  # fmt: skip


def decoded_well(text: str) -> str:
    """The text with its wrong decoding undone; the text itself if it is fine."""
    from ftfy import fix_encoding

    return text if text.isascii() else str(fix_encoding(text))
