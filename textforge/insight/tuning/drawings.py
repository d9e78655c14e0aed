"""The charts of a tuning, from the values of tuning.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textforge.insight.report.charts import WIDTH, Chart, bounds

ONE, TWO, OTHER = 1, 2, 0
"""Color numbers of the style sheet: trials, what was chosen, and what does not count."""
HEAD, ROW = 80.0, 34.0
"""Height of a chart of differences without its rows, and of a row, in SVG units."""


def _done(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in found["trials"] if one["value"] is not None]


def shown_metric(found: Mapping[str, Any]) -> str:
    """The metric in words."""
    return str(found["metric"]).replace("_f1", " F1").replace("_", " ")


def best_so_far(found: Mapping[str, Any]) -> Chart | None:
    """Draw the value of each trial, and the best so far."""
    trials, sign = _done(found), 1 if found["maximize"] else -1
    if len(trials) < 2:
        return None
    metric = shown_metric(found)
    numbers = [one["number"] for one in trials]
    chart = Chart(
        (min(numbers), max(numbers)), bounds(one["value"] for one in trials),
        f"{metric} of each trial, and the best so far", ("trial", metric),
    )  # fmt: skip
    best = trials[0]["value"]
    corners = []
    for one in trials:
        corners.append((one["number"], best))
        best = max(best * sign, one["value"] * sign) * sign
        corners.append((one["number"], best))
    chart.line(corners, OTHER)
    for one in trials:
        chosen = one["number"] == found["chosen"]["trial"]
        chart.dot(one["number"], one["value"], _title(one, metric), TWO if chosen else ONE)
    chart.legend = [("trial", ONE, "box"), ("chosen", TWO, "box"), ("best so far", OTHER, "")]
    return chart


def frontier(found: Mapping[str, Any]) -> Chart | None:
    """Draw the value of each trial against its seconds, and those that no other beats in both."""
    trials, sign = [one for one in _done(found) if one["seconds"]], 1 if found["maximize"] else -1
    if len(trials) < 2:
        return None
    metric = shown_metric(found)
    seconds = [one["seconds"] for one in trials]
    low, high = min(seconds), max(seconds)
    chart = Chart(
        (low / 1.1, high * 1.1), bounds(one["value"] for one in trials),
        f"{metric} by seconds of a trial; the line joins those that no other beats in both",
        ("seconds of a trial", metric), log=True,
    )  # fmt: skip
    front: list[Mapping[str, Any]] = []
    for one in sorted(trials, key=lambda one: (one["seconds"], -sign * one["value"])):
        if not front or sign * one["value"] > sign * front[-1]["value"]:
            front.append(one)
    corners: list[tuple[float, float]] = []
    for one in front:
        corners += [(one["seconds"], corners[-1][1])] if corners else []
        corners.append((one["seconds"], one["value"]))
    chart.line([*corners, (high, corners[-1][1])], OTHER)
    for one in trials:
        chosen = one["number"] == found["chosen"]["trial"]
        chart.dot(one["seconds"], one["value"], _title(one, metric), TWO if chosen else ONE)
    chart.legend = [("trial", ONE, "box"), ("chosen", TWO, "box"), ("frontier", OTHER, "")]
    return chart


def differences(found: Mapping[str, Any]) -> Chart | None:
    """Draw the differences between challengers and the default, each with the range that chance explains."""
    verdicts = found["chosen"]["verdicts"][::-1]
    if not verdicts:
        return None
    metric = shown_metric(found)
    rows = [f"{one['trial']} − {found['chosen']['default']}" for one in verdicts]
    ends = [0.0]
    for one in verdicts:
        room = one["needed"] * _finite(one["error"])
        ends += [one["difference"] - room, one["difference"] + room]
    chart = Chart(
        bounds(ends), (-0.6, len(rows) - 0.4), f"difference of {metric} between challengers and the default",
        (f"difference of {metric}", ""), size=(WIDTH, HEAD + ROW * len(rows)), rows=rows,
    )  # fmt: skip
    chart.mark(0, "0")
    for height, one in enumerate(verdicts):
        room = one["needed"] * _finite(one["error"])
        color = ONE if one["better"] else OTHER
        low, high = one["difference"] - room, one["difference"] + room
        chart.line([(low, height), (high, height)], color, "bold")
        text = f"trial {one['trial']}: {one['difference']:+.4f}, by chance up to {room:.4f} either way"
        chart.dot(one["difference"], height, text, color)
    return chart


def _finite(value: float | None) -> float:
    return 0.0 if value is None or value == float("inf") else value


def _title(one: Mapping[str, Any], metric: str) -> str:
    return f"trial {one['number']}: {metric} {one['value']:.4f}, {one['seconds'] or 0:.1f} s, {one['what']}"
