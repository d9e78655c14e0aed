"""Event files of a run as TensorBoard's own reader reads them."""

import math
import sys
import threading
from pathlib import Path

import pytest
import textforge
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tracking_runs import EPOCH, LABELS, STARTED, Told, epochs, result, run, weights

from textforge_tracking.events import EventFile
from textforge_tracking.tensorboard import tensorboard

SESSION = "_hparams_/session_{}_info"


def read(folder: Path) -> EventAccumulator:
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def points(events: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in events.Scalars(name)]


def hparams(events: EventAccumulator, which: str):
    content = events.SummaryMetadata(SESSION.format(which)).plugin_data.content
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    return getattr(data, f"session_{which}_info")


def text(events: EventAccumulator, name: str) -> str:
    shown = events.Tensors(name)[0].tensor_proto.string_val[0].decode()
    return "".join(line.removeprefix("    ") + "\n" for line in shown.split("\n"))


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A logged run, and the same run without logging."""
    folder = tmp_path_factory.mktemp("logged")
    told = Told()
    run(folder, "step-counter", "tensorboard", progress=told)
    run(folder / "plain")
    assert told.warnings == []
    return folder / "run"


def test_the_figures_of_each_epoch_are_those_of_metrics_jsonl(logged):
    events = read(logged / "tensorboard")
    lines = epochs(logged)
    assert len(lines) == 3
    assert points(events, "train/loss") == [(e["number"], pytest.approx(e["train_loss"])) for e in lines]
    assert points(events, "train/seconds") == [(e["number"], pytest.approx(e["seconds"])) for e in lines]
    assert {"loss", "accuracy", "roc_auc", "top_k(k=2)", "undefined"} <= set(lines[0]["valid"])
    for name in lines[0]["valid"]:
        if name != "undefined":
            expected = [(e["number"], pytest.approx(e["valid"][name])) for e in lines]
            assert points(events, f"valid/{name}") == expected
    assert points(events, "added/step_counter/twice") == [(1, 2.0), (2, 4.0), (3, 6.0)]
    assert not [name for name in events.Tags()["scalars"] if "undefined" in name]


def test_the_figures_of_the_end_are_those_of_result_json(logged):
    events, end = read(logged / "tensorboard"), result(logged)
    for name in ("accuracy", "macro_f1", "roc_auc", "top_k(k=2)", "n"):
        assert points(events, f"test/{name}") == [(3, pytest.approx(end["test"][name]))]
    for label, shown in zip(LABELS, ("äpfel_obst", "c++", "天気"), strict=True):
        figures = end["test"]["per_class"][label]
        for name, value in figures.items():
            assert points(events, f"test/per_class/{shown}/{name}") == [(3, pytest.approx(value))]
    assert points(events, "best/epoch") == [(3, end["best_epoch"])]
    assert points(events, "best/loss") == [(3, pytest.approx(end["valid"]["loss"]))]
    assert points(events, "seconds/train") == [(3, pytest.approx(end["seconds"]["train"]))]


def test_the_dashboard_of_hyperparameters_has_the_resolved_recipe(logged):
    events = read(logged / "tensorboard")
    values = hparams(events, "start").hparams
    assert values["optimizer.lr"].number_value == 0.01
    assert values["vectorizer.lowercase"].bool_value is True
    assert values["model.use"].string_value == "mlp"
    assert values["model.norm"].string_value == "null"
    assert values["model.hidden"].string_value == "[8]"
    assert values["seed"].number_value == 3
    assert values["n_labels"].number_value == 3
    assert not [name for name in values if name.startswith("callbacks")]
    assert hparams(events, "end").status == api_pb2.STATUS_SUCCESS
    assert hparams(events, "end").end_time_secs >= hparams(events, "start").start_time_secs


def test_the_recipe_is_shown_as_it_was_written_and_resolved(logged):
    events = read(logged / "tensorboard")
    for name in ("recipe", "resolved"):
        assert text(events, name) == (logged / f"{name}.yaml").read_text(encoding="utf-8")


def test_the_weights_are_those_of_a_run_that_is_not_logged(logged):
    assert weights(logged) == weights(logged.parent / "plain/run")


def test_a_folder_for_many_runs_has_one_for_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "one", {"use": "tensorboard", "folder": "events", "per_class": False}, trainer={"epochs": 1})
    run(tmp_path / "two", {"use": "tensorboard", "folder": "events", "per_class": False}, trainer={"epochs": 1})
    for name in ("one", "two"):
        events = read(tmp_path / "events" / name / "run")
        assert len(events.Scalars("train/loss")) == 1
        assert "test/accuracy" in events.Tags()["scalars"]
        assert not [tag for tag in events.Tags()["scalars"] if tag.startswith(("test/per_class", "valid/"))]
        assert not (tmp_path / name / "run/tensorboard").exists()


@pytest.mark.parametrize("error", [textforge.DataError("no ünicorn."), KeyboardInterrupt()])
def test_a_run_that_fails_is_marked_so_and_keeps_its_epochs(tmp_path, error):
    with pytest.raises(type(error)):
        run(tmp_path, "step-counter", "tensorboard", progress=Told(error, after=2))
    events = read(tmp_path / "run/tensorboard")
    assert hparams(events, "end").status == api_pb2.STATUS_FAILURE
    assert text(events, "error").startswith(f"{type(error).__name__}: {error}".rstrip(": "))
    assert [step for step, _ in points(events, "train/loss")] == [1, 2]
    assert points(events, "added/step_counter/twice") == [(1, 2.0), (2, 4.0)]


def test_a_folder_that_cannot_be_made_is_reported_once_and_the_run_goes_on(tmp_path, logged):
    (tmp_path / "file").write_text("")
    told = Told()
    run(tmp_path, {"use": "tensorboard", "folder": str(tmp_path / "file")}, "step-counter", progress=told)
    assert len(told.warnings) == 1
    assert told.warnings[0].startswith("callback 'tensorboard' from ")
    assert f"{tmp_path / 'file'}" in told.warnings[0]
    assert told.warnings[0].endswith("TensorBoard's events cannot be written: Not a directory. The run continues.")
    assert weights(tmp_path / "run") == weights(logged)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_reported_and_what_it_kept_out_is_written_later(tmp_path):
    events = EventFile(tmp_path)
    events.add_scalars({"a": 1.0}, 1)
    room, events._path = events._path, Path("/dev/full")
    with pytest.raises(textforge.StorageError, match="TensorBoard's events cannot be written: No space left on device"):
        events.flush()
    events._path = room
    events.add_scalars({"a": 2.0}, 2)
    events.flush()
    assert points(read(tmp_path), "a") == [(1, 1.0), (2, 2.0)]


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path, monkeypatch):
    events = EventFile(tmp_path)
    events.add_scalars({"a": 1.0}, 1)
    events.flush()
    events.add_scalars({"a": 2.0}, 2)
    real = Path.open

    class Short:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(bytes(data)[:7])

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

    monkeypatch.setattr(Path, "open", lambda path, *args, **options: Short(real(path, *args, **options)))
    with pytest.raises(textforge.StorageError, match="the disk is full"):
        events.flush()
    monkeypatch.undo()
    assert points(read(tmp_path), "a") == [(1, 1.0)]
    events.flush()
    assert points(read(tmp_path), "a") == [(1, 1.0), (2, 2.0)]


def test_nothing_is_written_before_a_run_has_started(tmp_path):
    callback = tensorboard(tmp_path / "run")
    callback.epoch_ended(EPOCH)
    callback.failed({"type": "DataError", "message": "no data.", "path": "run"})
    callback.finished({})
    assert list(tmp_path.iterdir()) == []


def test_undefined_figures_and_odd_labels_survive(tmp_path):
    callback = tensorboard(tmp_path)
    callback.started({**STARTED, "labels": ["", "\ud800", "\x00"]})
    valid = {"loss": math.nan, "mcc": None, "up": math.inf, "\ud800": 0.5, "\x00": 0.25}
    callback.epoch_ended({**EPOCH, "valid": valid})
    scalars = read(tmp_path / "tensorboard").Tags()["scalars"]
    assert scalars == ["train/loss", "train/seconds", "valid/?", "valid/\x00"]


def test_nothing_is_printed_and_no_thread_is_left(tmp_path, capfd):
    before = threading.enumerate()
    run(tmp_path, "tensorboard")
    assert threading.enumerate() == before
    assert capfd.readouterr() == ("", "")
    assert "tensorflow" not in sys.modules
