"""The report of a tuning: the choice and its reasons, what mattered, every trial."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import only_json
from in_process import invoke

import textforge
from textforge import BundleError
from textforge.insight.tuning.drawings import best_so_far, differences, frontier
from textforge.insight.tuning.parallel import parallel
from textforge.insight.tuning.report import page as of_tuning, tuning_values

HOSTILE = "<script>alert(1)</script>"


def trial(number: int, value: float | None, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "start": "strong", "generation": 0, "values": {}, "what": f"strong {HOSTILE}",
        "parameters": {"model.C": 10.0**number, "model.how": "ab"[number % 2]},
        "state": "done" if value is not None else "failed", "value": value, "rungs": [],
        "figures": None if value is None else {"accuracy": value, "macro_f1": value},
        "seconds": 1.0 + number, "failed": None if value is not None else f"not today {HOSTILE}", **more,
    }  # fmt: skip


@pytest.fixture
def found() -> dict[str, Any]:
    verdict = {"trial": 2, "difference": 0.05, "error": 0.01, "accuracy": 0.04, "better": True, "needed": 2.0}
    means = {"macro_f1": 0.8, "accuracy": 0.8}
    return {
        "source": "reviews.csv", "recipe": "reviews", "left_out": [], "budget": 60.0, "seconds": 59.0, "warnings": [],
        "metric": "macro_f1", "maximize": True, "seed": 0, "labels": ["a", "b"], "n_train": 900, "folds": 5,
        "workers": 2, "starts": [],
        "trials": [trial(0, 0.7), trial(1, 0.6), trial(2, 0.8), trial(3, None), trial(4, 0.75)],
        "chosen": {"trial": 2, "default": 0, "reason": "it was better", "folds": [1, 2], "verdicts": [verdict],
                   "figures": {"0": means, "2": {**means, "macro_f1": 0.85}}},
        "importance": {"strong: model.C": 0.9, "strong: model.how": 0.1},
        "test": {"accuracy": 0.81, "macro_f1": 0.79, "n": 100},
    }  # fmt: skip


def folder(path: Path, found: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "tuning.json").write_text(json.dumps(found))
    (path / "best.yaml").write_text("# why\nseed: 0\n")
    return path


def page(path: Path, found: dict[str, Any]) -> str:
    textforge.report(folder(path / "it", found), path / "report.html")
    return re.sub(r"<(style|script)>.*?</\1>", "", (path / "report.html").read_text(), flags=re.DOTALL)


def test_the_page_has_the_choice_first_and_every_trial(tmp_path: Path, found: dict[str, Any]) -> None:
    shown = page(tmp_path, found)
    assert re.findall(r'<section id="(\w+)"', shown) == ["choice", "test", "search", "mattered", "trials", "recipe"]
    assert "It was better." in shown
    assert "+0.0500" in shown
    assert "90.0 %" in shown
    assert "not today" in shown
    assert "# why" in shown


def test_the_page_escapes_what_a_recipe_or_plugin_says(tmp_path: Path, found: dict[str, Any]) -> None:
    assert HOSTILE not in page(tmp_path, found)


def test_the_page_of_a_single_trial_has_no_charts(tmp_path: Path, found: dict[str, Any]) -> None:
    found["chosen"].update(trial=0, verdicts=[], figures={})
    shown = page(tmp_path, {**found, "trials": found["trials"][:1], "importance": {}, "test": None})
    assert re.findall(r'<section id="(\w+)"', shown) == ["choice", "trials", "recipe"]


def test_the_frontier_joins_the_trials_that_no_other_beats(found: dict[str, Any]) -> None:
    chart = frontier(found)
    assert chart is not None
    corners = {tuple(map(float, point.split(","))) for point in chart.paths[0].points.split()}
    inside = {(chart.at_x(1.0 + n), chart.at_y(value)) for n, value in ((0, 0.7), (2, 0.8))}
    beaten = {(chart.at_x(1.0 + n), chart.at_y(value)) for n, value in ((1, 0.6), (4, 0.75))}
    assert inside <= corners
    assert not beaten & corners


def test_the_best_so_far_never_falls(found: dict[str, Any]) -> None:
    chart = best_so_far(found)
    assert chart is not None
    heights = [float(point.split(",")[1]) for point in chart.paths[0].points.split()]
    assert heights == sorted(heights, reverse=True)  # the y axis of an SVG points down


def test_a_difference_that_chance_explains_is_grey(found: dict[str, Any]) -> None:
    colors = []
    for better in (True, False):
        found["chosen"]["verdicts"][0]["better"] = better
        chart = differences(found)
        assert chart is not None
        colors.append(chart.dots[0].color)
    assert colors == [1, 0]


def test_parallel_coordinates_have_an_axis_for_each_parameter_the_most_important_first(found: dict[str, Any]) -> None:
    drawing = parallel(found)
    assert drawing is not None
    assert [axis.name for axis in drawing.axes] == ["model.C", "model.how", "macro F1"]
    assert [line.chosen for line in drawing.lines] == [False, False, False, True]  # on top of the others
    assert len(drawing.lines[0].points.split()) == 3
    assert parallel({**found, "trials": found["trials"][:2]}) is None


def test_an_unfinished_tuning_has_no_report(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(BundleError, match="no finished tuning: it has no tuning"):
        textforge.report(tmp_path)


def test_the_report_of_any_folder_knows_a_tuning(tmp_path: Path, found: dict[str, Any]) -> None:
    path = folder(tmp_path / "it", found)
    values = textforge.report(path, tmp_path / "report.html")
    assert values == {"run": str(path), "kind": "tuning", **found, "best": "# why\nseed: 0\n"}
    assert (tmp_path / "report.html").read_text() == of_tuning(tuning_values(path))


def test_the_command_prints_the_short_form_of_a_tuning_or_writes_its_page(
    tmp_path: Path, found: dict[str, Any]
) -> None:
    path = folder(tmp_path / "it", {**found, "test": None})  # data without a test split
    printed = invoke("report", path).stdout.splitlines()
    assert printed[0].startswith("best: trial 2 of 5, strong ")
    assert f"recipe: {path}/best.yaml" in printed
    file = tmp_path / "report.html"
    assert invoke("report", path, "-o", file).stdout == f"report: {file}\n"
    assert '<section id="trials"' in file.read_text()
    assert only_json(invoke("report", path, "--json").stdout)["kind"] == "tuning"
