"""Charts of a page as plain values: scales, ticks, lines, bars and dots in the coordinates of an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

WIDTH, HEIGHT = 440.0, 270.0
"""Size of a chart in SVG units. Text of 12 units stays readable when a phone shows the chart 360 pixels wide."""
SMALL = (300.0, 200.0)
"""Size of one of many charts side by side."""
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 26.0, 42.0
DOTS = 60
"""Largest number of points that are drawn as dots; more would hide the line."""


class Tick(NamedTuple):
    at: float
    label: str


class Dot(NamedTuple):
    x: float
    y: float
    title: str
    color: int
    visible: bool = True


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    title: str
    color: int


class Path(NamedTuple):
    points: str
    """Coordinates as the attribute `points` of a polyline."""
    color: int
    style: str = ""
    """A further CSS class, such as `dashed`."""


@dataclass(frozen=True)
class Scale:
    """Map values to coordinates, linearly or by the logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        part = (value - low) / ((high - low) or 1)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self, most: int = 6) -> list[Tick]:
        """At most about `most` round values with their places."""
        if self.log:
            steps = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            bases = (1, 2, 5) if len(steps) <= 4 else (1,)
            values = [base * 10.0**step for step in steps for base in bases]
        else:
            values = round_values(self.low, self.high, most)
        margin = 1e-9 * abs(self.high - self.low)
        return [Tick(self(value), short(value)) for value in values
                if self.low - margin <= value <= self.high + margin]  # fmt: skip


@dataclass
class Chart:
    """A chart with two axes.

    Args:
        x, y: the ranges of values.
        title: a sentence for readers who cannot see the chart.
        labels: names of the axes.
        log: whether the x axis is logarithmic.
        size: width and height in SVG units.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    title: str
    labels: tuple[str, str]
    log: bool = False
    size: tuple[float, float] = (WIDTH, HEIGHT)
    legend: list[tuple[str, int, str]] = field(default_factory=list)
    """Name, color number and CSS class of each series."""
    bars: list[Bar] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    marks: list[Tick] = field(default_factory=list)
    """Vertical lines with a label."""
    rows: Sequence[str] = ()
    """Names on the y axis in place of numbers, at the heights 0, 1, …"""

    def __post_init__(self) -> None:
        self.width: float = self.size[0]
        self.height: float = self.size[1]
        self.left: float = LEFT
        self.right: float = self.width - RIGHT
        self.top: float = TOP
        self.bottom: float = self.height - BOTTOM
        self.at_x: Scale = Scale(*self.x, self.left, self.right, self.log)
        self.at_y: Scale = Scale(*self.y, self.bottom, self.top)

    def y_ticks(self) -> list[Tick]:
        """The names of the rows, or round values."""
        return [Tick(self.at_y(n), name) for n, name in enumerate(self.rows)] or self.at_y.ticks()

    def line(self, points: Sequence[Sequence[float]], color: int, style: str = "") -> None:
        """Add a line through points (x, y)."""
        self.paths.append(Path(" ".join(f"{self.at_x(x):g},{self.at_y(y):g}" for x, y in points), color, style))

    def dot(self, x: float, y: float, title: str, color: int, *, visible: bool = True) -> None:
        """Add a dot; an invisible one only has a title to hover over."""
        self.dots.append(Dot(self.at_x(x), self.at_y(y), title, color, visible))

    def bar(self, xs: tuple[float, float], ys: tuple[float, float], title: str, color: int) -> None:
        """Add a bar between two values on each axis."""
        (left, right), (low, high) = map(self.at_x, xs), map(self.at_y, ys)
        self.bars.append(Bar(left, high, round(right - left, 1), round(low - high, 1), title, color))

    def mark(self, x: float, label: str) -> None:
        """Add a vertical line."""
        self.marks.append(Tick(self.at_x(x), label))


def round_values(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between two values, at most `most` of them."""
    if not high > low:
        return [low]
    for power in range(math.floor(math.log10((high - low) / most)), 400):
        for base in (1, 2, 5):
            step = base * 10.0**power
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first < most:
                return [round(number * step, 12) for number in range(first, last + 1)]
    return [low, high]


def bounds(values: Iterable[float], *, from_zero: bool = False) -> tuple[float, float]:
    """A range that holds all values, with some room; never empty."""
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(found), max(found)
    room = 0.05 * (high - low) or abs(high) * 0.05 or 0.5
    return (0.0 if from_zero else low - room), high + room


def short(value: float) -> str:
    """A number as an axis shows it: 0.25, 1,000, 1e-05."""
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.0e}"
    return f"{value:g}"


def dotted(points: Sequence[Any]) -> bool:
    """Whether the points of a line are few enough to be drawn as dots."""
    return len(points) <= DOTS
