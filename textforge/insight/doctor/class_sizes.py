"""Classes with very few texts, and classes of very different sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, has, number

TINY = 10
"""Number of training texts below which a class is tiny."""
UNEQUAL = 10
"""Ratio of the largest to the smallest class from which on classes are unequal."""
SHOWN = 8


def class_sizes(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for tiny classes, and one for classes of very different sizes, both in train."""
    train = data.rows_of("train")
    counts = Counter(label for n in train for label in data.labels[n])
    smallest = sorted(counts, key=lambda label: (counts[label], label))
    if tiny := [label for label in smallest if counts[label] < TINY]:
        rows = [n for n in train if not {*tiny}.isdisjoint(data.labels[n])]
        yield Finding(
            "tiny-classes", "medium", len(tiny),
            f"{number(len(tiny), 'class')} of {len(counts):,} "
            f"{has(len(tiny))} fewer than {TINY} training texts.",
            "Get more texts of them, join them with a similar class, or leave them out.",
            data.at(rows), tuple(f"{label} ({number(counts[label], 'text')})" for label in tiny[:SHOWN]),
        )  # fmt: skip
    if len(counts) > 1 and (ratio := counts[smallest[-1]] / counts[smallest[0]]) >= UNEQUAL:
        ends = [*smallest[:3], *smallest[3:][-3:]]
        yield Finding(
            "unequal-classes", "low", len(counts),
            f"the largest class has {ratio:,.0f} times as many training texts as the smallest, "
            f"{counts[smallest[-1]] / len(train):.0%} of all.",
            "Judge by macro F1 rather than by accuracy, and try class weights.",
            (), tuple(f"{label} ({number(counts[label], 'text')})" for label in ends),
        )  # fmt: skip
