"""The baselines in a run: in its result, trained once for the same data, never in the way of the run itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import make_sets, make_texts, small_recipe, write_csv
from in_process import invoke

import textforge
from textforge import Dataset, PluginError, PluginManager, RecipeError
from textforge.classifiers.storage import sha256
from textforge.runs.baseline import Baseline, load_baseline, losing_warnings

UNTRAINED = {"epochs": 1, "batch_size": 96}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_every_run_has_the_baselines_that_cost_nothing(finished_run: Path) -> None:
    result = json.loads((finished_run / "result.json").read_text())
    assert {*result["baselines"]} == {"majority", "stratified"}
    assert result["baselines"]["majority"]["answer"] in result["labels"]
    assert result["baselines"]["majority"]["accuracy"] < result["test"]["accuracy"]


def test_a_trained_baseline_is_trained_once_and_leaves_the_weights_alone(
    small_csv: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = textforge.run(small_recipe(small_csv), out=tmp_path / "plain")
    first = textforge.run(small_recipe(small_csv), out=tmp_path / "first", baseline=True)
    trained = first.result["baselines"]["trained"]
    assert (trained["name"], trained["accuracy"]) == ("tf-idf + linear SVM", 1.0)
    assert "baseline" in first.result["seconds"]
    assert len([*(cache / "baselines").rglob("*.json")]) == 1
    monkeypatch.setattr(Baseline, "_train", None)  # calling it would fail
    again = textforge.run(small_recipe(small_csv), out=tmp_path / "again", baseline=True)
    assert again.result["baselines"] == first.result["baselines"]
    weights = {sha256(one.path / "model" / "model.safetensors") for one in (plain, first, again)}
    assert len(weights) == 1


def test_other_data_and_another_seed_are_trained_anew(cache: Path) -> None:
    baseline = load_baseline()
    texts, labels = make_texts(60)
    first, other = (Dataset(train=(texts, labels), test=(texts[:n], labels[:n])) for n in (20, 30))
    for dataset, seed in ((first, 0), (first, 1), (other, 0), (first, 0)):
        baseline.figures(dataset, seed, "error")
    assert len([*(cache / "baselines").rglob("*.json")]) == 3


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"accuracy": "x"}'])
def test_a_damaged_cache_is_replaced(cache: Path, content: str) -> None:
    texts, labels = make_texts(60)
    dataset = Dataset(train=(texts, labels), test=(texts[:20], labels[:20]))
    found = load_baseline().figures(dataset, 0, "error")[0]
    (file,) = (cache / "baselines").rglob("*.json")
    file.write_text(content)
    again = load_baseline().figures(dataset, 0, "error")[0]
    assert again["accuracy"] == found["accuracy"]
    assert json.loads(file.read_text())["accuracy"] == found["accuracy"]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "file"))
    texts, labels = make_texts(60)
    figures, (warning,) = load_baseline().figures(Dataset((texts, labels), test=(texts, labels)), 0, "error")
    assert figures["accuracy"] == 1
    assert warning.startswith(f"the cache {tmp_path / 'file'} cannot be written (Not a directory), ")


def test_sets_of_labels_have_a_trained_baseline(cache: Path) -> None:
    texts, sets = make_sets(80)
    assert load_baseline().figures(Dataset((texts, sets), test=(texts, sets)), 0, "error")[0]["accuracy"] > 0.8


@pytest.mark.usefixtures("cache")
def test_a_baseline_that_cannot_be_trained_is_a_warning(
    small_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise RecipeError("no luck.")

    monkeypatch.setattr(Baseline, "_train", failing)
    done = textforge.run(small_recipe(small_csv), out=tmp_path / "run", baseline=True)
    assert "the baseline cannot be trained: no luck." in done.result["warnings"]
    assert {*done.result["baselines"]} == {"majority", "stratified"}


def test_a_baseline_whose_parts_are_missing_is_reported_before_the_run(small_csv: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no vectorizer named 'tfidf'"):
        load_baseline(PluginManager(entry_points=False))
    broken = tmp_path / "baseline.yaml"
    broken.write_text("name: x\nmodel: {use: linear-svc}\n")
    with pytest.raises(RecipeError, match="a baseline has a name, a vectorizer and a model"):
        load_baseline(path=broken)


def test_a_run_that_learns_nothing_says_that_it_loses(small_csv: Path, tmp_path: Path) -> None:
    run = textforge.run(
        small_recipe(small_csv, optimizer={"use": "sgd", "lr": 1e-9}, trainer=UNTRAINED), out=tmp_path / "a"
    )
    told = [warning for warning in run.result["warnings"] if "no better than its baseline" in warning]
    assert len(told) == 1
    assert "always giving the most frequent answer has" in told[0] or "guessing by the training labels has" in told[0]


def at(accuracy: float, macro_f1: float, **more: Any) -> dict[str, Any]:
    return {"accuracy": accuracy, "macro_f1": macro_f1, **more}


@pytest.mark.parametrize(
    ("test", "baselines", "loses"),
    [
        (at(0.5, 0.5), {"majority": at(0.6, 0.2)}, None),
        (at(0.5, 0.1), {"majority": at(0.6, 0.2)}, "most frequent answer has 0.6000 and 0.2000"),
        (at(0.6, 0.2), {"majority": at(0.6, 0.2)}, "most frequent answer"),
        (at(1.0, 1.0), {"majority": at(1.0, 1.0)}, None),
        (at(0.9, 0.9), {"trained": at(0.9, 0.9, name="SVM")}, None),
        (at(0.9, 0.9), {"trained": at(0.95, 0.95, name="SVM"), "majority": at(0.3, 0.1)}, "SVM has 0.9500"),
        (at(0.2, 0.1), {"majority": at(0.3, 0.1), "stratified": at(0.25, 0.2)}, "most frequent answer"),
        (at(0.2, 0.1), {}, None),
    ],
)
def test_a_run_loses_if_a_baseline_is_as_good_by_both_metrics(
    test: dict[str, Any], baselines: dict[str, Any], loses: str | None
) -> None:
    told = losing_warnings(test, baselines)
    assert (loses is None) == (not told)
    assert loses is None or loses in told[0]


def test_a_person_reads_the_baselines_beside_the_figures(recipe_file: Path, tmp_path: Path, cache: Path) -> None:
    done = invoke("run", recipe_file, "--out", tmp_path / "run", "--baseline", "-q")
    assert done.returncode == 0, done.stderr
    majority = json.loads((tmp_path / "run" / "result.json").read_text())["baselines"]["majority"]["accuracy"]
    assert f"baselines: majority {majority:.3f}, stratified guess 0." in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[1].endswith("tf-idf + linear SVM 1.000")


def test_several_seeds_have_the_mean_of_their_baselines(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "small.csv", *make_texts(90))
    done = textforge.run_seeds(small_recipe(data, trainer={"epochs": 1}), [0, 1], out=tmp_path / "runs")
    each = [json.loads((done.path / name / "result.json").read_text()) for name in done.result["runs"]]
    mean = sum(one["baselines"]["majority"]["accuracy"] for one in each) / 2
    assert done.result["baselines"]["majority"]["accuracy"] == pytest.approx(mean)


def test_a_run_without_a_test_split_has_no_baselines(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv)
    recipe["dataset"]["test_fraction"] = 0
    assert textforge.run(recipe, out=tmp_path / "run", baseline=True).result["baselines"] == {}
