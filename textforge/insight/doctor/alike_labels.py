"""Labels that are the same to a reader: but for spaces, case, invisible characters or letters of other alphabets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from textforge.components.manager import PluginManager
from textforge.data.similar_labels import normal_label, similar_label_warnings
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding


def alike_labels(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for each way in which labels look alike."""
    counts = Counter(label for labels in data.labels for label in labels)
    usual = usual_forms(data)
    rows = [n for n, labels in enumerate(data.labels) if any(usual[label] != label for label in labels)]
    pairs = tuple(f"{label!r} -> {form!r}" for label, form in usual.items() if label != form)
    for sentence in similar_label_warnings(counts):
        what, _, advice = sentence.rpartition(". ")
        yield Finding(
            "alike-labels", "medium", max(1, len(rows)), f"{what}." if what else sentence,
            advice if what else "Correct them.",
            data.at(rows), pairs,
        )  # fmt: skip


def usual_forms(data: Examined) -> dict[str, str]:
    """For each label, the most frequent label that equals it but for spaces, case and invisible characters."""
    counts = Counter(label for labels in data.labels for label in labels)
    best: dict[str, str] = {}
    for label in sorted(counts, key=lambda one: (-counts[one], one)):
        best.setdefault(normal_label(label, ignore_case=True), label)
    return {label: best[normal_label(label, ignore_case=True)] for label in counts}
