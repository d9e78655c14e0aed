"""Output of results: JSON or readable tables on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from textforge.errors.escapes import shown, shown_json, shown_line

MAX_MATRIX = 12
"""Maximum number of classes for a full confusion matrix; with more, only the most confused pairs are shown."""
MAX_CLASSES, MOST_CLASSES = 30, 10
"""With at most MAX_CLASSES classes each has a line; with more, the MOST_CLASSES worst and largest ones do."""

SHOWN = {
    "accuracy", "macro_f1", "micro_f1", "weighted_f1", "n", "per_class", "confusion_matrix", "answered",
    "unknown_labels", "split", "warnings", "left_out", "total_weight", "unweighted", "baselines",
}  # fmt: skip
"""Keys that are shown in fixed places; all other keys are the recipe's metrics."""


@contextmanager
def results() -> Iterator[TextIO]:
    """Yield the real stdout, and redirect other prints (of plugins and libraries) to stderr."""
    real = sys.stdout
    sys.stdout = sys.stderr
    try:
        yield real
    finally:
        sys.stdout = real


def write_json(stream: TextIO, value: Any) -> None:
    """Write a JSON object on one line."""
    stream.write(shown_json(json.dumps(value, ensure_ascii=False, allow_nan=False)) + "\n")


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, show: Callable[[str], str] = shown
) -> str:
    """Format a table aligned with spaces: the first `left` columns to the left, the others to the right.

    `show` escapes the text of a cell.
    """
    header, rows = [show(cell) for cell in header], [[show(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
    lines = []
    for row in (header, *rows):
        cells = [c.ljust(w) if n < left else c.rjust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def figures_text(figures: dict[str, Any], split: str = "test", *, everything: str = "in the --json output") -> str:
    """Format classification metrics for reading; `everything` says where the omitted classes can be found."""
    exact = "" if "confusion_matrix" in figures else "exact "
    weight = f", total weight {figures['total_weight']:.6g}" if "total_weight" in figures else ""
    head = (
        f"{shown(split)} {exact}accuracy {figures['accuracy']:.4f}   macro F1 {figures['macro_f1']:.4f}   "
        f"weighted F1 {figures['weighted_f1']:.4f}   ({figures['n']} text{'s' * (figures['n'] != 1)}"
        f"{weight})"
    )
    more = [f"{name} {_figure(value)}" for name, value in figures.items() if name not in SHOWN]
    if exact:
        more.insert(0, f"micro F1 {figures['micro_f1']:.4f}")
    if answered := figures.get("answered"):
        more.append(f"answered {answered['share']:.1%}, of these right {_figure(answered['accuracy'])}")
    if unknown := figures.get("unknown_labels"):
        treated = {"wrong": "counted as wrong", "drop": "left out"}[unknown["treated_as"]]
        more.append(f"{unknown['texts']} text{'s' * (unknown['texts'] != 1)} with unknown labels {treated}")
    if unweighted := figures.get("unweighted"):
        more.append(f"counting each text once: {', '.join(unweighted)}")
    if compared := baselines_text(figures.get("baselines", {})):
        more.append(compared)
    parts = [head + (f"\n{shown_line('   '.join(more))}" if more else ""), _per_class(figures["per_class"], everything)]
    if not exact:
        parts.append(_confusion(figures["confusion_matrix"]))
    return "\n\n".join(parts)


def baselines_text(baselines: dict[str, dict[str, Any]]) -> str:
    """Format the accuracy of each baseline: `baselines: majority 0.336, stratified guess 0.333`; empty without any."""
    names = {"stratified": "stratified guess"}
    phrases = [f"{one.get('name') or names.get(key, key)} {one['accuracy']:.3f}" for key, one in baselines.items()]
    return f"baselines: {', '.join(phrases)}" if phrases else ""


def _per_class(classes: dict[str, dict[str, Any]], everything: str) -> str:
    """Format one line per class; with many classes, only the worst and the largest."""
    if len(classes) <= MAX_CLASSES:
        return _class_table("class", list(classes.items()))
    tested = [pair for pair in classes.items() if pair[1]["support"]]
    worst = sorted(tested, key=lambda pair: (pair[1]["f1"], -pair[1]["support"]))[:MOST_CLASSES]
    largest = sorted(tested, key=lambda pair: -pair[1]["support"])[:MOST_CLASSES]
    more = len(classes) - len({label for label, _ in (*worst, *largest)})
    tables = [_class_table("worst classes", worst), _class_table("largest classes", largest)]
    return "\n\n".join([*tables, f"{more:,} more classes: {everything}"])


def _class_table(title: str, classes: Sequence[tuple[str, dict[str, Any]]]) -> str:
    rows = [(label, *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")), _count(one["support"]))
            for label, one in classes]  # fmt: skip
    return table((title, "precision", "recall", "f1", "support"), rows)


def summary_text(figures: dict[str, dict[str, Any]], names: Sequence[str], split: str = "test") -> str:
    """Format the metrics of several runs, one run per line, with their mean and standard deviation."""
    keys = [key for key in figures if key != "loss"]
    rows = [(name, *(f"{figures[key]['values'][n]:.4f}" for key in keys)) for n, name in enumerate(names)]
    rows.append(("mean", *(f"{figures[key]['mean']:.4f}" for key in keys)))
    rows.append(("standard deviation", *(f"{figures[key]['std']:.4f}" for key in keys)))
    return table((split, *(key.replace("_f1", " F1").replace("_", " ") for key in keys)), rows)


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _count(texts: int | float) -> str:
    """Format a number of texts, or a sum of their weights."""
    return str(texts) if isinstance(texts, int) else f"{texts:.6g}"


def _confusion(matrix: dict[str, Any]) -> str:
    from textforge.classifiers.confusion import confused
    from textforge.data.labels import label_names

    labels = label_names(matrix["labels"])
    if len(labels) <= MAX_MATRIX:
        rows: list[list[int | float]] = [[0] * len(labels) for _ in labels]
        for gold, predicted, texts in confused(matrix):
            rows[gold][predicted] = texts
        numbers = [f"[{n}]" for n in range(1, len(labels) + 1)]
        body = [(f"{number} {label}", *map(_count, row))
                for number, label, row in zip(numbers, labels, rows, strict=True)]  # fmt: skip
        return table(("confusion (row: gold, column: predicted)", *numbers), body)
    wrong = [cell for cell in confused(matrix) if cell[0] != cell[1]]
    if not wrong:
        return "no text has a wrong label"
    worst = sorted(wrong, key=lambda cell: -cell[2])[:10]
    pairs = [(labels[gold], labels[predicted], _count(texts)) for gold, predicted, texts in worst]
    return table(("most confused: gold", "predicted", "texts"), pairs, left=2)
