"""Mistakes come in groups, most confident first, for single labels, sets of labels and abstentions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import GOLD, TEXTS, seeds_folder, written_run

import textforge
from textforge import RecipeError

ANSWERS = ["b", "b", "c", "a", "b", "b", "b", "a", "c", "c", "b", None]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    sure = [{"a": 0.3, "b": 0.4 + row / 100, "c": 0.2} for row in range(12)]
    return written_run(tmp_path / "run", ANSWERS, probabilities=sure)


def between(found: dict[str, Any]) -> list[tuple[Any, Any, list[int]]]:
    return [(group["gold"], group["predicted"], [row["row"] for row in group["rows"]]) for group in found["groups"]]


def test_groups_come_largest_first_and_texts_most_confident_first(run: Path) -> None:
    found = textforge.mistakes(run)
    assert (found["n"], found["wrong"], found["abstained"], found["split"]) == (12, 5, 1, "test")
    assert between(found) == [("a", "b", [1, 0]), ("a", "c", [2]), ("b", "a", [7]), ("c", "b", [10]), ("c", None, [11])]
    assert found["groups"][0]["rows"][0] == {
        "row": 1, "text": TEXTS[1], "gold": "a", "predicted": "b", "confidence": pytest.approx(0.41),
    }  # fmt: skip
    json.dumps(found, allow_nan=False)


def test_an_abstention_names_the_label_that_was_withheld(run: Path) -> None:
    (row,) = textforge.mistakes(run)["groups"][-1]["rows"]
    assert (row["predicted"], row["withheld"], row["confidence"]) == (None, "b", pytest.approx(0.51))


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        ({"gold": "a"}, [("a", "b"), ("a", "c")]),
        ({"predicted": "b"}, [("a", "b"), ("c", "b")]),
        ({"label": "c"}, [("a", "c"), ("c", "b"), ("c", None)]),
        ({"gold": "a", "predicted": "c"}, [("a", "c")]),
        ({"gold": "b", "predicted": "c"}, []),
    ],
)
def test_filters_choose_groups(run: Path, wanted: dict[str, str], groups: list[Any]) -> None:
    found = textforge.mistakes(run, **wanted)
    assert [(gold, predicted) for gold, predicted, _ in between(found)] == groups
    assert found["wrong"] == 5, "the numbers are those of the whole run"


def test_a_limit_holds_for_each_group(run: Path) -> None:
    found = textforge.mistakes(run, limit=1)
    assert between(found)[0] == ("a", "b", [1])
    assert found["groups"][0]["texts"] == 2


def test_sets_are_grouped_by_what_is_missing_and_what_is_too_many(tmp_path: Path) -> None:
    gold = [["a"], ["a", "b"], ["a", "b"], ["b"], []]
    answers = [["a"], ["a"], ["a", "c"], ["b", "c"], ["c"]]
    sure = [
        {"a": 0.9, "b": 0.1, "c": 0.2},
        {"a": 0.9, "b": 0.1, "c": 0.2},
        {"a": 0.9, "b": 0.4, "c": 0.7},
        {"a": 0.1, "b": 0.9, "c": 0.6},
        {"a": 0.1, "b": 0.1, "c": 0.8},
    ]
    folder = written_run(tmp_path / "run", answers, gold=gold, probabilities=sure, labels=["a", "b", "c"])
    found = textforge.mistakes(folder)
    assert found["wrong"] == 4
    assert between(found) == [([], ["c"], [4, 3]), (["b"], [], [1]), (["b"], ["c"], [2])]
    confidence = {row["row"]: row["confidence"] for group in found["groups"] for row in group["rows"]}
    assert confidence == pytest.approx({4: 0.8, 3: 0.6, 1: 0.9, 2: 0.7})
    assert [missing for missing, _, _ in between(textforge.mistakes(folder, gold="b"))] == [["b"], ["b"]]


def test_a_run_without_mistakes_has_no_groups(tmp_path: Path) -> None:
    found = textforge.mistakes(written_run(tmp_path / "run", GOLD))
    assert (found["wrong"], found["groups"], found["warnings"]) == (0, [], [])


def test_mistakes_without_data_keep_their_rows(run: Path) -> None:
    (run.parent / "run-test.csv").unlink()
    found = textforge.mistakes(run)
    assert found["groups"][0]["rows"][0]["text"] is None
    assert "the texts cannot be shown, only their rows" in found["warnings"][0]


def test_a_confidence_that_was_not_stored_is_none(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run", ["b", *GOLD[1:]], probabilities=[{label: 0.6} for label in GOLD])
    assert textforge.mistakes(folder)["groups"][0]["rows"][0]["confidence"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"gold": "A"}, "no label 'A' in this run. Did you mean 'a'. Its labels: a, b, c."),
        ({"limit": 0}, "limit must be a whole number from 1, not 0."),
    ],
)
def test_mistakes_in_the_arguments_are_reported(run: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError) as told:
        textforge.mistakes(run, **options)
    assert says.replace("'a'.", "'a'?") == str(told.value)


def test_a_folder_of_several_seeds_is_refused(tmp_path: Path) -> None:
    folder = seeds_folder(tmp_path / "runs", [GOLD, GOLD])
    with pytest.raises(RecipeError, match="holds the runs of several seeds"):
        textforge.mistakes(folder)
