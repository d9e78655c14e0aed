"""Every recipe that ships with textforge does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

import textforge
from textforge import load_recipe

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def test_there_are_recipes() -> None:
    assert {"newsgroups.yaml", "quickstart.yaml"} <= {path.name for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_is_fine_and_reads_back_from_its_resolved_form(path: Path) -> None:
    resolved = load_recipe(path).resolved()
    assert load_recipe(resolved).resolved() == resolved


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_says_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"textforge run recipes/{path.name}" in text


def test_newsgroups_is_the_setup_of_the_article() -> None:
    recipe = load_recipe(ROOT / "recipes" / "newsgroups.yaml").resolved()
    assert recipe["seed"] == 0
    assert recipe["dataset"] == {
        "use": "newsgroups",
        "categories": ["comp.graphics", "sci.space", "rec.sport.baseball"],
        "remove": [],
        "archive": None,
    }
    vectorizer = recipe["vectorizer"]
    assert (vectorizer["use"], vectorizer["split"], vectorizer["lowercase"]) == ("bow", "spaces", True)
    assert (vectorizer["min_df"], vectorizer["max_df"], vectorizer["max_features"]) == (1, 1, None)
    assert vectorizer["binary"] is False
    model = recipe["model"]
    assert (model["use"], model["hidden"], model["activation"]) == ("mlp", [100, 100], "relu")
    assert (model["norm"], model["dropout"], model["input_dropout"]) == (None, 0, 0)
    optimizer = recipe["optimizer"]
    assert (optimizer["use"], optimizer["lr"], optimizer["weight_decay"]) == ("adam", 0.01, 0)
    trainer = recipe["trainer"]
    assert (trainer["epochs"], trainer["batch_size"]) == (10, 150)
    assert (trainer["shuffle"], trainer["drop_last"]) == (False, True)
    assert (trainer["validation"], trainer["patience"], trainer["clip_norm"]) == (0, None, None)
    assert "loss" not in recipe, "plain cross-entropy"
    assert "scheduler" not in recipe


@pytest.mark.slow
def test_quickstart_learns_without_a_download(tmp_path: Path) -> None:
    overrides = {
        "dataset.per_package": 60,
        "dataset.packages": ["numpy", "torch"],
        "trainer.epochs": 3,
        "trainer.batch_size": 16,
    }
    run = textforge.run(ROOT / "recipes" / "quickstart.yaml", overrides=overrides, out=tmp_path / "run")
    assert run.result["labels"] == ["numpy", "torch"]
    assert run.test["n"] == 30
    assert run.test["accuracy"] > 0.6, "better than guessing one of two"
    assert run.result["valid"] is not None


SHORT = {"trainer.epochs": 2, "trainer.batch_size": 32}
SMALL_DATA = {
    "newsgroups": {"categories": ["comp.graphics", "sci.space"]},
    "docstrings": {"packages": ["numpy", "torch"], "per_package": 100},
}


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_runs_on_a_part_of_its_data(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    recipe = load_recipe(path)
    dataset = recipe.dataset.component.name
    if dataset == "newsgroups":
        request.getfixturevalue("corpus")
    overrides = {f"dataset.{key}": value for key, value in SMALL_DATA[dataset].items()}
    if not recipe.model.component.fits_itself:
        overrides |= SHORT
    if "max_length" in recipe.vectorizer.options:
        overrides["vectorizer.max_length"] = 50
    run = textforge.run(path, overrides=overrides, out=tmp_path / "run")
    chance = max(one["support"] for one in run.test["per_class"].values()) / run.test["n"]
    if not run.result["multi_label"]:
        assert run.test["accuracy"] > chance, "better than always the same answer"
    assert textforge.load(run.path).labels == run.classifier.labels
