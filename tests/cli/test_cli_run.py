"""`textforge run`: what goes where."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from conftest import only_json, textforge, write_site
from in_process import invoke

NOISY = '''
import os, sys
import textforge

def noisy(n_features, n_classes, /):
    """Prints wherever it can."""
    print("noise from the factory")
    sys.stdout.write("more noise\\n")
    return textforge.FeatureLinear(n_features, n_classes)

@textforge.hookimpl
def textforge_models():
    print("noise from the hook")
    return {"noisy": noisy}

print("noise from the import")
'''


def test_a_process_prints_results_on_stdout_and_progress_on_stderr(recipe_file: Path, tmp_path: Path) -> None:
    done = textforge("run", recipe_file, "--out", tmp_path / "run")
    assert done.returncode == 0
    assert re.match(r"test accuracy 0\.\d{4} +macro F1 0\.\d{4} +weighted F1 0\.\d{4} +\(24 texts\)\n", done.stdout)
    assert done.stdout.endswith(f"\nrun folder: {tmp_path / 'run'}\n")
    assert "epoch" not in done.stdout
    assert re.findall(r"^epoch (\d)/3  train loss \d\.\d{4}  \d+\.\d\d s$", done.stderr, re.MULTILINE) == [
        "1",
        "2",
        "3",
    ]
    assert "warning: no test file" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stderr


def test_a_quiet_run_says_nothing_but_its_one_object(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("run", recipe_file, "--out", tmp_path / "run", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    found = only_json(done.stdout)
    assert found["run"] == str(tmp_path / "run")
    assert {"accuracy", "macro_f1", "n"} <= found["test"].keys()
    assert {"load", "vectorize", "train", "total"} <= found["seconds"].keys()
    assert all(isinstance(seconds, float) for seconds in found["seconds"].values())
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == {k: v for k, v in found.items() if k != "run"}


def test_json_keeps_the_progress_on_stderr(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("run", recipe_file, "--out", tmp_path / "run", "--json")
    only_json(done.stdout)
    assert "epoch 3/3" in done.stderr


def test_without_a_test_split_the_object_says_so(recipe_file: Path, tmp_path: Path) -> None:
    arguments = ["run", recipe_file, "-q", "-s", "dataset.test_fraction=0", "--out"]
    assert only_json(invoke(*arguments, tmp_path / "a", "--json").stdout)["test"] is None
    assert invoke(*arguments, tmp_path / "b").stdout == f"run folder: {tmp_path / 'b'}\n"


def test_set_seed_and_device_override_the_recipe(recipe_file: Path, tmp_path: Path) -> None:
    given = ["-s", "model.hidden=[4]", "--set", "vectorizer=tfidf", "--seed", "7", "--device", "cpu"]
    done = invoke("run", recipe_file, *given, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 0
    resolved = yaml.safe_load((tmp_path / "run" / "resolved.yaml").read_text())
    assert resolved["model"]["hidden"] == [4]
    assert resolved["vectorizer"]["use"] == "tfidf"
    assert resolved["seed"] == 7
    assert resolved["trainer"]["device"] == "cpu"


def test_by_default_the_run_lies_below_runs(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = only_json(invoke("run", recipe_file, "--json", "-q").stdout)
    assert re.fullmatch(r"runs/small/\d{8}T\d{6}Z-[0-9a-f]{6}", found["run"])
    assert (tmp_path / found["run"] / "result.json").is_file()


def test_what_a_run_says_can_be_done_next_works(recipe_file: Path, tmp_path: Path) -> None:
    run = only_json(invoke("run", recipe_file, "--json", "-q", "--out", tmp_path / "run").stdout)
    evaluated = only_json(invoke("evaluate", run["run"], "--json").stdout)
    assert evaluated["accuracy"] == run["test"]["accuracy"]
    again = only_json(
        invoke("run", tmp_path / "run" / "resolved.yaml", "--json", "-q", "--out", tmp_path / "again").stdout
    )
    assert again["test"] == run["test"]


def test_a_plugin_that_prints_does_not_spoil_the_object(recipe_file: Path, tmp_path: Path) -> None:
    write_site(tmp_path, "textforge-noisy", NOISY)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = textforge(
        "run", recipe_file, "-s", "model=noisy", "--json", "--out", tmp_path / "run", env={"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["test"]["n"] == 24
    for noise in ("noise from the import", "noise from the hook", "noise from the factory", "more noise"):
        assert noise in done.stderr
