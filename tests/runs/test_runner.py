"""A run: what it leaves, that it repeats, and that it touches nothing else."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import make_texts, small_recipe, write_csv

import textforge
from textforge import Dataset, PluginManager, RecipeError, hookimpl
from textforge.classifiers.storage import sha256
from textforge.errors import ComponentError, DataError, StorageError, TrainingError
from textforge.runs import folder as run_folder

FILES = {
    "recipe.yaml",
    "resolved.yaml",
    "plan.json",
    "environment.json",
    "metrics.jsonl",
    "predictions.jsonl",
    "result.json",
    "model/bundle.json",
    "model/model.safetensors",
    "model/vectorizer.safetensors",
}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of every file of a run's model."""
    return {path.name: sha256(path) for path in sorted((run / "model").iterdir())}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def json_of(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


RICH: dict[str, Any] = {
    "vectorizer": {"use": "tfidf"},
    "model": {"use": "mlp", "hidden": [16, 8], "dropout": 0.4},
    "trainer": {"epochs": 4, "batch_size": 16, "shuffle": True, "validation": 0.2},
    "loss": {"use": "cross-entropy", "label_smoothing": 0.1},
}
"""Sections that draw on every source of randomness: first weights, dropout, order, hold-out."""


# -- what a run leaves -------------------------------------------------------------------------


def test_a_finished_run_has_every_file_and_no_other(finished_run: Path) -> None:
    assert files(finished_run) == FILES


def test_recipe_is_as_written_and_resolved_has_every_default(recipe_file: Path, tmp_path: Path) -> None:
    recipe_file.write_text("# my comment\n" + recipe_file.read_text())
    run = textforge.run(recipe_file, overrides={"model.hidden": [5]}, out=tmp_path / "run")
    assert (run.path / "recipe.yaml").read_text() == recipe_file.read_text()
    resolved = yaml.safe_load((run.path / "resolved.yaml").read_text())
    assert (resolved["model"]["hidden"], resolved["model"]["activation"]) == ([5], "relu")
    assert resolved["optimizer"]["betas"] == [0.9, 0.999]
    assert resolved["trainer"]["validation"] == 0
    assert run.result["overrides"] == {"model.hidden": [5]}


def test_result_has_the_figures_of_the_design(finished_run: Path) -> None:
    result = json_of(finished_run / "result.json")
    test = result["test"]
    assert {"accuracy", "macro_f1", "weighted_f1", "n", "per_class", "confusion_matrix"} <= test.keys()
    assert list(test["per_class"]) == result["labels"] == test["confusion_matrix"]["labels"]
    for figures in test["per_class"].values():
        assert figures.keys() == {"precision", "recall", "f1", "support"}
    rows = np.array(test["confusion_matrix"]["rows"])
    assert rows.sum() == test["n"] == sum(one["support"] for one in test["per_class"].values())
    assert test["accuracy"] == pytest.approx(np.trace(rows) / rows.sum())
    assert {"load", "vectorize", "train", "evaluate", "total"} <= result["seconds"].keys()
    assert sum(v for k, v in result["seconds"].items() if k != "total") <= result["seconds"]["total"] + 0.01
    assert result["seed"] == 0
    assert result["epochs"] == 3


def test_figures_are_those_of_the_predictions_that_are_written(finished_run: Path) -> None:
    rows = lines_of(finished_run / "predictions.jsonl")
    result = json_of(finished_run / "result.json")
    assert [row["row"] for row in rows] == list(range(result["test"]["n"]))
    hits = sum(row["gold"] == row["predicted"] for row in rows)
    assert result["test"]["accuracy"] == pytest.approx(hits / len(rows))
    for row in rows:
        assert list(row["probabilities"]) == result["labels"]
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["predicted"] == max(row["probabilities"], key=row["probabilities"].get)


def test_metrics_have_a_line_an_epoch(small_csv: Path, tmp_path: Path) -> None:
    run = textforge.run(small_recipe(small_csv, **RICH), out=tmp_path / "run")
    epochs = lines_of(run.path / "metrics.jsonl")
    assert [epoch["number"] for epoch in epochs] == [1, 2, 3, 4]
    for epoch in epochs:
        assert epoch.keys() == {"number", "train_loss", "valid", "best", "steps", "seconds"}
        assert epoch["valid"].keys() == {"loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1"}
    best = min(epochs, key=lambda epoch: epoch["valid"]["loss"])
    assert run.result["best_epoch"] == best["number"]
    assert run.result["valid"] == best["valid"]


def test_environment_says_what_it_ran_on(finished_run: Path) -> None:
    found = json_of(finished_run / "environment.json")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["threads"] == torch.get_num_threads()
    assert found["device"] == "cpu" or torch.cuda.is_available()
    assert found["packages"]["torch"] == metadata.version("torch")
    assert found["packages"]["numpy"] == np.__version__
    version = textforge.__version__
    assert found["plugins"]["model"] == {"use": "mlp", "distribution": "textforge", "version": version}
    assert found["plugins"].keys() == {"dataset", "vectorizer", "model", "optimizer"}
    assert re.fullmatch("[0-9a-f]{64}", found["data"]["sha256"])


def test_the_data_fingerprint_follows_the_data(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    prints = []
    for name, first in (("a", texts[0]), ("b", texts[0]), ("c", texts[0] + "!")):
        data = write_csv(tmp_path / f"{name}.csv", [first, *texts[1:]], labels)
        run = textforge.run(small_recipe(data), out=tmp_path / name)
        prints.append(json_of(run.path / "environment.json")["data"]["sha256"])
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


def test_without_a_test_split_there_are_no_figures_and_no_predictions(small_csv: Path, tmp_path: Path) -> None:
    data = {"use": "csv", "train": str(small_csv), "test_fraction": 0}
    run = textforge.run(small_recipe(small_csv, dataset=data), out=tmp_path / "run")
    with pytest.raises(textforge.DataError, match="has no test split, so there are no test metrics"):
        _ = run.test
    assert json_of(run.path / "result.json")["test"] is None
    assert files(run.path) == FILES - {"predictions.jsonl"}


def test_by_default_runs_lie_under_the_recipes_name(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = textforge.run(recipe_file).path
    assert path.parent == Path("runs/small")
    stamp = datetime.strptime(path.name[:16], "%Y%m%dT%H%M%S%z")
    assert abs(datetime.now(stamp.tzinfo) - stamp).total_seconds() < 120


def test_result_is_written_after_everything_else(
    small_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that has a result.json has all else: seen at the moment when it would be written."""
    seen: list[set[str]] = []

    def full(run: Path, result: Any) -> None:
        seen.append(files(run))
        raise StorageError(f"{run}: cannot be written.")

    monkeypatch.setattr(run_folder, "write_result", full)
    with pytest.raises(StorageError, match=r"The run itself was done: test accuracy 0\.\d{4}, macro F1 0\.\d{4}"):
        textforge.run(small_recipe(small_csv), out=tmp_path / "run")
    assert seen == [FILES - {"result.json"}]


# -- what fails --------------------------------------------------------------------------------


def failing(recipe: Any, out: Path, error: type[Exception], match: str, **options: Any) -> Any:
    with pytest.raises(error, match=match) as caught:
        textforge.run(recipe, out=out, **options)
    return caught.value


def test_a_run_that_fails_before_it_trains_leaves_no_folder(small_csv: Path, tmp_path: Path) -> None:
    one_class = write_csv(tmp_path / "one.csv", ["some words"] * 20, ["x"] * 20)
    failing(small_recipe(one_class), tmp_path / "run", DataError, "at least two classes")
    failing(small_recipe(small_csv, model={"use": "mpl"}), tmp_path / "run", RecipeError, "no model named 'mpl'")
    patience = {"epochs": 2, "patience": 1}
    failing(small_recipe(small_csv, trainer=patience), tmp_path / "run", RecipeError, "needs a validation split")
    assert not (tmp_path / "run").exists()


def test_a_run_that_fails_while_it_trains_is_unfinished_and_says_so(small_csv: Path, tmp_path: Path) -> None:
    recipe = small_recipe(small_csv, optimizer={"use": "sgd", "lr": 1e30})
    error = failing(
        recipe, tmp_path / "run", TrainingError, r"loss became (nan|inf) in epoch \d+, step \d+ of 6.*learning rate"
    )
    assert error.__notes__ == [f"{tmp_path / 'run'} is unfinished: it has no result.json."]
    assert not (tmp_path / "run" / "result.json").exists()
    with pytest.raises(textforge.BundleError, match="an unfinished run"):
        textforge.load(tmp_path / "run")


def test_a_taken_folder_is_refused_before_data_are_loaded(finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    before = snapshot(copy)
    plugins = with_dataset(lambda: pytest.fail("the data were loaded"))
    recipe = small_recipe(Path("x"), dataset={"use": "own"})
    error = failing(recipe, copy, RecipeError, "holds a finished run", plugins=plugins)
    assert error.exit_code == 2
    assert snapshot(copy) == before


def test_a_failed_run_leaves_earlier_runs_alone(small_csv: Path, tmp_path: Path) -> None:
    textforge.run(small_recipe(small_csv), out=tmp_path / "runs" / "a")
    before = snapshot(tmp_path / "runs")
    one_class = write_csv(tmp_path / "one.csv", ["some words"] * 20, ["x"] * 20)
    failing(small_recipe(one_class), tmp_path / "runs" / "b", DataError, "two classes")
    assert snapshot(tmp_path / "runs") == before


def test_a_checked_recipe_takes_no_overrides(recipe_file: Path, tmp_path: Path) -> None:
    checked = textforge.load_recipe(recipe_file)
    failing(checked, tmp_path / "run", RecipeError, "takes no overrides", overrides={"seed": 1})
    assert not (tmp_path / "run").exists()


def with_dataset(factory: Any) -> PluginManager:
    class Plugin:
        @hookimpl
        def textforge_datasets(self) -> dict[str, Any]:
            return {"own": factory}

    plugins = PluginManager()
    plugins.register(Plugin())
    return plugins


def test_a_dataset_that_is_none_is_reported(tmp_path: Path) -> None:
    recipe = small_recipe(Path("x"), dataset={"use": "own"})
    plugins = with_dataset(lambda: [("text", "label")])
    failing(
        recipe, tmp_path / "run", ComponentError, "dataset 'own' from this program returned a list", plugins=plugins
    )


def test_a_label_in_test_that_train_never_saw_is_reported(tmp_path: Path) -> None:
    texts, labels = make_texts(40)
    data = Dataset(train=(texts, labels), test=(["new thing"], ["other"]))
    recipe = small_recipe(Path("x"), dataset={"use": "own"})
    failing(recipe, tmp_path / "run", DataError, "'other'", plugins=with_dataset(lambda: data))


# -- repeating ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_separate_processes_give_the_same_model(tmp_path: Path) -> None:
    """Whatever the hash seed and the folder; and so does the resolved recipe of one of them."""
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "small.csv", *make_texts(120))
    base = small_recipe(Path("data/small.csv"))
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "rich.yaml").write_text(yaml.safe_dump({"extends": "base.yaml", **RICH}))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "textforge", "run", "--quiet", "--json", "-s", "optimizer.lr=0.02", "--seed", "3"]
    processes = [
        subprocess.Popen(
            [*command, "--out", str(tmp_path / name), str(tmp_path / "rich.yaml")],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.DEVNULL,
        )
        for name, folder, hash_seed in (("a", tmp_path, "1"), ("b", elsewhere, "2"))
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    resolved = shutil.copy(tmp_path / "a" / "resolved.yaml", elsewhere)
    assert digests(textforge.run(resolved, out=tmp_path / "c").path) == digests(tmp_path / "a")


@pytest.mark.parametrize("sections", [{}, RICH], ids=["plain", "rich"])
def test_a_run_repeats_and_another_seed_does_not(small_csv: Path, tmp_path: Path, sections: dict[str, Any]) -> None:
    recipe = small_recipe(small_csv, **sections)
    first, again, other = (
        textforge.run(recipe, overrides={"seed": seed}, out=tmp_path / name).path
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert digests(first) == digests(again)
    assert (first / "predictions.jsonl").read_bytes() == (again / "predictions.jsonl").read_bytes()
    assert digests(first)["model.safetensors"] != digests(other)["model.safetensors"]


def test_a_run_repeats_whatever_the_callers_random_state(small_csv: Path, tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        found.append(digests(textforge.run(small_recipe(small_csv, **RICH), out=tmp_path / str(seed)).path))
    assert found[0] == found[1]


def test_runs_in_two_threads_give_what_they_give_alone(small_csv: Path, tmp_path: Path) -> None:
    recipes = {
        name: small_recipe(small_csv, seed=seed, **{**RICH, "trainer": {**RICH["trainer"], "epochs": 8}})
        for name, seed in (("one", 1), ("two", 2))
    }
    alone = {name: digests(textforge.run(recipe, out=tmp_path / f"{name}-a").path) for name, recipe in recipes.items()}
    together: dict[str, dict[str, str]] = {}
    gate = threading.Barrier(len(recipes))

    def work(name: str) -> None:
        gate.wait()
        together[name] = digests(textforge.run(recipes[name], out=tmp_path / f"{name}-t").path)

    threads = [threading.Thread(target=work, args=(name,)) for name in recipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert alone["one"] != alone["two"]


# -- touching nothing else ---------------------------------------------------------------------


def world() -> dict[str, Any]:
    """What belongs to the caller."""
    logger = logging.getLogger()
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": repr(np.random.get_state()),
        "random": random.getstate(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch settings": (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.are_deterministic_algorithms_enabled(),
        ),
        "logging": (logger.level, list(logger.handlers), logging.root.manager.disable, logger.disabled),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "streams": (sys.stdout, sys.stderr, sys.stdin),
    }


@pytest.fixture
def unusual_world() -> Iterator[None]:
    """Random states and thread count that nobody would come to by chance."""
    threads = torch.get_num_threads()
    torch.manual_seed(987)
    np.random.seed(654)
    random.seed(321)
    torch.set_num_threads(threads + 1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("unusual_world")
def test_run_load_and_predict_leave_the_callers_world_alone(
    small_csv: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = world()
    run = textforge.run(small_recipe(small_csv, **RICH), out=tmp_path / "run")
    textforge.load(run.path).predict(["the rocket"])
    with pytest.raises(TrainingError):
        textforge.run(small_recipe(small_csv, optimizer={"use": "sgd", "lr": 1e30}), out=tmp_path / "nan")
    assert world() == before
    assert capfd.readouterr() == ("", ""), "a library prints nothing"


class Heard:
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def stage(self, text: str) -> None:
        self.told.append(text.split()[0])

    def warning(self, text: str) -> None:
        self.told.append("warning")

    def step(self, epoch: int, step: int, steps: int) -> None:
        self.told.append((epoch, step, steps))

    def epoch(self, result: Any, epochs: int) -> None:
        self.told.append((result.number, epochs))

    def evaluated(self, done: int, texts: int) -> None:
        self.told.append(f"{done} of {texts}")


def test_progress_is_reported_stage_by_stage_and_step_by_step(small_csv: Path, tmp_path: Path) -> None:
    heard = Heard()
    recipe = small_recipe(small_csv, trainer={"epochs": 2, "batch_size": 50})
    textforge.run(recipe, out=tmp_path / "run", progress=heard)
    steps = [(1, 1, 2), (1, 2, 2), (1, 2), (2, 1, 2), (2, 2, 2), (2, 2)]
    before = ["loading", "warning", "turning", "warning", "training"]
    after = ["evaluating", "24 of 24", "warning"]  # four steps are too few to beat the majority class
    assert heard.told == [*before, *steps, *after]


def test_the_runs_classifier_is_the_one_that_is_saved(small_csv: Path, tmp_path: Path) -> None:
    run = textforge.run(small_recipe(small_csv, **RICH), out=tmp_path / "run")
    texts = make_texts(30, seed=9)[0]
    loaded = textforge.load(run.path, engine="torch")
    assert np.array_equal(run.classifier.predict_proba(texts), loaded.predict_proba(texts))


@pytest.mark.parametrize(
    "first", ["import textforge.runs.runner", "from textforge.runs.progress import Progress", "textforge.run"]
)
def test_the_function_is_there_also_once_its_module_was_imported(first: str) -> None:
    """A submodule of the same name hides a lazy name; that must not matter to who calls it."""
    code = (
        f"import textforge; {first}\n"
        "try: textforge.run('away.yaml')\n"
        "except textforge.RecipeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "away.yaml" in done.stdout


def test_a_test_label_that_train_lacks_is_reported_before_training(tmp_path: Path) -> None:
    train, test = write_csv(tmp_path / "a.csv", *make_texts(60)), write_csv(tmp_path / "b.csv", ["moon"], ["other"])
    heard = Heard()
    recipe = small_recipe(train, dataset={"use": "csv", "train": str(train), "test": str(test)})
    with pytest.raises(textforge.DataError, match="test: labels that the training data lack: 'other'"):
        textforge.run(recipe, out=tmp_path / "run", progress=heard)
    assert "training" not in heard.told


def test_a_folder_of_the_users_stays_when_a_run_fails_in_it(small_csv: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for out in (tmp_path / "mine", tmp_path / "link"):
        with pytest.raises(DataError):
            textforge.run(small_recipe(small_csv, trainer={"batch_size": 10_000, "drop_last": True}), out=out)
        assert list((tmp_path / "mine").iterdir()) == []
    textforge.run(small_recipe(small_csv), out=tmp_path / "mine")


def test_errors_from_the_data_keep_the_place_of_their_part(small_csv: Path, tmp_path: Path) -> None:
    class MyError(DataError):
        def __init__(self, what: str, where: str) -> None:
            super().__init__(f"{what} in {where}")

    def refuses() -> Dataset:
        """Always wrong."""
        raise MyError("nothing good", "here")

    class Plugin:
        @hookimpl
        def textforge_datasets(self) -> dict[str, Any]:
            return {"refuses": refuses}

    plugins = PluginManager()
    plugins.register(Plugin())
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(small_recipe(small_csv, dataset={"use": "refuses"})))
    with pytest.raises(MyError) as error:
        textforge.run(tmp_path / "r.yaml", plugins=plugins, out=tmp_path / "run")
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}/r\.yaml:\d+:1: nothing good in here", str(error.value))


def test_a_model_too_large_for_memory_is_reported_as_such(small_csv: Path, tmp_path: Path) -> None:
    model = {"use": "fasttext", "dim": 1_000_000, "buckets": 2**30}  # 4 PB, more than any address space
    recipe = small_recipe(small_csv, vectorizer={"use": "tokens"}, model=model)
    with pytest.raises(MemoryError):
        textforge.run(recipe, out=tmp_path / "run")


def test_progress_hears_only_what_it_asks_for(small_csv: Path, tmp_path: Path) -> None:
    stages: list[str] = []

    class Stages(textforge.Progress):
        def stage(self, text: str) -> None:
            stages.append(text.split()[0])

    textforge.run(small_recipe(small_csv), out=tmp_path / "run", progress=Stages())
    assert stages == ["loading", "turning", "training", "evaluating"]
