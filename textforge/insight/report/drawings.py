"""The charts of a report, from the values of its sections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textforge.components.settings import TAKEN
from textforge.insight.report.charts import SMALL, Chart, bounds, dotted

RUNS = 20
"""Largest number of runs whose curves are drawn."""
ONE, TWO, THREE = 1, 2, 3
"""Color numbers: `--c1` and so on in the style sheet."""


def learning_curves(runs: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Draw the losses, then the validation metrics between 0 and 1, of every run."""
    runs = runs[:RUNS]
    measured = dict.fromkeys(name for run in runs for name in run["series"] if name.startswith("valid_"))
    shares = [name for name in measured if name.removeprefix("valid_") in ("accuracy", "macro_f1")]
    shares += [name for name in measured if name.removeprefix("valid_") not in TAKEN and _within_one(runs, name)]
    charts = [_curves(runs, ["train_loss", "valid_loss"], "loss"), _curves(runs, shares[:4], "validation metric")]
    return [chart for chart in charts if chart is not None]


def _within_one(runs: Sequence[Mapping[str, Any]], name: str) -> bool:
    return name != "valid_loss" and all(0 <= y <= 1 for run in runs for _, y in run["series"].get(name, ()))


def _curves(runs: Sequence[Mapping[str, Any]], names: Sequence[str], what: str) -> Chart | None:
    """The series of these names; of several runs, all in thin lines."""
    found = [(run, number, run["series"][name]) for run in runs for number, name in enumerate(names, start=1)
             if name in run["series"]]  # fmt: skip
    points = [(x, y) for _, _, series in found for x, y in series if math.isfinite(y)]
    if not points:
        return None
    xs = [x for x, _ in points]
    title = f"{what} by epoch, from epoch {min(xs)} to {max(xs)}"
    range_y = bounds((y for _, y in points), from_zero=what == "loss")
    chart = Chart((min(xs), max(xs)), range_y, title, ("epoch", what))
    style = " thin" if len(runs) > 1 else ""
    for run, number, series in found:
        who = f"{run['name']}: " if len(runs) > 1 else ""
        dashes = (" dashed" if number == TWO else "") + style
        finite = [(x, y) for x, y in series if math.isfinite(y)]
        chart.line(finite, number, dashes)
        for x, y in finite:
            text = f"{who}epoch {x}: {_words(names[number - 1])} {y:.4g}"
            chart.dot(x, y, text, number, visible=dotted(finite) and not style)
    present = {number for _, number, _ in found}
    chart.legend = [(_words(name), number, "dashed" if number == TWO else "") for number, name in enumerate(names, 1)
                    if number in present]  # fmt: skip
    for run in runs if len(runs) == 1 else ():
        if run["best_epoch"] is not None:
            chart.mark(run["best_epoch"], f"best: {run['best_epoch']}")
    return chart


def _words(name: str) -> str:
    kind, _, metric = name.partition("_")
    return f"{ {'train': 'training', 'valid': 'validation'}[kind] } {metric.replace('_f1', ' F1').replace('_', ' ')}"


def reliability(section: Mapping[str, Any]) -> Chart:
    """Draw the accuracy of each bin of confidence, with its interval, beside the diagonal."""
    what = "share of true labels" if section["pairs"] else "accuracy"
    chart = Chart(
        (0, 1), (0, 1), f"{what} by confidence; perfect calibration lies on the diagonal", ("confidence", what)
    )
    chart.line([(0, 0), (1, 1)], 0, "dashed")
    for one in section["bins"]:
        chart.line([(one["confidence"], end) for end in one["interval"]], ONE, "thin")
    chart.line([(one["confidence"], one["accuracy"]) for one in section["bins"]], ONE)
    for one in section["bins"]:
        size = f"{one['n']:,} {'pairs' if section['pairs'] else 'answers'}"
        mean = f"mean confidence {one['confidence']:.3f}, {what} {one['accuracy']:.3f}"
        text = f"confidence {one['low']:.2f} to {one['high']:.2f}: {size}, {mean}"
        chart.dot(one["confidence"], one["accuracy"], text, ONE)
    return chart


def confidence(section: Mapping[str, Any]) -> Chart:
    """Draw how many answers have each confidence, right ones below wrong ones."""
    histogram, pairs = section["histogram"], section["pairs"]
    names = ("true", "not true") if pairs else ("right", "wrong")
    right, wrong = histogram["right"], histogram["wrong"]
    n = len(right)
    most = max(map(sum, zip(right, wrong, strict=True)))
    unit = "pairs" if pairs else "answers"
    chart = Chart((0, 1), (0, most * 1.05), f"number of {unit} by confidence", ("confidence", unit))
    for number, (good, bad) in enumerate(zip(right, wrong, strict=True)):
        place = (number / n, (number + 1) / n)
        text = f"confidence {place[0]:.2f} to {place[1]:.2f}: {good:,} {names[0]}, {bad:,} {names[1]}"
        for low, high, color in ((0, good, ONE), (good, good + bad, TWO)):
            if high > low:
                chart.bar(place, (low, high), text, color)
    chart.legend = [(names[0], ONE, "box"), (names[1], TWO, "box")]
    return chart


def answered(section: Mapping[str, Any]) -> Chart:
    """Draw the accuracy against the share of texts that are answered."""
    points = section["points"]
    low, _ = bounds(point["accuracy"] for point in points)
    chart = Chart((0, 1), (max(0.0, min(low, 0.95)), 1.0), "accuracy by share of texts answered",
                  ("share answered", "accuracy"))  # fmt: skip
    chart.line([(point["share"], point["accuracy"]) for point in points], ONE)
    for point in points:
        text = (
            f"abstain below {point['threshold']:.3f}: {point['share']:.1%} answered, accuracy {point['accuracy']:.4f}"
        )
        chart.dot(point["share"], point["accuracy"], text, ONE, visible=point in section["table"])
    return chart


def precision_recall(labels: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Chart]]:
    """Draw precision against recall of each label that has points."""
    for one in labels:
        if one["points"]:
            chart = Chart((0, 1), (0, 1), "precision by recall", ("recall", "precision"), size=SMALL)
            chart.line([(recall, precision) for recall, precision, _ in one["points"]], ONE)
            for recall, precision, threshold in one["points"]:
                text = f"threshold {threshold:.3f}: precision {precision:.3f}, recall {recall:.3f}"
                chart.dot(recall, precision, text, ONE, visible=False)
            yield one["label"], chart


def lengths(section: Mapping[str, Any]) -> Chart:
    """Draw the distribution of words per text in each split."""
    edges, shares = section["edges"], section["shares"]
    most = max(max(of) for of in shares.values())
    chart = Chart((edges[0], edges[-1]), (0, most * 1.08), "share of texts by number of words",
                  ("words per text", "share of texts"), log=True)  # fmt: skip
    for color, (name, of) in enumerate(shares.items(), start=1):
        style = "dashed" if color == TWO else ""
        corners = []
        for number, share in enumerate(of):
            corners += [(edges[number], share), (edges[number + 1], share)]
            middle = math.sqrt(edges[number] * edges[number + 1])
            last = edges[number + 1] - 1
            words = f"{edges[number]:,} to {last:,}" if last > edges[number] else f"{last:,}"
            chart.dot(middle, share, f"{name}: {share:.1%} of texts have {words} words", color, visible=False)
        chart.line(corners, color, style)
        chart.legend.append((name, color, style))
    return chart
