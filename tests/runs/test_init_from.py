"""A recipe that begins with the classifier of an earlier run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import make_texts, only_json, small_recipe, write_csv
from in_process import invoke

import textforge
from textforge import BundleError, RecipeError

TEXTS, LABELS = make_texts(60)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> textforge.Run:
    folder = tmp_path_factory.mktemp("first")
    write_csv(folder / "data.csv", TEXTS, LABELS)
    return textforge.run(small_recipe(folder / "data.csv"), out=folder / "run")


def recipe(folder: Path, first: textforge.Run, **sections: Any) -> dict[str, Any]:
    """A recipe over data with one class more."""
    music = ["violin concerto orchestra sonata", "opera aria soprano"] * 10
    data = folder / "more.csv"
    write_csv(data, [*TEXTS, *music], [*LABELS, *["music"] * 20])
    return small_recipe(data, **{"init_from": str(first.path), **sections})


def weights(run: textforge.Run) -> list[Any]:
    return [value.tolist() for value in run.classifier.module.state_dict().values()]


def test_a_run_continues_another_and_reports_what_matched(first: textforge.Run, tmp_path: Path) -> None:
    run = textforge.run(recipe(tmp_path, first), out=tmp_path / "run")
    assert run.classifier.labels == ("ball", "paint", "space", "music")
    report = json.loads((run.path / "result.json").read_text())["init_from"]
    assert (report["run"], report["new_classes"], report["new_features"]) == (str(first.path), ["music"], 0)
    assert report["initialized"] == []
    grown = recipe(tmp_path, first, init_from={"run": str(first.path), "vocabulary": "grow"})
    run = textforge.run(grown, out=tmp_path / "grown")
    assert run.result["init_from"]["new_features"] == 7
    assert textforge.load(run.path).predict(["opera aria soprano violin"]) == run.classifier.predict(
        ["opera aria soprano violin"]
    )


def test_the_path_is_relative_to_the_recipe_and_resolved_yaml_repeats_the_run(
    first: textforge.Run, tmp_path: Path
) -> None:
    (tmp_path / "earlier").symlink_to(first.path)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe(tmp_path, first, init_from="earlier")))
    shown = only_json(invoke("run", path, "--json", "--out", tmp_path / "run").stdout)
    assert shown["init_from"]["new_classes"] == ["music"]
    again = textforge.run(tmp_path / "run" / "resolved.yaml", out=tmp_path / "again")
    assert weights(again) == [v.tolist() for v in textforge.load(tmp_path / "run").module.state_dict().values()]


def test_every_seed_continues_the_same_classifier(first: textforge.Run, tmp_path: Path) -> None:
    done = textforge.run_seeds(recipe(tmp_path, first), [0, 1], out=tmp_path / "seeds")
    runs = [json.loads((done.path / run / "result.json").read_text()) for run in done.result["runs"]]
    assert [run["init_from"]["new_classes"] for run in runs] == [["music"]] * 2


def test_folds_and_estimators_do_not_continue_a_classifier(first: textforge.Run, tmp_path: Path) -> None:
    from textforge.sklearn import TextClassifier

    given = recipe(tmp_path, first)
    with pytest.raises(RecipeError, match="init_from is for runs"):
        textforge.cross_validate(given, folds=2, out=tmp_path / "folds")
    with pytest.raises(RecipeError, match="init_from is for runs"):
        TextClassifier(given).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"init_from": "nowhere"}, "init_from: run: no file or folder .*nowhere"),
        ({"init_from": {"vocabulary": "grow"}}, "init_from: run is missing|init_from: .*run"),
        ({"init_from": {"run": ".", "vocabulary": "shrink"}}, "vocabulary must be 'keep' or 'grow'"),
        ({"init_from": 3}, "'init_from' must be a mapping"),
        ({"model": {"use": "complement-nb"}}, "'complement-nb' fits itself on all texts at once"),
        ({"vectorizer": {"use": "tfidf"}}, "belong to the features of its own vectorizer, .*'bow'"),
    ],
)
def test_what_cannot_be_continued_is_refused(
    sections: dict[str, Any], message: str, first: textforge.Run, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=message):
        textforge.run(recipe(tmp_path, first, **sections), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_classifier_is_refused_before_a_folder_is_made(first: textforge.Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="empty"):
        textforge.run(recipe(tmp_path, first, init_from=str(tmp_path / "empty")), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_of_another_shape_are_a_warning(first: textforge.Run, tmp_path: Path) -> None:
    run = textforge.run(recipe(tmp_path, first, model={"use": "mlp", "hidden": [9]}), out=tmp_path / "run")
    assert any("drawn anew: 0.weight" in warning for warning in run.result["warnings"])
