"""The distribution, installed by pip and used from the command line, and its recipes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import textforge
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tracking_runs import database, epochs, found, plugins, recipe, result

HERE = Path(__file__).resolve().parent.parent
OPTIONS = "--no-deps --no-build-isolation --no-index --quiet --disable-pip-version-check --no-compile".split()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the distribution is installed."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(HERE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "build", "dist"))
    command = [sys.executable, "-m", "pip", "install", *OPTIONS, "--target", folder / "packages", source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def work(tmp_path):
    """A working directory with MLflow's default database."""
    database(tmp_path / "mlflow.db")
    return tmp_path


def runs(work: Path, experiment: str) -> list:
    return found(f"sqlite:///{work}/mlflow.db", experiment)


def environment(installed: Path) -> dict[str, str]:
    paths = [str(installed / "packages"), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {name: value for name, value in os.environ.items() if not name.strip("_").startswith("MLFLOW_")}
    return {**own, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "default"}


def textforge_command(installed: Path, work: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "textforge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(installed), cwd=work)


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_callback_is_found_with_every_option_described(installed, work, name):
    done = textforge_command(installed, work, "plugins", "callback", name, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["distribution"], shown["facts"]) == ("textforge-tracking", ["run_folder"])
    assert len(shown["options"]) > 1
    assert all(option["doc"] and option["required"] is False for option in shown["options"])


def test_seeds_from_the_command_line_are_runs_in_both(installed, work):
    file = work / "äpfel.yaml"
    made = recipe(work, "tensorboard", "mlflow", metrics=[], trainer={"epochs": 2, "batch_size": 16, "validation": 0.2})
    file.write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    done = textforge_command(installed, work, "run", file, "--seeds", "0,1", "--out", "seeds", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert [line for line in done.stderr.splitlines() if "held out for the test" not in line] == []
    both = runs(work, "äpfel")
    assert [one.data.params["seed"] for one in both] == ["0", "1"]
    assert [one.info.status for one in both] == ["FINISHED", "FINISHED"]
    for one in both:
        folder = work / "seeds" / f"seed-{one.data.params['seed']}"
        assert one.data.tags["textforge.run_folder"] == str(folder)
        assert one.data.metrics["test/accuracy"] == result(folder)["test"]["accuracy"]
        assert one.data.metrics["valid/loss"] == epochs(folder)[-1]["valid"]["loss"]
        events = EventAccumulator(str(folder / "tensorboard"))
        events.Reload()
        assert events.Scalars("test/accuracy")[0].value == pytest.approx(result(folder)["test"]["accuracy"])
        assert len(events.Scalars("valid/loss")) == 2


def test_an_interrupt_is_reported_to_the_store(installed, work):
    file = work / "long.yaml"
    made = recipe(work, "mlflow", metrics=[], trainer={"epochs": 100_000, "batch_size": 16})
    file.write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")
    command = [sys.executable, "-m", "textforge", "run", str(file), "--out", "run", "--quiet"]
    with subprocess.Popen(command, env=environment(installed), cwd=work, stderr=subprocess.PIPE, text=True) as process:
        lines = work / "run/metrics.jsonl"
        until = time.monotonic() + 120
        while not lines.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    (stopped,) = runs(work, "long")
    assert (stopped.info.status, stopped.data.tags["textforge.error"]) == ("KILLED", "KeyboardInterrupt")


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_each_recipe_runs(name, work, monkeypatch):
    monkeypatch.chdir(work)
    small = {"dataset.per_package": 20, "trainer.epochs": 1}
    done = textforge.run(HERE / f"recipes/{name}.yaml", overrides=small, plugins=plugins())
    assert not [one for one in done.result["warnings"] if "callback" in one]
    if name == "mlflow":
        (logged,) = runs(work, "docstrings")
        assert logged.data.metrics["test/accuracy"] == done.test["accuracy"]
    else:
        assert len(list((done.path / "tensorboard").iterdir())) == 1


def test_no_recipe_is_without_a_test():
    assert {file.stem for file in (HERE / "recipes").iterdir()} == {"mlflow", "tensorboard"}
