"""Labelled texts for the doctor's detectors, with faults that a test plants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conftest import make_texts

from textforge import Dataset, PluginManager
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding

Rows = tuple[Sequence[str], Sequence[object]]


def distinct(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of three topics, none a near copy of another, and their labels."""
    texts, labels = make_texts(n, seed)
    return [f"{text} {_own_words(seed * 100_000 + row)}" for row, text in enumerate(texts)], labels


def _own_words(number: int) -> str:
    """Words of letters that no other number has in this order."""
    digits = "abcdefghij"
    mixed = str((number + 1) * 2_654_435_761 % 10**12).zfill(12)
    return " ".join("".join(digits[int(one)] * 2 for one in mixed[n : n + 4]) for n in (0, 4, 8))


def found(what: str, train: Rows, test: Rows | None = None) -> list[Finding]:
    """The findings of the detector that looks for this."""
    (detector,) = [one for one in DETECTORS if one.what == what]
    return detector.find(Examined.of(Dataset(train=train, test=test)), PluginManager())


def by_kind(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by their kind; each kind must be there once."""
    listed = [*findings]
    assert len({one.kind for one in listed}) == len(listed)
    return {one.kind: one for one in listed}
