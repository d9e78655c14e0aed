"""Texts that are empty, without a letter, very long, or cut off."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, does, has, number

TIMES, LONG = 20, 2_000
"""A text is very long if it has this many times the median length, and at least `LONG` characters."""
CUT = 0.005
"""Share of the texts that have exactly the greatest length, from which on texts were probably cut there."""
FEWEST, MOST_CUT = 5, 0.9
"""The fewest texts of that length, and the greatest share of all texts that they may be."""
ENDING = 0.05
"""Share of the texts that end in an ellipsis, from which on it is reported."""

_ELLIPSIS = re.compile(r"(?:…|\.\.\.|\[\.\.\.\])\s*\Z")


def lengths(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for each kind of strange length."""
    empty = [n for n, text in enumerate(data.texts) if is_empty(text)]
    if empty:
        yield Finding(
            "empty-texts", "medium", len(empty),
            f"{number(len(empty), 'text')} {has(len(empty))} no letter, digit or symbol.",
            "Remove them, or find out what was lost.",
            data.at(empty), data.examples(empty),
        )  # fmt: skip
    sizes = np.array([len(text) for text in data.texts])
    median = float(np.median(sizes))
    if long := [int(n) for n in np.argsort(-sizes, kind="stable") if sizes[n] >= max(LONG, TIMES * median)]:
        yield Finding(
            "very-long-texts", "low", len(long),
            f"{number(len(long), 'text')} {has(len(long))} {TIMES} times the median length of "
            f"{median:,.0f} characters or more, up to {sizes.max():,}.",
            "See whether they are several texts in one, such as a quote that was never closed.",
            data.at(long), tuple(text[:200] for text in data.examples(long)),
        )  # fmt: skip
    yield from _cut(data)


def _cut(data: Examined) -> Iterator[Finding]:
    """A finding for many texts of exactly the greatest length, else for many that end in an ellipsis."""
    for unit, sizes in (
        ("characters", [len(text) for text in data.texts]),
        ("words", [len(text.split()) for text in data.texts]),
    ):
        greatest, others = max(sizes), Counter(sizes)
        rows = [n for n, size in enumerate(sizes) if size == greatest]
        shorter = max(others[size] for size in range(max(0, greatest - 5), greatest)) if greatest > 5 else len(rows)
        alike = len(rows) > MOST_CUT * len(sizes)  # texts of one length by nature, such as codes
        if not alike and len(rows) >= max(FEWEST, CUT * len(sizes), 3 * shorter):
            yield _cut_texts(
                data,
                rows,
                f"{has(len(rows))} exactly {greatest:,} {unit}, and none has more: texts were probably cut there.",
            )
            return
    rows = [n for n, text in enumerate(data.texts) if _ELLIPSIS.search(text)]
    if len(rows) >= max(FEWEST, ENDING * len(data)):
        share = f"({len(rows) / len(data):.0%})"
        yield _cut_texts(data, rows, f"{share} {does(len(rows), 'end')} in an ellipsis: texts may have been cut.")


def _cut_texts(data: Examined, rows: Sequence[int], what: str) -> Finding:
    """The finding for texts that were cut, with their ends as examples; `what` says how they show it."""
    return Finding(
        "cut-texts", "low", len(rows),
        f"{number(len(rows), 'text')} {what}",
        "Get the whole texts, or cut the texts to come in the same way.",
        data.at(rows), tuple(f"… {data.texts[n][-80:]}" for n in rows[:EXAMPLES]),
    )  # fmt: skip


def is_empty(text: str) -> bool:
    """Whether a text has no letter, digit or symbol, such as an emoji."""
    return not any(character.isalnum() or ord(character) > 0x2190 for character in text)
