"""Characters that show that a text was damaged: U+FFFD, and control characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, has, number

_DAMAGE = re.compile("[\ufffd\ud800-\udfff\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")


def damaged_characters(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts with replacement characters, controls or halves of UTF-16 characters."""
    rows = [n for n, text in enumerate(data.texts) if _DAMAGE.search(text)]
    if rows:
        yield Finding(
            "damaged-characters", "low", len(rows),
            f"{number(len(rows), 'text')} {has(len(rows))} characters that stand for lost ones "
            "(U+FFFD), or control characters.",
            "Decode the original file with its own encoding; what U+FFFD stands for is lost.",
            data.at(rows), data.examples(rows),
        )  # fmt: skip
