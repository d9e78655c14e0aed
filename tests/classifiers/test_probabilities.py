"""Which labels are written with their probability."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import small_recipe, write_csv
from hypothesis import given, strategies as st

import textforge
from textforge.classifiers.decision import Decision
from textforge.classifiers.streams.predictions import answered, predictions
from textforge.classifiers.streams.probabilities import MOST, as_limit, most_probable
from textforge.errors import RecipeError


@pytest.mark.parametrize(("given", "limit"), [("all", None), (1, 1), ("7", 7), (MOST, 20), (np.int64(3), 3)])
def test_a_limit_is_a_number_or_all(given: Any, limit: int | None) -> None:
    assert as_limit(given) == limit


@pytest.mark.parametrize("wrong", [0, -1, "", "many", 1.5, True, None, "٣", "9" * 5000])
def test_a_limit_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(RecipeError, match="whole number from 1 or 'all'"):
        as_limit(wrong)


@given(
    rows=st.lists(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), min_size=1, max_size=5),
    limit=st.none() | st.integers(1, 8),
    also=st.lists(st.integers(0, 5), max_size=3),
)
def test_the_most_probable_come_first_and_what_is_wanted_is_among_them(
    rows: list[list[float]], limit: int | None, also: list[int]
) -> None:
    probabilities = np.array(rows, dtype=np.float32)
    classes, values = most_probable(probabilities, limit, [also] * len(rows))
    for row, numbers, found in zip(probabilities, classes, values, strict=True):
        assert found == row[numbers].tolist() == sorted(found, reverse=True)
        assert len(numbers) == len({*numbers}) >= min(limit or 6, 6)
        assert {*also} <= {*numbers}
        assert len(numbers) <= min(limit or 6, 6) + len({*also})
        left = [row[n] for n in range(6) if n not in numbers]
        assert not left or max(left) <= found[min(limit or 6, 6) - 1]


def test_several_labels_are_all_written_beside_the_most_probable() -> None:
    class Given:
        labels = tuple("abcdef")
        decision = Decision(multi_label=True, thresholds=(0.9, 0.9, 0.9, 0.9, 0.1, 0.1))

        def predict_proba(self, texts: Any) -> Any:
            return np.array([[0.8, 0.7, 0.6, 0.5, 0.2, 0.3]], dtype=np.float32)

    (one,) = next(iter(answered(Given(), [["x"]], limit=2))).dicts()
    assert one["labels"] == ["e", "f"]
    assert list(one["probabilities"]) == ["a", "b", "f", "e"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 40 classes."""
    labels = [f"c{n % 40:02}" for n in range(400)]
    return write_csv(tmp_path_factory.mktemp("many") / "many.csv", [f"word{label} x" for label in labels], labels)


@pytest.mark.parametrize(("options", "kept"), [({}, 20), ({"probabilities": 3}, 3), ({"probabilities": "all"}, 40)])
def test_runs_and_folds_and_predictions_write_as_many(
    many: Path, tmp_path: Path, options: dict[str, Any], kept: int
) -> None:
    recipe = small_recipe(many, trainer={"epochs": 1, "batch_size": 64})
    run = textforge.run(recipe, out=tmp_path / "run", **options)
    folds = textforge.cross_validate(recipe, folds=2, out=tmp_path / "folds", **options)
    for path in (run.path, folds.path):
        for line in (path / "predictions.jsonl").read_text().splitlines():
            row = json.loads(line)
            by_label = row["probabilities"]
            extra = {row["gold"], row["predicted"]} - {*sorted(by_label, key=lambda one: -by_label[one])[:kept]}
            assert len(by_label) == kept + len(extra) or len(by_label) == kept
            assert {row["gold"], row["predicted"]} <= {*by_label}
            assert list(by_label) == sorted(by_label), "in the order of the labels"
    (one,) = predictions(run.classifier, ["wordc07 x"], **options)
    assert len(one["probabilities"]) == kept


def test_a_wrong_number_is_refused_before_there_is_a_folder(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv)
    for call in (textforge.run, textforge.cross_validate):
        with pytest.raises(RecipeError, match="probabilities must be"):
            call(recipe, out=tmp_path / "out", probabilities=0)
    with pytest.raises(RecipeError, match="probabilities must be"):
        textforge.run_seeds(recipe, [0], out=tmp_path / "out", probabilities="some")
    assert not (tmp_path / "out").exists()
