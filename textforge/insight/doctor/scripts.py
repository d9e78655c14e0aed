"""Texts in another script than most."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, number

USUAL = 0.2
"""Share of the texts from which on a script is usual, so that its texts are no fault."""
FEWEST = 4
"""Number of letters below which a text has no script of its own."""

_JAPANESE = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "CJK": "HAN"}


def mixed_scripts(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts that are mostly in a script in which few texts are."""
    scripts = [main_script(text) for text in data.texts]
    counts = Counter(script for script in scripts if script)
    total = sum(counts.values())
    rare = {script for script, n in counts.items() if n < USUAL * total}
    if {"HAN", "KANA"} & ({*counts} - rare):
        rare -= {"HAN", "KANA"}  # Japanese is written in both
    rows = [n for n, script in enumerate(scripts) if script in rare]
    if rows and len(counts) > 1:
        shown = ", ".join(f"{script.title()} ({n:,})" for script, n in counts.most_common(6))
        yield Finding(
            "mixed-scripts", "low", len(rows),
            f"{number(len(rows), 'text')} {'is' if len(rows) == 1 else 'are'} in another script than most. "
            f"Texts by script: {shown}.",
            "Make sure that they belong here; a vectorizer with `split: any_script` reads all scripts.",
            data.at(rows), data.examples(rows),
        )  # fmt: skip


def main_script(text: str) -> str:
    """The script of most letters of a text, as Unicode's names call it, such as `LATIN`; empty if there are few."""
    counts = Counter(_script(character) for character in text[:5_000] if character.isalpha())
    script, n = max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return script if sum(counts.values()) >= FEWEST and n else ""


@lru_cache(maxsize=20_000)
def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").partition(" ")[0]
    return _JAPANESE.get(first, first)
