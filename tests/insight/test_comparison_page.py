"""The page of a comparison: verdicts, systems, differences, luck of the seed, recipes and flipped texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from run_folders import GOLD, seeds_folder, written_run

import textforge
from textforge.errors import StorageError
from textforge.insight.comparison_page import ABOVE, BELOW, LONGEST, UNSHOWN, difference_charts

LONG = ["a", "b"] * 60
HOSTILE = "<script>alert(1)</script>"


def answers(*wrong: int) -> list[str]:
    return [{"a": "b", "b": "a"}[label] if row in wrong else label for row, label in enumerate(LONG)]


def read(file: Path) -> str:
    """The page without its style sheet and script."""
    return re.sub(r"<(style|script)>.*?</\1>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The comparison of three runs, B much better than A and C like A, and its page."""
    folder = tmp_path_factory.mktemp("compared")
    texts = [f"{HOSTILE} text {n} " + "word " * 1000 for n in range(len(LONG))]
    runs = [
        written_run(folder / name, answers(*wrong), gold=LONG, texts=texts)
        for name, wrong in (("a", range(40)), ("b", ()), ("c", range(1, 41)))
    ]
    found = textforge.compare(*runs, texts=3, out=folder / "page.html")
    return found, read(folder / "page.html")


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.DOTALL)
    assert found, name
    return found[0]


def test_the_verdicts_come_first(compared: tuple[dict[str, Any], str]) -> None:
    found, page = compared
    order = re.findall(r'<section id="(\w+)"', page)
    assert order == ["verdict", "systems", "differences", "seeds", "recipes", "flipped"]
    verdicts = section(page, "verdict")
    for entry in found["comparisons"]:
        assert entry["verdict"] in verdicts
    assert "B and A: " in verdicts


def test_systems_and_differences_show_the_values_of_the_comparison(compared: tuple[dict[str, Any], str]) -> None:
    found, page = compared
    systems, differences = section(page, "systems"), section(page, "differences")
    for run in found["runs"]:
        assert run["run"] in systems
        assert f"{run['metrics']['accuracy']['value']:.4f}" in systems
    for entry in found["comparisons"]:
        low, high = entry["metrics"]["accuracy"]["interval"]
        assert f"{low:+.4f} to {high:+.4f}" in differences
        assert f'<td class="number">{entry["test"]["p_holm"]:.2g}</td>' in differences
    assert "McNemar" in differences
    assert "Holm" in differences


def test_a_single_comparison_has_no_corrected_p_value(tmp_path: Path) -> None:
    runs = [written_run(tmp_path / name, answers(*wrong), gold=LONG) for name, wrong in (("a", (1, 2)), ("b", ()))]
    textforge.compare(*runs, out=tmp_path / "page.html")
    assert "Holm" not in read(tmp_path / "page.html")


def test_flipped_texts_are_escaped_and_cut(compared: tuple[dict[str, Any], str]) -> None:
    _, page = compared
    flipped = section(page, "flipped")
    assert "B right, A wrong: 40 texts, 3 shown" in flipped
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in flipped
    assert f"({len(HOSTILE) + 8 + 5000 - LONGEST:,} more characters)" in flipped  # "text 0" and spaces


def test_differing_options_are_listed(compared: tuple[dict[str, Any], str]) -> None:
    _, page = compared
    assert "dataset.test" in section(page, "recipes")


def test_a_difference_is_grey_unless_its_interval_excludes_0(compared: tuple[dict[str, Any], str]) -> None:
    found, _ = compared
    (name, chart), *_ = difference_charts(found["comparisons"])
    assert name == "accuracy"
    assert [tick.label for tick in chart.y_ticks()] == ["C − A", "B − A"]  # from bottom to top
    assert [dot.color for dot in chart.dots] == [UNSHOWN, ABOVE]
    worse = [{**entry, "metrics": {"accuracy": {"difference": -0.2, "interval": [-0.3, -0.1]}}}
             for entry in found["comparisons"]]  # fmt: skip
    (_, chart), *_ = difference_charts(worse)
    assert {dot.color for dot in chart.dots} == {BELOW}


def test_the_luck_of_the_seed_is_shown_or_said_to_be_unknown(
    compared: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    assert "is not known" in section(compared[1], "seeds")
    wrong = [["b", *GOLD[1:]], [*GOLD[:-1], "a"]]
    folders = [seeds_folder(tmp_path / "one", wrong), seeds_folder(tmp_path / "other", [GOLD, wrong[0]])]
    (entry,) = textforge.compare(*folders, out=tmp_path / "page.html")["comparisons"]
    luck = section(read(tmp_path / "page.html"), "seeds")
    assert f"{100 * entry['seeds']['share_of_variance']:.1f} %" in luck
    assert "1.0000, 0.9167" in luck


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    runs = [written_run(tmp_path / name, GOLD) for name in "ab"]
    with pytest.raises(StorageError, match=r"page\.html"):
        textforge.compare(*runs, out=tmp_path / "missing" / "page.html")
