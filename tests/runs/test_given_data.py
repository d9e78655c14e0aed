"""A recipe over data in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import make_texts, small_recipe

import textforge
from textforge import DataError, Dataset, RecipeError, Stream

TRAIN, TEST = make_texts(60), make_texts(30, seed=1)
DATA = Dataset(train=TRAIN, test=TEST)


def recipe(**sections: Any) -> dict[str, Any]:
    found = small_recipe(Path("none.csv"), **sections)
    del found["dataset"]
    return found


def test_a_recipe_without_a_dataset_runs_over_data_given_in_code(tmp_path: Path) -> None:
    run = textforge.run(recipe(), dataset=DATA, out=tmp_path / "run")
    assert run.test["n"] == 30
    assert yaml.safe_load((run.path / "resolved.yaml").read_text())["dataset"] == {"use": "given"}
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["data"]["sha256"] == DATA.fingerprint()
    assert environment["plugins"]["dataset"]["distribution"] == "this program"
    assert textforge.load(run.path).predict(TEST[0]) == run.classifier.predict(TEST[0])


def test_data_given_in_code_replace_the_dataset_of_a_recipe(small_csv: Path, tmp_path: Path) -> None:
    written = small_recipe(small_csv)
    given = textforge.run(written, dataset=DATA, out=tmp_path / "given")
    checked = textforge.run(textforge.load_recipe(written), dataset=DATA, out=tmp_path / "checked")
    alone = textforge.run(recipe(), dataset=DATA, out=tmp_path / "alone")
    assert given.test == checked.test == alone.test


def test_a_stream_may_be_given(tmp_path: Path) -> None:
    chunks = [(TRAIN[0][n : n + 20], TRAIN[1][n : n + 20]) for n in range(0, 60, 20)]
    data = Dataset(train=Stream(3, lambda n: chunks[n]), test=TEST)
    assert textforge.run(recipe(), dataset=data, out=tmp_path / "run").test["n"] == 30
    with pytest.raises(RecipeError, match=r"all (the )?(training )?texts"):
        textforge.run(recipe(model={"use": "complement-nb"}), dataset=data, out=tmp_path / "other")


def test_seeds_and_folds_run_over_data_given_in_code(tmp_path: Path) -> None:
    seeds = textforge.run_seeds(recipe(), [0, 3], dataset=DATA, out=tmp_path / "seeds")
    alone = textforge.run(recipe(), overrides={"seed": 3}, dataset=DATA, out=tmp_path / "alone")
    assert seeds.result["figures"]["accuracy"]["values"][1] == alone.test["accuracy"]
    folds = textforge.cross_validate(recipe(), folds=2, dataset=DATA, out=tmp_path / "folds")
    assert folds.result["n"] == 60 and len(folds.result["figures"]["accuracy"]["values"]) == 2
    assert yaml.safe_load((folds.path / "resolved.yaml").read_text())["dataset"] == {"use": "given"}
    for call in (textforge.cross_validate, lambda of, **given: textforge.run_seeds(of, [0], **given)):
        with pytest.raises(DataError, match="a tuple is not a dataset"):
            call(recipe(), dataset=TRAIN, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()
    stream = Dataset(train=Stream(1, lambda _: TRAIN), test=TEST)
    with pytest.raises(RecipeError, match="cross-validation divides texts in memory"):
        textforge.cross_validate(recipe(), dataset=stream, out=tmp_path / "stream")


def test_what_is_no_dataset_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a tuple is not a dataset"):
        textforge.run(recipe(), dataset=TRAIN, out=tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_the_resolved_recipe_says_that_its_data_were_given_in_code(tmp_path: Path) -> None:
    run = textforge.run(recipe(), dataset=DATA, out=tmp_path / "run")
    with pytest.raises(RecipeError, match=r"resolved\.yaml:.*the data of this recipe were given in code"):
        textforge.run(run.path / "resolved.yaml", out=tmp_path / "again")
    again = textforge.run(run.path / "resolved.yaml", dataset=DATA, out=tmp_path / "again")
    assert again.test == run.test


@pytest.mark.parametrize("overrides", ["trainer.epochs=1", ["trainer.epochs=1"], {"trainer.epochs": 1}])
def test_one_override_may_be_a_text(overrides: Any, tmp_path: Path) -> None:
    run = textforge.run(recipe(), dataset=DATA, overrides=overrides, out=tmp_path / "run")
    assert run.result["epochs"] == 1
    assert run.result["overrides"] == {"trainer.epochs": 1}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("seed", "an override is KEY=VALUE"),
        (5, "overrides must be a dict"),
        ([5], "KEY=VALUE.*not 5"),
        ([("a",)], "KEY"),
    ],
)
def test_overrides_of_another_form_are_refused(overrides: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        textforge.load_recipe(recipe(), overrides=overrides)
