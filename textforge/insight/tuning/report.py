"""The report of a tuning: what was chosen and why, what mattered, and every trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textforge.errors import BundleError
from textforge.insight.report.rendering import render
from textforge.insight.tuning.drawings import best_so_far, differences, frontier
from textforge.insight.tuning.parallel import parallel
from textforge.runs.folder import read_object
from textforge.runs.tuning.identity import BEST, TUNING

MATTERED = 12
"""Largest number of parameters in the table of what mattered."""
LEAST = 0.005
"""Smallest share of a parameter in it."""


def tuning_values(path: str | Path) -> dict[str, Any]:
    """The values of a report on a finished tuning: the content of tuning.json, and the text of best.yaml as `best`.

    Args:
        path: the folder of the tuning.

    Raises:
        BundleError: the tuning is unfinished or damaged.
    """
    folder = Path(path)
    if not (folder / TUNING).is_file():
        raise BundleError(f"{folder}: no finished tuning: it has no {TUNING}. Give the command of the tuning again.")
    found = read_object(folder / TUNING, f"{folder}: its {TUNING} is damaged")
    try:
        found["best"] = (folder / BEST).read_text(encoding="utf-8")
    except OSError as error:
        raise BundleError(f"{folder / BEST}: cannot be read: {error.strerror}.") from error
    return found


def page(found: dict[str, Any]) -> str:
    """Return the HTML of the report of a tuning.

    Args:
        found: the result of `tuning_values`.
    """
    trials = found["trials"]
    by_number = {one["number"]: one for one in trials}
    chosen = found["chosen"]
    return render(
        "tuning.html",
        found=found,
        chosen=by_number[chosen["trial"]],
        default=by_number.get(chosen["default"]),
        finalists=[_finalist(found, by_number, number) for number in chosen["figures"]],
        done=[one for one in trials if one["value"] is not None],
        charts=[chart for chart in (best_so_far(found), frontier(found)) if chart is not None],
        verdicts=differences(found),
        parallels=parallel(found),
        importance=[one for one in found["importance"].items() if one[1] >= LEAST][:MATTERED],
    )


def _finalist(found: dict[str, Any], by_number: dict[int, Any], number: str) -> dict[str, Any]:
    """A row of the table of finalists."""
    verdict = next((one for one in found["chosen"]["verdicts"] if str(one["trial"]) == number), None)
    return {
        **by_number[int(number)],
        "mean": found["chosen"]["figures"][number],
        "verdict": verdict,
        "is_chosen": int(number) == found["chosen"]["trial"],
        "is_default": int(number) == found["chosen"]["default"],
    }
