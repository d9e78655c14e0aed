"""Runs as MLflow's own client reads them, MLflow's limits, and no side effects."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import textforge
from tracking_runs import (
    EPOCH,
    LABELS,
    STARTED,
    Told,
    database,
    epochs,
    files,
    found,
    history,
    plugins,
    recipe,
    result,
    run,
    weights,
    without_settings,
)

from textforge_tracking import mlflow_store
from textforge_tracking.mlflow import MlflowRun

MINE = {"artifacts": ["recipe", "result", "predictions", "model"], "tags": {"team": "größe", "mlflow.user": "me"}}


@pytest.fixture(scope="module", autouse=True)
def plain_environment():
    with without_settings():
        yield


@pytest.fixture(scope="module")
def logged(tmp_path_factory, plain_environment):
    """A run that was logged to the database runs.db beside it."""
    folder = tmp_path_factory.mktemp("logged")
    told = Told()
    run(folder, "step-counter", {"use": "mlflow", "uri": database(folder / "store/runs.db"), **MINE}, progress=told)
    assert told.warnings == []
    return folder


@pytest.fixture
def uri(tmp_path, plain_environment):
    return database(tmp_path / "runs.db")


def address(folder: Path) -> str:
    return f"sqlite:///{folder}/store/runs.db"


# -- a run that is logged ---------------------------------------------------------------------------


def test_the_metrics_of_each_epoch_are_those_of_metrics_jsonl(logged):
    (done,) = found(address(logged))
    lines = epochs(logged / "run")
    for name, key in (("train/loss", "train_loss"), ("train/seconds", "seconds")):
        assert history(address(logged), done.info.run_id, name) == [(e["number"], e[key]) for e in lines]
    names = {"loss": "loss", "accuracy": "accuracy", "roc_auc": "roc_auc", "top_k_k_2_": "top_k(k=2)"}
    for name, figure in names.items():
        expected = [(e["number"], e["valid"][figure]) for e in lines]
        assert history(address(logged), done.info.run_id, f"valid/{name}") == expected
    added = history(address(logged), done.info.run_id, "added/step_counter/twice")
    assert added == [(1, 2.0), (2, 4.0), (3, 6.0)]
    assert lines[0]["valid"]["undefined"] is None
    assert not [name for name in done.data.metrics if "undefined" in name]


def test_the_metrics_of_the_end_are_those_of_result_json(logged):
    (done,) = found(address(logged))
    end = result(logged / "run")
    for name, figure in {"accuracy": "accuracy", "macro_f1": "macro_f1", "n": "n", "top_k_k_1_": "top_k(k=1)"}.items():
        assert done.data.metrics[f"test/{name}"] == end["test"][figure]
        assert history(address(logged), done.info.run_id, f"test/{name}") == [(3, end["test"][figure])]
    for label, shown in zip(LABELS, ("äpfel_obst", "c__", "天気"), strict=True):
        for name, value in end["test"]["per_class"][label].items():
            assert done.data.metrics[f"test/per_class/{shown}/{name}"] == value
    assert done.data.metrics["best/epoch"] == end["best_epoch"]
    assert done.data.metrics["best/accuracy"] == end["valid"]["accuracy"]
    assert done.data.metrics["seconds/train"] == end["seconds"]["train"]


def test_the_parameters_are_the_resolved_recipe(logged):
    (done,) = found(address(logged))
    end = result(logged / "run")
    expected = {
        "model.use": "mlp", "model.hidden": "[8]", "model.norm": "null", "optimizer.lr": "0.01", "seed": "3",
        "vectorizer.lowercase": "true", "trainer.validation": "0.2", "n_labels": "3",
        "n_train": str(end["n_train"]), "n_parameters": str(end["n_parameters"]),
    }  # fmt: skip
    assert expected.items() <= done.data.params.items()
    assert not [name for name in done.data.params if name.startswith("callbacks")]


def test_a_run_has_its_name_tags_state_and_files(logged):
    (done,) = found(address(logged))
    folder = logged / "run"
    assert (done.info.status, done.info.run_name) == ("FINISHED", f"{logged.name}/run")
    assert done.info.end_time >= done.info.start_time
    tags = {
        "textforge.version": textforge.__version__, "textforge.run_folder": str(folder), "textforge.seed": "3",
        "textforge.recipe": "recipe", "mlflow.source.name": "textforge", "team": "größe", "mlflow.user": "me",
    }  # fmt: skip
    assert tags.items() <= done.data.tags.items()
    kept = files(address(logged), done.info.run_id)
    assert kept.keys() == {
        "recipe.yaml", "resolved.yaml", "result.json", "metrics.jsonl", "environment.json", "predictions.jsonl", "model"
    }  # fmt: skip
    assert (logged / "store/mlartifacts") in kept["model"].parents  # beside the database, wherever that is
    for name in kept.keys() - {"model"}:
        assert kept[name].read_bytes() == (folder / name).read_bytes()
    assert textforge.load(kept["model"]).labels == tuple(sorted(LABELS))


def test_the_weights_are_those_of_a_run_that_is_not_logged(logged, tmp_path):
    run(tmp_path)
    assert weights(tmp_path / "run") == weights(logged / "run")


def test_each_seed_is_a_run(tmp_path, uri):
    made = recipe(tmp_path, {"use": "mlflow", "uri": uri, "experiment": "sämen"}, trainer={"epochs": 1})
    del made["seed"]
    textforge.run_seeds(made, [5, 7], out=tmp_path / "seeds", plugins=plugins())
    runs = found(uri, "sämen")
    assert [one.info.run_name for one in runs] == ["seeds/seed-5", "seeds/seed-7"]
    for seed, one in zip((5, 7), runs, strict=True):
        assert (one.data.params["seed"], one.data.tags["textforge.seed"]) == (str(seed), str(seed))
        accuracy = result(tmp_path / f"seeds/seed-{seed}")["test"]["accuracy"]
        assert one.data.metrics["test/accuracy"] == accuracy


@pytest.mark.parametrize(
    ("error", "status"), [(textforge.DataError("no ünicorn."), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_that_does_not_end_well_is_marked_so(tmp_path, uri, error, status):
    with pytest.raises(type(error)):
        run(tmp_path, "step-counter", {"use": "mlflow", "uri": uri}, progress=Told(error, after=2))
    (done,) = found(uri)
    assert done.info.status == status
    assert done.info.end_time is not None
    assert done.data.tags["textforge.error"] == f"{type(error).__name__}: {error}".rstrip(": ")
    assert [step for step, _ in history(uri, done.info.run_id, "train/loss")] == [1, 2]
    assert history(uri, done.info.run_id, "added/step_counter/twice") == [(1, 2.0), (2, 4.0)]
    assert files(uri, done.info.run_id).keys() == {"recipe.yaml", "resolved.yaml"}


# -- limits -----------------------------------------------------------------------------------------


def test_many_parameters_long_values_and_many_classes_are_within_mlflows_limits(tmp_path, uri):
    labels = [f"label {n}/{'x' * n}" for n in range(300)]
    options = {f"option {n}/ü(": "long " * 2000 if n == 0 else n for n in range(250)}
    callback = MlflowRun(tmp_path, uri=uri, experiment="large", artifacts=[])
    callback.started({**STARTED, "labels": labels, "resolved": {"seed": 0, "model": options}})
    per_class = {label: {"precision": 0.5, "recall": None, "f1": math.nan, "support": 2} for label in labels}
    callback.finished({"test": {"per_class": per_class}, "valid": None, "best_epoch": 1, "epochs": 1, "seconds": {}})
    (done,) = found(uri, "large")
    assert len(done.data.params) == 250 + 1 + 4
    assert len(done.data.params["model.option 0_ü_".replace(" ", "_")]) == 6000
    assert done.data.params["n_labels"] == "300"
    assert len(done.data.metrics) == 2 * 300 + 1
    assert done.info.status == "FINISHED"


def test_undefined_figures_are_left_out(tmp_path, uri):
    callback = MlflowRun(tmp_path, uri=uri, experiment="undefined", artifacts=[])
    callback.started(STARTED)
    callback.epoch_ended({**EPOCH, "valid": {"loss": math.nan, "mcc": None, "up": math.inf, "ok": 0.5}})
    (done,) = found(uri, "undefined")
    assert done.data.metrics == {"train/loss": 0.5, "train/seconds": 0.25, "valid/ok": 0.5}


def test_nothing_is_written_before_a_run_has_started(tmp_path):
    callback = MlflowRun(tmp_path, uri=f"sqlite:///{tmp_path}/runs.db")
    callback.epoch_ended(EPOCH)
    callback.failed({"type": "DataError", "message": "no data.", "path": "run"})
    callback.finished({})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"uri": " "}, "uri is empty"),
        ({"experiment": "x" * 501}, "experiment is longer than 500 characters"),
        ({"run_name": ""}, "run_name is empty"),
        ({"tags": {"a//b": ""}}, "tags: MLflow refuses the name 'a//b'"),
        ({"tags": {"a(b": ""}}, "tags: MLflow refuses the name 'a(b'"),
        ({"tags": {"../a": ""}}, "tags: MLflow refuses the name '../a'"),
    ],
)
def test_options_that_mlflow_would_refuse_are_found_before_the_run(options, says):
    given = {"uri": None, "experiment": None, "run_name": None, "tags": None, **options}
    assert says in MlflowRun.check_options(**given, artifacts=[], per_class=True)
    assert MlflowRun.check_options(uri="x", experiment="天気", run_name="a", tags={"a.b/c d": ""}) is None


# -- no side effects -------------------------------------------------------------------------------

MANNERS = """
import logging, os, sys, threading, warnings

