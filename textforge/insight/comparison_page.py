"""The page of a comparison, in the style of a report: verdicts, systems, differences, seeds, recipes, flipped texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textforge.insight.recipe_differences import shown_differences
from textforge.insight.report.charts import WIDTH, Chart, bounds
from textforge.insight.report.rendering import excerpt, render

LONGEST = 3000
"""Number of characters of a flipped text that the page has."""
HEAD, ROW = 80.0, 34.0
"""Height of a chart of differences without its rows, and of a row, in SVG units."""
ABOVE, BELOW, UNSHOWN = 1, 2, 0
"""Color numbers of the style sheet: of differences above and below 0, and of those that the texts do not show."""


def comparison_page(found: Mapping[str, Any]) -> str:
    """Return the HTML of a comparison.

    Args:
        found: the result of `compare`.
    """
    return render(
        "comparison.html",
        found=found,
        names=[*found["runs"][0]["metrics"]],
        seeds=[(run["letter"], _accuracies(run)) for run in found["runs"]],
        charts=[*difference_charts(found["comparisons"])],
        directions=[[*_directions(entry)] for entry in found["comparisons"]],
        recipes=[[*shown_differences(entry["recipes"])] for entry in found["comparisons"]],
    )


def difference_charts(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Chart]]:
    """Draw the differences of each metric with their intervals, a row per comparison, and a line at 0.

    Yields:
        The name of the metric, and its chart.
    """
    rows = [f"{entry['other']} − {entry['first']}" for entry in entries][::-1]  # the first one on top
    for name in entries[0]["metrics"]:
        ends = [end for entry in entries for end in (*entry["metrics"][name]["interval"], 0.0)]
        chart = Chart(
            bounds(ends), (-0.6, len(rows) - 0.4), f"difference of {name} with its 95 % interval by comparison",
            (f"difference of {_words(name)}", ""), size=(WIDTH, HEAD + ROW * len(rows)), rows=rows,
        )  # fmt: skip
        chart.mark(0, "0")
        for height, entry in enumerate(entries[::-1]):
            one = entry["metrics"][name]
            low, high = one["interval"]
            color = UNSHOWN if low <= 0 <= high else ABOVE if low > 0 else BELOW
            chart.line([(low, height), (high, height)], color, "bold")
            text = f"{entry['other']} minus {entry['first']}: {one['difference']:+.4f}, {low:+.4f} to {high:+.4f}"
            chart.dot(one["difference"], height, text, color)
        yield name, chart


def _directions(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The flipped texts of both directions: who is right, who is wrong, how many, and the texts with their answers."""
    names = {"first": entry["first"], "other": entry["other"]}
    for key, better, worse in (("gained", "other", "first"), ("lost", "first", "other")):
        texts = []
        for row in entry["flipped"][key]:
            text = row["text"] or ""
            cut = max(0, len(text) - LONGEST)
            texts.append({**row, "answer": row[worse], "excerpt": excerpt(text[:LONGEST]), "cut": cut})
        yield {"right": names[better], "wrong": names[worse], "n": entry[key], "rows": texts}


def _accuracies(run: Mapping[str, Any]) -> list[float]:
    """The accuracy of each seed of a system."""
    accuracy = run["metrics"]["accuracy"]
    found: list[float] = accuracy.get("values", [accuracy["value"]])
    return found


def _words(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")
