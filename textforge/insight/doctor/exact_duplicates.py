"""Texts that are equal but for case and spaces: within a split, across splits, and with different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.components.rows import row_key, with_text
from textforge.insight.doctor.duplicate_groups import duplicate_findings
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding


def exact_duplicates(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for each way in which equal texts repeat."""
    yield from duplicate_findings(data, equal_groups(data), "exact")


def equal_groups(data: Examined) -> list[list[int]]:
    """The positions of texts that are equal but for case and spaces, in groups of two or more; no empty texts.

    Texts with other columns are not equal.
    """
    groups = defaultdict(list)
    for n, text in enumerate(data.texts):
        if key := " ".join(text.casefold().split()):
            groups[row_key(with_text(text, key))].append(n)
    return [group for group in groups.values() if len(group) > 1]