sys.path.insert(0, {tests!r})
from tracking_runs import run
from pathlib import Path

root = logging.getLogger()
before = dict(os.environ), list(threading.enumerate()), list(root.handlers), root.level, list(warnings.filters)
run(Path({folder!r}), {{"use": "mlflow", "uri": {uri!r}}})
changed = dict(os.environ).items() ^ before[0].items()
assert not [name for name, _ in changed if "MLFLOW" in name], changed
assert list(threading.enumerate()) == before[1], threading.enumerate()
assert (list(root.handlers), root.level) == before[2:4]
listening = [one for name in ("mlflow", "alembic", "sqlalchemy", "sqlalchemy.engine", "urllib3")
             for one in logging.getLogger(name).handlers if not isinstance(one, logging.NullHandler)]
assert not listening, listening

import mlflow
from mlflow.telemetry import get_telemetry_client

assert get_telemetry_client() is None
assert mlflow.active_run() is None
assert mlflow.get_tracking_uri() != {uri!r}
assert "git" not in sys.modules
"""


def test_nothing_is_printed_or_changed_for_others(tmp_path, uri):
    code = MANNERS.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "manners"), uri=uri)
    testing = ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS")  # under pytest MLflow sends no usage data anyway
    environment = {name: value for name, value in os.environ.items() if name not in testing and "MLFLOW" not in name}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [one.info.status for one in found(uri)] == ["FINISHED"]


def test_what_the_user_set_in_the_environment_holds(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    with mlflow_store.quiet_settings():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ
