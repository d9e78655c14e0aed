"""The same recipe with several seeds: each run as if it were alone, mean and spread, what stops in between."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts, small_recipe, write_csv
from hypothesis import given, strategies as st

import textforge
from textforge import DataError, RecipeError
from textforge.classifiers.storage import sha256
from textforge.components.settings import MAX_SEED
from textforge.runs.seeds import MOST, read_seeds
from textforge.runs.summary import summarize


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "small.csv", *make_texts(90))


# -- which seeds -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0-4", [0, 1, 2, 3, 4]),
        ("3", [3]),
        ("7-7", [7]),
        ("1,5,7", [1, 5, 7]),
        ("0-2, 10", [0, 1, 2, 10]),
        (" 5 , 1 - 2", [5, 1, 2]),
        (str(MAX_SEED), [MAX_SEED]),
        (f"0-{MOST - 1}", [*range(MOST)]),
    ],
)
def test_seeds_are_read(text: str, seeds: list[int]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["4-0", "-1", "", ",", "1,", "1,,2", "a", "1-", "1-2-3", "0.5", "1e3", "²", str(MAX_SEED + 1), "9" * 5000, "+1"],
)
def test_what_means_no_seeds_is_reported(text: str) -> None:
    with pytest.raises(RecipeError, match="give seeds as a range or a list, as in 0-4 or 1,5,7"):
        read_seeds(text)


@pytest.mark.parametrize("text", [f"0-{MOST}", f"0-{MAX_SEED}", "0-999,1000-1001", "0-600,601-1200"])
def test_too_many_seeds_are_reported(text: str) -> None:
    with pytest.raises(RecipeError, match=f"at most {MOST} seeds at a time"):
        read_seeds(text)


@pytest.mark.parametrize("text", ["1,1", "0-4,3"])
def test_a_seed_named_twice_is_reported(text: str) -> None:
    with pytest.raises(RecipeError, match="names a seed twice"):
        read_seeds(text)


@given(st.text(alphabet="0123456789-, ", max_size=12))
def test_any_text_is_read_or_reported(text: str) -> None:
    try:
        seeds = read_seeds(text)
    except RecipeError:
        return
    assert seeds
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([], "give different seeds, at least one"),
        ([1, 1], "give different seeds, at least one"),
        (3, "give different seeds, at least one"),
        (np.array(3), "give different seeds, at least one"),
        ("01", "give different seeds, at least one"),
        ([-1], "a seed must be a whole number from 0 to 9223372036854775807, not -1"),
        (["1"], "a seed must be a whole number .* not '1'"),
        ([0.5], "a seed must be a whole number .* not 0.5"),
        ([True], "a seed must be a whole number .* not True"),
    ],
)
def test_seeds_that_are_none_are_reported_and_leave_nothing(data: Path, tmp_path: Path, seeds: Any, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        textforge.run_seeds(small_recipe(data), seeds, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_seed_beside_the_seeds_is_reported(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="the seed is overridden, and seeds are given, too"):
        textforge.run_seeds(small_recipe(data), [0, 1], overrides=["seed=5"], out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# -- mean and spread ---------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_spread_is_that_of_the_standard_library(values: list[float]) -> None:
    found = summarize([{"accuracy": value, "n": 3} for value in values])
    assert found.keys() == {"accuracy"}
    assert found["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert found["accuracy"]["std"] == pytest.approx(np.std(values, ddof=1) if len(values) > 1 else 0, abs=1e-12)
    assert found["accuracy"]["values"] == values


def test_what_one_run_could_not_measure_has_no_mean() -> None:
    assert summarize([{"auc": 0.5, "per_class": {}}, {"auc": None, "per_class": {}}]) == {}


# -- runs --------------------------------------------------------------------------------------


def test_each_run_is_as_if_it_were_alone(data: Path, tmp_path: Path) -> None:
    done = textforge.run_seeds(small_recipe(data), [3, np.int64(0)], out=tmp_path / "runs")
    assert json.loads((tmp_path / "runs" / "seeds.json").read_text()) == done.result
    assert (done.result["seeds"], done.result["runs"]) == ([3, 0], ["seed-3", "seed-0"])
    assert done.result["split"] == "test"
    for seed in (0, 3):
        alone = textforge.run(small_recipe(data), overrides={"seed": seed}, out=tmp_path / f"alone-{seed}")
        one = tmp_path / "runs" / f"seed-{seed}"
        for name in ("model/model.safetensors", "predictions.jsonl", "resolved.yaml"):
            assert sha256(one / name) == sha256(alone.path / name)
        assert textforge.load(one).predict(["moon"]) == alone.classifier.predict(["moon"])
    values = [json.loads((tmp_path / "runs" / run / "result.json").read_text())["test"]["accuracy"]
              for run in done.result["runs"]]  # fmt: skip
    assert done.result["figures"]["accuracy"]["values"] == values
    assert done.result["figures"]["accuracy"]["mean"] == pytest.approx(statistics.mean(values))


def test_without_a_test_split_the_validation_figures_count(data: Path, tmp_path: Path) -> None:
    given_ = small_recipe(data, dataset={"use": "csv", "train": str(data), "test_fraction": 0})
    given_["trainer"]["validation"] = 0.2
    done = textforge.run_seeds(given_, [0, 1], out=tmp_path / "runs")
    assert done.result["split"] == "valid"
    assert "loss" in done.result["figures"]


def test_without_any_held_out_texts_there_are_no_figures(data: Path, tmp_path: Path) -> None:
    given_ = small_recipe(data, dataset={"use": "csv", "train": str(data), "test_fraction": 0})
    done = textforge.run_seeds(given_, [0], out=tmp_path / "runs")
    assert (done.result["split"], done.result["figures"]) == (None, {})


class AtTheSecond(textforge.Progress):
    """Raises when the second seed begins, or in its first epoch."""

    def __init__(self, error: BaseException, *, late: bool) -> None:
        self.error, self.late, self.second = error, late, False

    def stage(self, text: str) -> None:
        self.second = self.second or "(2 of 3)" in text
        if self.second and not self.late:
            raise self.error

    def epoch(self, result: Any, epochs: int) -> None:
        if self.second:
            raise self.error


@pytest.mark.parametrize("late", [False, True], ids=["between", "while-training"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, DataError])
def test_runs_that_were_done_stay_when_one_stops(data: Path, tmp_path: Path, error: Any, late: bool) -> None:
    out = tmp_path / "runs"
    with pytest.raises(error) as caught:
        textforge.run_seeds(small_recipe(data), [4, 5, 6], out=out, progress=AtTheSecond(error("x"), late=late))
    again = f"; continue with: textforge resume {out}" if error is KeyboardInterrupt else "."
    unfinished = [f"{out / 'seed-5'} is unfinished: it has no result.json{again}"] if late else []
    assert caught.value.__notes__ == [*unfinished, f"1 of 3 runs are done, in {out}{'.' if late else again}"]
    assert not (out / "seeds.json").exists()
    assert textforge.load(out / "seed-4").predict(["moon"])


def test_a_first_run_that_cannot_be_leaves_nothing(tmp_path: Path) -> None:
    one_class = write_csv(tmp_path / "one.csv", ["words"] * 20, ["x"] * 20)
    with pytest.raises(DataError, match="at least two classes"):
        textforge.run_seeds(small_recipe(one_class), [0, 1], out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs").mkdir()
    with pytest.raises(DataError):
        textforge.run_seeds(small_recipe(one_class), [0, 1], out=tmp_path / "runs")
    assert [*(tmp_path / "runs").iterdir()] == []


def test_a_folder_that_is_taken_is_refused(finished_run: Path, data: Path) -> None:
    before = sorted(finished_run.iterdir())
    with pytest.raises(RecipeError, match="exists and holds a finished run"):
        textforge.run_seeds(small_recipe(data), [0], out=finished_run)
    assert sorted(finished_run.iterdir()) == before


def test_the_folder_of_the_runs_is_no_run_but_says_where_they_are(data: Path, tmp_path: Path) -> None:
    textforge.run_seeds(small_recipe(data), [0], out=tmp_path / "runs")
    with pytest.raises(textforge.BundleError, match=r"it contains runs; the latest is .*seed-0"):
        textforge.load(tmp_path / "runs")
