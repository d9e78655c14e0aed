"""`textforge replay`: what a person and a program read, and the exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import warm_processes
from conftest import only_json
from in_process import invoke

from textforge.runs.replays import training_again


@pytest.fixture
def run(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a finished run; processes start quickly."""
    monkeypatch.setattr(training_again, "SAME_PYTHON", warm_processes.command())
    shutil.copytree(finished_run, tmp_path / "run")
    return tmp_path / "run"


def test_the_same_is_said_in_a_line_per_result_and_ends_with_0(run: Path) -> None:
    done = invoke("replay", run, "-q")
    names = ("recipe", "data", "features", "history", "weights", "decision", "predictions", "figures")
    expected = "\n".join([str(run), *(f"  {name}: same" for name in names), "", "the same."]) + "\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_a_difference_ends_with_1_and_names_place_and_reason(run: Path, tmp_path: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    second = json.loads(lines[1])
    lines[1] = json.dumps({**second, "train_loss": 7.0})
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    described = json.loads((run / "environment.json").read_text())
    described["packages"]["torch"] = "2.0.0"
    (run / "environment.json").write_text(json.dumps(described))
    done = invoke("replay", run, "--out", tmp_path / "again", "--json", "-q")
    assert (done.returncode, done.stderr) == (1, "")
    found = only_json(done.stdout)
    assert (found["run"], found["same"], found["out"]) == (str(run), False, str(tmp_path / "again"))
    assert [one["name"] for one in found["compared"] if not one["same"]] == ["history"]
    assert found["compared"][3]["detail"] == f"from epoch 2 on: train_loss was 7.0 and is {second['train_loss']}"
    assert found["reason"].startswith("torch was 2.0.0 and is ")
    assert found["environment"][0]["what"] == "torch"
    assert (tmp_path / "again" / "result.json").is_file()


def test_changed_data_are_the_first_line(run: Path, tmp_path: Path) -> None:
    described = json.loads((run / "environment.json").read_text())
    described["data"]["sha256"] = "0" * 64
    (run / "environment.json").write_text(json.dumps(described))
    done = invoke("replay", run, "-q")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1] == "  data: differ: texts or labels of train differ"
    assert lines[2] == "  features: not compared: the data differ"
    assert lines[-3:] == [
        "  likely reason: the data are not those that the run was made with.",
        "",
        "the replay differs.",
    ]


def test_an_unfinished_run_is_refused(run: Path) -> None:
    (run / "result.json").unlink()
    done = invoke("replay", run)
    assert (done.returncode, done.stdout) == (2, "")
    assert "an unfinished run: it has no result.json" in done.stderr


def test_a_folder_that_holds_a_run_already_is_refused(run: Path) -> None:
    done = invoke("replay", run, "--out", run, "-q")
    assert done.returncode == 2
    assert f"{run}: exists and holds a finished run; runs are never overwritten." in done.stderr
