"""Parallel coordinates: an axis for each parameter, a line for each trial (Inselberg 1985)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from textforge.insight.report.charts import Tick, short

BETWEEN, HEIGHT, MARGIN = 150.0, 300.0, 76.0
"""Distance of two axes, height of the drawing, and room on both sides, in SVG units."""
TOP, BOTTOM = 44.0, 24.0
AXES = 7
"""Largest number of parameters that are drawn; those that mattered most come first."""
LONGEST = 21
"""Number of characters of a name or value that are shown."""


class Line(NamedTuple):
    points: str
    shade: float
    """0 for the worst trial and 1 for the best."""
    chosen: bool
    title: str


@dataclass
class Axis:
    """One parameter."""

    name: str
    x: float
    ticks: list[Tick]
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass
class Parallel:
    """The drawing for the trials of one recipe."""

    start: str
    width: float
    height: float = HEIGHT
    axes: list[Axis] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def parallel(found: Mapping[str, Any]) -> Parallel | None:
    """Draw the trials of the recipe that was varied most often; None if there are too few."""
    trials = [one for one in found["trials"] if one["value"] is not None and one["parameters"]]
    if not trials:
        return None
    (start, n), *_ = Counter(one["start"] for one in trials).most_common(1)
    trials = [one for one in trials if one["start"] == start]
    names = _names(found, trials, start)
    if n < 3 or not names:
        return None
    metric = str(found["metric"]).replace("_f1", " F1").replace("_", " ")
    drawing = Parallel(start, 2 * MARGIN + BETWEEN * len(names))
    columns = [[one["parameters"].get(name) for one in trials] for name in names]
    values = [one["value"] for one in trials]
    heights = []
    for number, (name, column) in enumerate(zip([*names, metric], [*columns, values], strict=True)):
        axis, at = _axis(name, MARGIN + BETWEEN * number, column)
        drawing.axes.append(axis)
        heights.append(at)
    sign = 1 if found["maximize"] else -1
    low, high = min(sign * value for value in values), max(sign * value for value in values)
    ranked = sorted(range(len(trials)), key=lambda row: sign * values[row])
    ranked.sort(key=lambda row: trials[row]["number"] == found["chosen"]["trial"])
    for row in ranked:  # the best on top, and what was chosen above all
        one = trials[row]
        points = [
            f"{axis.x:g},{at[row]:g}" for axis, at in zip(drawing.axes, heights, strict=True) if at[row] is not None
        ]
        shade = (sign * values[row] - low) / ((high - low) or 1)
        title = f"trial {one['number']}: {metric} {one['value']:.4f}, {one['what']}"
        drawing.lines.append(Line(" ".join(points), round(shade, 3), one["number"] == found["chosen"]["trial"], title))
    return drawing


def _names(found: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], start: str) -> list[str]:
    """The parameters that differ between trials, the most important ones first."""
    seen = dict.fromkeys(name for one in trials for name in one["parameters"])
    varied = [name for name in seen if len({str(one["parameters"].get(name)) for one in trials}) > 1]
    weight = {name.removeprefix(f"{start}: "): value for name, value in found["importance"].items()}
    return sorted(varied, key=lambda name: -weight.get(name, 0.0))[:AXES]


def _axis(name: str, x: float, column: Sequence[Any]) -> tuple[Axis, list[float | None]]:
    """An axis, and the height of each value on it; None for a trial without the parameter."""
    top, bottom = TOP, HEIGHT - BOTTOM
    known = [value for value in column if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        low, high = min(known), max(known)
        log = low > 0 and high / low >= 8

        def part(value: float) -> float:
            if log:
                return float((math.log(value) - math.log(low)) / (math.log(high) - math.log(low)))
            return float((value - low) / ((high - low) or 1))

        middle = math.sqrt(low * high) if log else (low + high) / 2
        marks = [(value, short(float(f"{value:.3g}"))) for value in (low, middle, high)]
        numbers = [None if value is None else part(value) for value in column]
        ticks = [(part(value), text) for value, text in marks]
    else:
        names = sorted({str(value) for value in known})
        places = {one: number / max(1, len(names) - 1) if len(names) > 1 else 0.5 for number, one in enumerate(names)}
        numbers = [None if value is None else places[str(value)] for value in column]
        ticks = [(places[one], _cut(one)) for one in names]

    def at(share: float) -> float:
        return round(bottom - share * (bottom - top), 1)

    axis = Axis(_cut(name, end=True), x, [Tick(at(share), text) for share, text in ticks])
    return axis, [None if number is None else at(number) for number in numbers]


def _cut(text: str, *, end: bool = False) -> str:
    """Shorten a name; the end of a dotted key says most."""
    if len(text) <= LONGEST:
        return text
    return f"…{text[1 - LONGEST :]}" if end else f"{text[: LONGEST - 1]}…"
