"""Shared by the tests: small labelled texts, a recipe for them, a run and its files."""

import atexit
import functools
import json
import os
import random
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import textforge

import textforge_tracking
from textforge_tracking.mlflow_store import Store, quiet_settings

# A shell's background jobs ignore interrupts, and so do their children; these tests send interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

LABELS = ["äpfel/obst", "c++", "天気"]
WORDS = {
    "äpfel/obst": ["apple", "pear", "plum", "cherry", "grape"],
    "c++": ["pointer", "template", "compiler", "header", "linker"],
    "天気": ["rain", "sun", "cloud", "wind", "storm"],
}


class Told(textforge.Progress):
    """Collect the warnings about callbacks; after an epoch, raise the given error, if any."""

    def __init__(self, error=None, after=1):
        self.warnings, self.error, self.after = [], error, after

    def warning(self, text):
        if "callback" in text:  # not of the data
            self.warnings.append(text)

    def epoch(self, result, epochs):
        if self.error and result.number == self.after:
            raise self.error


def undefined():
    """A metric that is undefined on a part of the texts."""
    return lambda gold, probabilities: None


def steps():
    """Add figures to epochs."""

    class Steps:
        def epoch_ended(self, result):
            return {"twice": 2 * result["number"]}

    return Steps()


class Mine:
    @textforge.hookimpl
    def textforge_metrics(self):
        return {"undefined": undefined}

    @textforge.hookimpl
    def textforge_callbacks(self):
        return {"step-counter": steps}


def plugins() -> textforge.PluginManager:
    """All installed plugins and these callbacks."""
    parts = textforge.PluginManager()
    if "mlflow" not in parts.names("callback"):
        parts.register(textforge_tracking)
    parts.register(Mine())
    return parts


def recipe(folder: Path, *callbacks: object, **sections: object) -> dict:
    """A recipe that trains within a moment on 60 texts of three classes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    lines = [{"text": " ".join(rng.choices(WORDS[label], k=4)), "label": label} for label in LABELS * 20]
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return {
        "seed": 3,
        "dataset": {"use": "jsonl", "train": str(data)},
        "vectorizer": {"use": "bow"},
        "model": {"use": "mlp", "hidden": [8]},
        "optimizer": {"use": "adam", "lr": 0.01},
        "trainer": {"epochs": 3, "batch_size": 16, "validation": 0.2},
        "metrics": ["roc-auc", {"use": "top-k", "k": 2}, {"use": "top-k", "k": 1}, "undefined"],
        "callbacks": list(callbacks),
        **sections,
    }


def run(folder: Path, *callbacks: object, progress=None, **sections: object) -> textforge.Run:
    """Run a recipe with these callbacks, in the subfolder `run` of a folder."""
    made = recipe(folder, *callbacks, **sections)
    return textforge.run(made, out=folder / "run", plugins=plugins(), progress=progress)


def epochs(run_folder: Path) -> list[dict]:
    return [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]


def result(run_folder: Path) -> dict:
    return json.loads((run_folder / "result.json").read_text())


def weights(run_folder: Path) -> str:
    """The digest of a run's weights."""
    return json.loads((run_folder / "model/bundle.json").read_text())["files"]["model.safetensors"]


@functools.cache
def _empty_database() -> Path:
    top = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    folder = Path(top) / "made" / "by the callback"
    with Store(f"sqlite:///{folder}/empty.db").opened():
        return folder / "empty.db"


def database(file: Path) -> str:
    """The address of an empty MLflow database at this path; it is copied, since creating one is slow."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_database(), file)
    return f"sqlite:///{file}"


@contextmanager
def without_settings():
    """Unset all environment variables of MLflow."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.strip("_").startswith("MLFLOW_")]:
            patch.delenv(name)
        yield


def history(uri: str, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in client(uri).get_metric_history(run_id, name)]


def files(uri: str, run_id: str) -> dict[str, Path]:
    """The files of a run in a local store, by name."""
    root = Path(client(uri).get_run(run_id).info.artifact_uri.removeprefix("file://"))
    return {one.path: root / one.path for one in client(uri).list_artifacts(run_id)}


def client(uri: str):
    """MLflow's own client, silenced as in the callback."""
    with quiet_settings():
        from mlflow import MlflowClient

        return MlflowClient(uri)


def found(uri: str, experiment: str = "recipe"):
    """The runs of an experiment, oldest first."""
    number = client(uri).get_experiment_by_name(experiment).experiment_id
    return client(uri).search_runs([number], order_by=["attributes.start_time"])


STARTED = {
    "path": "runs/r/1", "recipe": "r", "seed": 0, "labels": LABELS, "n_train": 48, "n_features": 15, "n_parameters": 99,
    "epochs": 2, "resolved": {"seed": 0, "model": {"use": "mlp", "hidden": [8], "norm": None}},
}  # fmt: skip
"""What the event `started` brings."""

EPOCH = {"number": 1, "train_loss": 0.5, "valid": None, "best": False, "steps": 3, "seconds": 0.25}
"""What the event `epoch_ended` brings."""
