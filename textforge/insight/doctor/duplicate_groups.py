"""Findings about groups of texts that repeat one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, does, number

SERIOUS = 0.01
"""Share of the texts of a split from which on repeats of train distort its figures."""


def duplicate_findings(data: Examined, groups: list[list[int]], how: Literal["exact", "near"]) -> Iterator[Finding]:
    """Yield findings about repeats across splits, with different labels, and within a split.

    Args:
        data: the texts.
        groups: positions of texts that repeat one another, in groups of two or more.
        how: the kind of repeats.
    """
    for split in data.splits[1:]:
        if across := [group for group in groups if _has(data, group, "train") and _has(data, group, split)]:
            held = [n for group in across for n in group if data.places[n].split == split]
            share = len(held) / data.sizes[split]
            yield Finding(
                f"{how}-duplicates-across-splits", "high" if share >= SERIOUS else "medium", len(held),
                f"{number(len(held), 'text')} of {split} ({share:.1%}) {_repeat(how, len(held))} of train, so figures "
                f"on {split} count remembered texts.",
                "Remove them from train, or split the data so that repeats stay together.",
                data.at(held), _pairs(data, across),
            )  # fmt: skip
    if conflicting := [group for group in groups if len({frozenset(data.labels[n]) for n in group}) > 1]:
        rows = [n for group in conflicting for n in group]
        yield Finding(
            f"{how}-duplicates-with-different-labels", "medium", len(rows),
            f"{number(len(rows), 'text')} in {number(len(conflicting), 'group')} of {how} duplicates have different "
            "labels. At most one label of a group can be right.",
            "Decide on one label for each group, or give the texts several labels.",
            data.at(rows), _pairs(data, conflicting),
        )  # fmt: skip
    for split in data.splits:
        again = [n for group in groups for n in [m for m in group if data.places[m].split == split][1:]]
        if again:
            yield Finding(
                f"{how}-duplicates", "low", len(again),
                f"{number(len(again), 'text')} of {split} {_repeat(how, len(again))} of {split}.",
                "Remove the repeats, unless they are as frequent in the texts to come.",
                data.at(again), data.examples(again),
            )  # fmt: skip


def _has(data: Examined, group: list[int], split: str) -> bool:
    return any(data.places[n].split == split for n in group)


def _repeat(how: str, n: int) -> str:
    return f"{does(n, 'repeat')} a text" if how == "exact" else f"nearly {does(n, 'repeat')} a text"


def _pairs(data: Examined, groups: list[list[int]]) -> tuple[str, ...]:
    """Two texts of each of the first groups: of different splits or labels, where there are such."""
    found = []
    for group in groups[:EXAMPLES]:
        first = group[0]
        other = next((n for n in group if data.labels[n] != data.labels[first]), group[-1])
        found.append(" = ".join(
            f"{data.places[n].split} {data.places[n].row} [{', '.join(data.labels[n])}] {data.texts[n][:200]}"
            for n in (first, other)
        ))  # fmt: skip
    return tuple(found)
