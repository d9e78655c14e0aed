"""MLflow's stores: databases, servers and folders, reachable and unreachable."""

import http.server
import signal
import threading
import time

import pytest
import textforge
from tracking_runs import (
    EPOCH,
    STARTED,
    Told,
    client,
    database,
    files,
    found,
    history,
    result,
    run,
    weights,
    without_settings,
)

from textforge_tracking import mlflow_store
from textforge_tracking.mlflow import MlflowRun


@pytest.fixture(scope="module", autouse=True)
def plain_environment():
    with without_settings():
        yield


@pytest.fixture
def uri(tmp_path, plain_environment):
    return database(tmp_path / "runs.db")


def test_the_store_is_the_one_that_mlflow_is_set_to(tmp_path, uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    callback = MlflowRun(tmp_path, experiment="by environment", run_name="first", artifacts=[])
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
    callback.epoch_ended(EPOCH)  # one warning: nothing more is tried
    callback.failed({"type": "KeyboardInterrupt", "message": "", "path": ""})
    return str(told.value)


def test_a_folder_that_mlflow_no_longer_takes_is_refused_with_what_to_do(tmp_path):
    told = refused(MlflowRun(tmp_path, uri=str(tmp_path / "mlruns")))
    assert told == (
        f"{tmp_path / 'mlruns'}: this version of MLflow no longer logs to folders. Name a database in the option uri, "
        "as in sqlite:///mlflow.db, or set MLFLOW_ALLOW_FILE_STORE=true in the environment."
    )
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_or_cannot_be_one_is_reported(tmp_path):
    (tmp_path / "text").write_text("not a database, however long this line is made to be" * 3)
    told = refused(MlflowRun(tmp_path, uri=f"sqlite:///{tmp_path}/text"))
    assert told == (
        f"sqlite:///{tmp_path}/text: MLflow cannot log there: file is not a database. "
        "Name another store in the option uri."
    )
    assert "cannot log there: Not a directory." in refused(MlflowRun(tmp_path, uri=f"sqlite:///{tmp_path}/text/a/b.db"))
    assert "MLflow says: " in refused(MlflowRun(tmp_path, uri="nonsense://somewhere"))


def test_a_server_that_is_not_there_costs_no_time_and_changes_nothing(tmp_path):
    told = Told()
    began = time.perf_counter()
    run(tmp_path, {"use": "mlflow", "uri": "http://me:secret@127.0.0.1:9"}, "step-counter", progress=told)
    assert time.perf_counter() - began < 60
    assert len(told.warnings) == 1
    assert told.warnings[0].endswith(
        "failed at 'started': http://127.0.0.1:9: nothing answers there. "
        "Start the server (mlflow server), or name another in the option uri. The run continues."
    )
    assert "secret" not in told.warnings[0]
    run(tmp_path / "plain")
    assert weights(tmp_path / "run") == weights(tmp_path / "plain/run")


@pytest.fixture
def server():
    """A server that is not MLflow's: it answers 404."""

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


def test_a_server_that_is_no_mlflow_is_reported(tmp_path, server):
    assert refused(MlflowRun(tmp_path, uri=server)).startswith(f"{server}: MLflow says: API request to endpoint")


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(mlflow_store, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = refused(MlflowRun(tmp_path, uri=f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert "no answer within 0.2 seconds." in told


def test_metrics_that_a_store_could_not_take_are_sent_later(tmp_path, uri, monkeypatch):
    callback = MlflowRun(tmp_path, uri=uri, experiment="patient", artifacts=[])
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
    callback = MlflowRun(tmp_path, uri=uri, experiment="no files")
    callback.started(STARTED)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(client(uri)), "log_artifact", full)
    end = {"test": {"accuracy": 0.5}, "valid": None, "best_epoch": 1, "epochs": 1, "seconds": {}}
    with pytest.raises(textforge.StorageError, match="MLflow cannot log there: No space left on device"):
        callback.finished(end)
    (done,) = found(uri, "no files")
    assert (done.info.status, done.data.metrics["test/accuracy"]) == ("FINISHED", 0.5)


def test_an_interrupt_waits_for_the_store_and_a_second_one_does_not(tmp_path, uri, monkeypatch):
    callback = MlflowRun(tmp_path, uri=uri, experiment="interrupted", artifacts=[])
    callback.started(STARTED)
    before = signal.getsignal(signal.SIGINT)
    log_batch, times = type(client(uri)).log_batch, 1

    def interrupted(*arguments, **values):
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        log_batch(*arguments, **values)

    with monkeypatch.context() as patch:
        patch.setattr(type(client(uri)), "log_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            callback.epoch_ended({**EPOCH, "number": 1})
        times = 2
        with pytest.raises(KeyboardInterrupt):
            callback.epoch_ended({**EPOCH, "number": 2})
        assert signal.getsignal(signal.SIGINT) is before
    (cut,) = found(uri, "interrupted")
    assert history(uri, cut.info.run_id, "train/loss") == [(1, 0.5)]
    callback.failed({"type": "KeyboardInterrupt", "message": "", "path": str(tmp_path)})
    (done,) = found(uri, "interrupted")
    assert (done.info.status, done.data.tags["textforge.error"]) == ("KILLED", "KeyboardInterrupt")
    assert history(uri, done.info.run_id, "train/loss") == [(1, 0.5), (2, 0.5)]
