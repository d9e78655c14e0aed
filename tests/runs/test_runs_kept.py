"""Run folders of every earlier format are read by every command, or say clearly what they lack."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT
from in_process import invoke

import textforge
from textforge.runs.replays.differences import first_difference
from textforge.runs.replays.training_again import Command

KEPT = ROOT / "tests" / "runs" / "kept_runs"
NAMES = sorted(folder.name for folder in KEPT.iterdir() if folder.is_dir() and folder.name != "__pycache__")
SINGLE = [name for name in NAMES if not name.endswith(("seeds", "folds"))]
SEEDS = [name for name in NAMES if name.endswith("seeds")]
FOLDS = [name for name in NAMES if name.endswith("folds")]


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_kept_runs", KEPT / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All kept runs, beside the data that they were made with."""
    make, home = maker(), tmp_path_factory.mktemp("kept")
    make.write_inputs(home)
    for name in NAMES:
        shutil.copytree(KEPT / name, home / name)
    for file in home.rglob("resolved.yaml"):
        file.write_text(file.read_text(encoding="utf-8").replace(make.HOME, str(home)), encoding="utf-8")
    return home


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: Command, arguments: Sequence[str], environment: Mapping[str, Any]) -> None:
        done = invoke(*arguments, "-q", "--json")
        if done.returncode:
            raise textforge.RecipeError(done.stderr)

    monkeypatch.setattr(Command, "__call__", run)


def result_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", SINGLE)
def test_its_classifier_gives_the_metrics_that_it_recorded(home: Path, name: str) -> None:
    from textforge.runs.evaluation import evaluate

    found = evaluate(home / name)
    assert first_difference(result_of(home / name)["test"], found) is None
    assert "differ" not in " ".join(found["warnings"])


@pytest.mark.parametrize("name", SINGLE)
def test_its_classifier_predicts_as_it_recorded(home: Path, name: str) -> None:
    rows = [json.loads(line) for line in (home / name / "predictions.jsonl").read_text().splitlines()]
    texts = [row["text"] for row in map(json.loads, (home / "test.jsonl").read_text().splitlines())]
    answers = textforge.load(home / name).predict(texts)
    assert [list(one) if isinstance(one, tuple) else one for one in answers] == [row["predicted"] for row in rows]


@pytest.mark.parametrize("name", SINGLE + FOLDS)
def test_its_mistakes_are_read_with_their_texts(home: Path, name: str) -> None:
    done = invoke("mistakes", home / name, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"text": null' not in done.stdout


@pytest.mark.parametrize("name", SINGLE)
def test_its_words_are_explained(home: Path, name: str) -> None:
    (found,) = textforge.explain(textforge.load(home / name), ["the orbit and the league"])
    assert found.words.shape[0] >= 3


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_report(home: Path, name: str) -> None:
    page = home / f"{name}.html"
    assert textforge.report(home / name, page)["warnings"] == []
    assert page.stat().st_size > 10_000


@pytest.mark.parametrize("name", [*SINGLE, *SEEDS])
def test_it_is_compared_with_a_run_of_today_on_the_same_data(home: Path, name: str, tmp_path: Path) -> None:
    recipe = (home / name / "seed-0" if name in SEEDS else home / name) / "resolved.yaml"
    if name == "1-first":  # its recipe has an option that is gone
        recipe = home / "2-decision" / "resolved.yaml"
    now = textforge.run(recipe, out=tmp_path / "now").path
    (compared,) = textforge.compare(home / name, now)["comparisons"]
    assert compared["verdict"]


@pytest.mark.parametrize("name", FOLDS)
def test_a_cross_validation_says_that_it_has_no_classifier(home: Path, name: str) -> None:
    for command in (["predict", home / name, "text"], ["evaluate", home / name], ["explain", home / name, "text"]):
        done = invoke(*command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "a cross-validation, which saves no classifier" in done.stderr


@pytest.mark.parametrize("name", [name for name in NAMES if name != "1-first"])
def test_it_replays_to_the_same_weights(home: Path, name: str, in_process: None) -> None:
    found = textforge.replay(home / name)
    for run in found.runs or (found,):
        compared = {one.name: one for one in run.compared}
        for part in ("recipe", "history", "weights", "folds", "figures"):
            assert part not in compared or compared[part].same, compared[part]
        without_digest = name == "2-folds"
        assert compared["data"].same is (None if without_digest else True)
        if name.startswith("2-"):  # probabilities were rounded in another order then
            assert compared["predictions"].detail.endswith(("up to 6e-08", "up to 1.2e-07"))
            assert str(run.reason).startswith("not known, because the run's environment.json is of an earlier format")
        else:
            assert run.same


def test_a_recipe_with_an_option_that_is_gone_is_not_replayed_and_says_so(home: Path, in_process: None) -> None:
    with pytest.raises(textforge.RecipeError, match="unknown option 'label_smoothing'") as told:
        textforge.replay(home / "1-first")
    assert told.value.__notes__ == ["The run may need its own versions of packages, which --env installs."]


@pytest.mark.parametrize("name", SINGLE)
def test_its_packages_are_written_as_requirements(home: Path, name: str) -> None:
    done = invoke("replay", home / name, "--write-requirements", "-")
    assert done.returncode == 0
    assert "\nnumpy==" in done.stdout


def test_a_run_of_an_earlier_format_locks_what_it_recorded(home: Path, tmp_path: Path) -> None:
    given = home / "3-callbacks" / "environment.json"
    changed = json.loads(given.read_text())
    from textforge.runs.environment_changes import refuse_other_environment

    changed["packages"]["numpy"] = "1.0"
    (tmp_path / "environment.json").write_text(json.dumps(changed))
    with pytest.raises(textforge.RecipeError, match=r"numpy was 1\.0 and is "):
        refuse_other_environment(tmp_path)


def test_every_form_of_a_run_folder_is_among_them() -> None:
    results = [result_of(KEPT / name) for name in SINGLE]
    assert {"decision", "stopped", "baselines", "multi_label"} - {*results[0]}
    assert {result.get("multi_label") for result in results} == {None, False, True}
    assert any("total_weight" in result["test"] for result in results)
    assert {json.loads((KEPT / name / "model" / "bundle.json").read_text())["format"] for name in SINGLE} == {1, 2}
    described = [json.loads((KEPT / name / "environment.json").read_text()) for name in SINGLE]
    assert {"splits" in one["data"] for one in described} == {True, False}
    assert {(KEPT / name / "environment.json").exists() for name in FOLDS} == {True, False}
    assert {*maker().FORMATS} == {*NAMES}


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in KEPT.rglob("*") if file.is_file()) < 250_000
