"""What MLflow's own client finds of a run in a database, a folder, and where there is none."""

import http.server
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import textforge
from tracking_runs import (
    EPOCH,
    LABELS,
    STARTED,
    Told,
    client,
    database,
    epochs,
    found,
    plugins,
    recipe,
    result,
    run,
    weights,
)

from textforge_tracking import mlflow_store
from textforge_tracking.mlflow import check_options, mlflow

MINE = {"artifacts": ["recipe", "result", "predictions", "model"], "tags": {"team": "größe", "mlflow.user": "me"}}


@pytest.fixture(scope="module", autouse=True)
def plain_environment():
    """No settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.strip("_").startswith("MLFLOW_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def logged(tmp_path_factory, plain_environment):
    """A run that was logged to the database runs.db beside it."""
    folder = tmp_path_factory.mktemp("logged")
    told = Told()
    run(folder, {"use": "mlflow", "uri": database(folder / "store/runs.db"), **MINE}, "step-counter", progress=told)
    assert told.warnings == []
    return folder


@pytest.fixture
def uri(tmp_path, plain_environment):
    return database(tmp_path / "runs.db")


def history(uri: str, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in client(uri).get_metric_history(run_id, name)]


def files(uri: str, run_id: str) -> dict[str, Path]:
    root = Path(client(uri).get_run(run_id).info.artifact_uri.removeprefix("file://"))
    return {one.path: root / one.path for one in client(uri).list_artifacts(run_id)}


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
        run(tmp_path, {"use": "mlflow", "uri": uri}, "step-counter", progress=Told(error, after=2))
    (done,) = found(uri)
    assert done.info.status == status
    assert done.info.end_time is not None
    assert done.data.tags["textforge.error"] == f"{type(error).__name__}: {error}".rstrip(": ")
    assert [step for step, _ in history(uri, done.info.run_id, "train/loss")] == [1, 2]
    assert history(uri, done.info.run_id, "added/step_counter/twice") == [(1, 2.0), (2, 4.0)]
    assert files(uri, done.info.run_id).keys() == {"recipe.yaml", "resolved.yaml"}


# -- other stores -----------------------------------------------------------------------------------


def test_the_store_is_the_one_that_mlflow_is_set_to(tmp_path, uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    callback = mlflow(tmp_path, experiment="by environment", run_name="first", artifacts=[])
    callback.started(STARTED)
    (done,) = found(uri, "by environment")
    assert (done.info.run_name, done.info.status) == ("first", "RUNNING")


def test_a_folder_serves_where_mlflow_still_takes_one(tmp_path, monkeypatch):
    store = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    told = Told()
    run(tmp_path, {"use": "mlflow", "uri": store}, progress=told)
    assert told.warnings == []
    (done,) = found(store)
    assert done.info.status == "FINISHED"
    assert done.data.metrics["test/per_class/天気/f1"] == result(tmp_path / "run")["test"]["per_class"]["天気"]["f1"]
    assert "result.json" in files(store, done.info.run_id)


def refused(callback) -> str:
    with pytest.raises(textforge.StorageError) as told:
        callback.started(STARTED)
    assert "\n" not in str(told.value)
    callback.epoch_ended(EPOCH)  # told once: nothing more is tried
    callback.failed({"type": "KeyboardInterrupt", "message": "", "path": ""})
    return str(told.value)


def test_a_folder_that_mlflow_no_longer_takes_is_refused_with_what_to_do(tmp_path):
    told = refused(mlflow(tmp_path, uri=str(tmp_path / "mlruns")))
    assert told == (
        f"{tmp_path / 'mlruns'}: this version of MLflow no longer logs to folders. Name a database in the option uri, "
        "as in sqlite:///mlflow.db, or set MLFLOW_ALLOW_FILE_STORE=true in the environment."
    )
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_or_cannot_be_one_is_told(tmp_path):
    (tmp_path / "text").write_text("not a database, however long this line is made to be" * 3)
    told = refused(mlflow(tmp_path, uri=f"sqlite:///{tmp_path}/text"))
    assert told == (
        f"sqlite:///{tmp_path}/text: MLflow cannot log there: file is not a database. "
        "Name another store in the option uri."
    )
    assert "cannot log there: Not a directory." in refused(mlflow(tmp_path, uri=f"sqlite:///{tmp_path}/text/a/b.db"))
    assert "MLflow says: " in refused(mlflow(tmp_path, uri="nonsense://somewhere"))


def test_a_server_that_is_not_there_costs_no_time_and_changes_nothing(tmp_path, logged):
    told = Told()
    began = time.perf_counter()
    run(tmp_path, {"use": "mlflow", "uri": "http://me:secret@127.0.0.1:9"}, "step-counter", progress=told)
    assert time.perf_counter() - began < 10
    assert len(told.warnings) == 1
    assert told.warnings[0].endswith(
        "failed at 'started': http://127.0.0.1:9: nothing answers there. "
        "Start the server (mlflow server), or name another in the option uri. The run goes on."
    )
    assert "secret" not in told.warnings[0]
    assert weights(tmp_path / "run") == weights(logged / "run")


@pytest.fixture
def server():
    """A server that is none of MLflow's: it answers 404."""

    class NotFound(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def do_POST(self):
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotFound) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_a_server_that_is_no_mlflow_is_told(tmp_path, server):
    assert refused(mlflow(tmp_path, uri=server)).startswith(f"{server}: MLflow says: API request to endpoint")


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(mlflow_store, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = refused(mlflow(tmp_path, uri=f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert "no answer within 0.2 seconds." in told


def test_metrics_that_a_store_could_not_take_are_sent_later(tmp_path, uri, monkeypatch):
    callback = mlflow(tmp_path, uri=uri, experiment="patient", artifacts=[])
    callback.started(STARTED)

    def away(uri):
        raise textforge.StorageError("away.")

    with monkeypatch.context() as patch:
        patch.setattr(mlflow_store, "_reach", away)
        for number in (1, 2):
            with pytest.raises(textforge.StorageError, match=r"away\."):
                callback.epoch_ended({**EPOCH, "number": number})
    callback.epoch_ended({**EPOCH, "number": 3})
    (done,) = found(uri, "patient")
    assert history(uri, done.info.run_id, "train/loss") == [(1, 0.5), (2, 0.5), (3, 0.5)]


def test_the_state_is_set_where_a_file_cannot_be_uploaded(tmp_path, uri, monkeypatch):
    (tmp_path / "result.json").write_text("{}")
    callback = mlflow(tmp_path, uri=uri, experiment="no files")
    callback.started(STARTED)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(client(uri)), "log_artifact", full)
    end = {"test": {"accuracy": 0.5}, "valid": None, "best_epoch": 1, "epochs": 1, "seconds": {}}
    with pytest.raises(textforge.StorageError, match="MLflow cannot log there: No space left on device"):
        callback.finished(end)
    (done,) = found(uri, "no files")
    assert (done.info.status, done.data.metrics["test/accuracy"]) == ("FINISHED", 0.5)


# -- limits -----------------------------------------------------------------------------------------


def test_many_parameters_long_values_and_many_classes_are_within_mlflows_limits(tmp_path, uri):
    labels = [f"label {n}/{'x' * n}" for n in range(300)]
    options = {f"option {n}/ü(": "long " * 2000 if n == 0 else n for n in range(250)}
    callback = mlflow(tmp_path, uri=uri, experiment="large", artifacts=[])
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
    callback = mlflow(tmp_path, uri=uri, experiment="undefined", artifacts=[])
    callback.started(STARTED)
    callback.epoch_ended({**EPOCH, "valid": {"loss": math.nan, "mcc": None, "up": math.inf, "ok": 0.5}})
    (done,) = found(uri, "undefined")
    assert done.data.metrics == {"train/loss": 0.5, "train/seconds": 0.25, "valid/ok": 0.5}


def test_nothing_is_written_before_a_run_has_started(tmp_path):
    callback = mlflow(tmp_path, uri=f"sqlite:///{tmp_path}/runs.db")
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
    assert says in check_options(**given, artifacts=[], per_class=True)
    assert check_options(uri="x", experiment="天気", run_name="a", tags={"a.b/c d": ""}) is None


# -- a library's manners ----------------------------------------------------------------------------

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
    testing = ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS")  # in which MLflow sends nothing of its own accord
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
