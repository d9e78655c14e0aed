"""Quoted text: lines of other texts, as replies have them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, does, number

SHARE = 0.01
"""Share of the texts that quote, from which on it is reported."""
LONG = 30
"""Number of characters from which on a line is unlikely to stand in two texts by chance."""

_QUOTED = re.compile(r"^[ \t]{0,4}(?:[>|][ \t]?)+(.*)$", re.MULTILINE)
_MARKS = re.compile(r"^[\s>|]+")


def quoted_text(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for texts that quote, and one for each split that shares quoted lines with train."""
    quoted = [quoted_lines(text) for text in data.texts]
    rows = [n for n, lines in enumerate(quoted) if len(lines) > 1]
    if len(rows) >= max(2, SHARE * len(data)):
        yield Finding(
            "quoted-text", "low", len(rows),
            f"{number(len(rows), 'text')} ({len(rows) / len(data):.0%}) {does(len(rows), 'quote')} other texts in "
            "lines that begin with '>' or '|'. What is quoted may be of another author, or of another label.",
            "Remove quoted lines, or keep the texts of a thread in one split.",
            data.at(rows), tuple("\n".join(quoted[n][:2]) for n in rows[:EXAMPLES]),
        )  # fmt: skip
    if any(_bare(quoted[n]) for split in data.splits[1:] for n in data.rows_of(split)):
        yield from _across_splits(data, quoted)


def _across_splits(data: Examined, quoted: list[list[str]]) -> Iterator[Finding]:
    """A finding for each split that shares quoted lines with train."""
    train = {line for n in data.rows_of("train") for line in _long_lines(data.texts[n])}
    for split in data.splits[1:]:
        across = [n for n in data.rows_of(split) if any(line in train for line in _bare(quoted[n]))]
        if across:
            yield Finding(
                "quotes-across-splits", "high" if len(across) >= 0.05 * data.sizes[split] else "medium", len(across),
                f"{number(len(across), 'text')} of {split} ({len(across) / data.sizes[split]:.0%}) "
                f"{does(len(across), 'quote')} lines that train has too.",
                "Remove quoted lines, or keep the texts of a thread in one split.",
                data.at(across),
                tuple(next(line for line in _bare(quoted[n]) if line in train) for n in across[:EXAMPLES]),
            )  # fmt: skip


def quoted_lines(text: str) -> list[str]:
    """The lines of a text that begin with a quotation mark, without it."""
    return [line[1].strip() for line in _QUOTED.finditer(text) if line[1].strip()]


def _bare(lines: list[str]) -> list[str]:
    """Long quoted lines, without further quotation marks."""
    return [bare for line in lines if len(bare := _MARKS.sub("", line)) >= LONG]


def _long_lines(text: str) -> list[str]:
    return _bare([line.strip() for line in text.splitlines()])
