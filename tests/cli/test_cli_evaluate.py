"""`textforge evaluate`."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import make_texts, only_json, small_recipe, textforge, write_csv, write_site
from in_process import invoke

import textforge as library

TOPIC_COLUMNS = ("-s", "text=review", "-s", "label=topic")


def renamed(path: Path) -> Path:
    path.write_text(path.read_text().replace("text,label", "review,topic"))
    return path


def test_a_process_says_what_the_run_said(finished_run: Path) -> None:
    done = textforge("evaluate", finished_run, "--json")
    assert done.returncode == 0
    found = only_json(done.stdout)
    own = json.loads((finished_run / "result.json").read_text())["test"]
    assert {key: found[key] for key in own} == own
    assert done.stderr.startswith("warning: no test file")


def test_a_person_reads_a_table(finished_run: Path) -> None:
    done = invoke("evaluate", finished_run)
    own = json.loads((finished_run / "result.json").read_text())["test"]
    assert f"test accuracy {own['accuracy']:.4f}" in done.stdout
    for label, one in own["per_class"].items():
        assert f"{label} " in done.stdout
        assert f"{one['f1']:.3f}" in done.stdout
    assert "confusion" in done.stdout


def test_a_csv_is_read_whole_with_its_columns_named(finished_run: Path, tmp_path: Path) -> None:
    data = renamed(write_csv(tmp_path / "d.csv", *make_texts(30, seed=2)))
    done = invoke("evaluate", finished_run, "--data", data, *TOPIC_COLUMNS, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert only_json(done.stdout)["n"] == 30
    done = invoke("evaluate", finished_run, "--data", data)
    assert done.returncode == 2
    assert "no column 'text'. Its columns: review, topic" in done.stderr


def test_a_bundle_without_data_says_what_to_give(finished_run: Path) -> None:
    done = invoke("evaluate", finished_run / "model")
    assert done.returncode == 2
    assert "Name data with --data FILE or --data RECIPE" in done.stderr


def test_a_recipe_gives_the_data(finished_run: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "d.csv", *make_texts(80, seed=5))
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(small_recipe(Path("d.csv"))))
    both = [
        only_json(invoke("evaluate", finished_run, "--data", tmp_path / "r.yaml", "--split", split, "--json").stdout)
        for split in ("train", "test")
    ]
    assert sum(found["n"] for found in both) == 80
    assert [found["split"] for found in both] == ["train", "test"]


def test_a_split_that_is_not_there_is_reported(finished_run: Path) -> None:
    done = invoke("evaluate", finished_run, "--split", "valid")
    assert done.returncode == 2
    assert "the data has no split 'valid'. Its splits: train, test." in done.stderr


def test_unknown_labels_are_reported(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("evaluate", finished_run, "--data", write_csv(tmp_path / "d.csv", ["x", "y"], ["space", "food"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "'food' (1 times, first in row 2)" in done.stderr


def test_an_unfinished_run_is_reported(finished_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "result.json").unlink()
    done = invoke("evaluate", run)
    assert done.returncode == 2
    assert "an unfinished run" in done.stderr


# -- metrics -----------------------------------------------------------------------------------

METRICS = '''
import textforge

def surest():
    """The largest probability."""
    return lambda gold, probabilities: float(probabilities.max())

def never():
    """Never defined."""
    return lambda gold, probabilities: None

def loud():
    """Says something."""
    return lambda gold, probabilities: "loud"

@textforge.hookimpl
def textforge_metrics():
    return {"surest-one": surest, "never": never, "loud": loud}
'''


@pytest.fixture
def metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(write_site(tmp_path, "textforge-metrics", METRICS))
    yield
    sys.modules.pop("textforge_metrics", None)


def test_more_metrics_are_measured_where_they_are_named(finished_run: Path, metrics: None) -> None:
    plain = only_json(invoke("evaluate", finished_run, "--json").stdout)
    assert "surest_one" not in plain
    found = only_json(invoke("evaluate", finished_run, "--metric", "surest-one", "--metric", "never", "--json").stdout)
    assert 1 / 3 <= found["surest_one"] <= 1
    assert found["never"] is None
    assert {key: found[key] for key in plain} == plain
    shown = invoke("evaluate", finished_run, "--metric", "surest-one", "--metric", "never").stdout
    assert f"surest_one {found['surest_one']:.4f}   never undefined" in shown.splitlines()[1]


def test_the_metrics_of_a_run_are_measured_again_and_in_its_result(tmp_path: Path, metrics: None) -> None:
    data = write_csv(tmp_path / "d.csv", *make_texts(80))
    run = library.run(small_recipe(data, metrics=["surest-one"]), out=tmp_path / "run")
    found = only_json(invoke("evaluate", run.path, "--json").stdout)
    assert found["surest_one"] == run.test["surest_one"]
    other = only_json(invoke("evaluate", run.path, "--metric", "never", "--json").stdout)
    assert "surest_one" not in other, "those that are named are measured instead"


def test_a_metric_that_is_not_there_or_no_good_is_reported(finished_run: Path, metrics: None) -> None:
    done = invoke("evaluate", finished_run, "--metric", "surest-on")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no metric named 'surest-on'. Did you mean 'surest-one'?" in done.stderr
    done = invoke("evaluate", finished_run, "--metric", "loud")
    assert (done.returncode, done.stdout) == (1, "")
    assert "metric 'loud' from textforge-metrics 1.0 returned 'loud'; a metric is a number" in done.stderr


def test_unknown_labels_are_treated_by_the_option(finished_run: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(30, seed=2)
    data = write_csv(tmp_path / "d.csv", texts, ["spoce", "music", *labels[2:]])
    for treatment, n in (("wrong", 30), ("drop", 28)):
        done = invoke("evaluate", finished_run, "--data", data, "--unknown-labels", treatment, "--json")
        assert done.returncode == 0 and only_json(done.stdout)["n"] == n
        assert "2 texts have labels that the training data lack" in done.stderr
        said = "counted as wrong" if treatment == "wrong" else "left out"
        done = invoke("evaluate", finished_run, "--data", data, "--unknown-labels", treatment)
        assert f"2 texts with unknown labels {said}" in done.stdout
    done = invoke("evaluate", finished_run, "--data", data)
    assert done.returncode == 2 and "'spoce' is one letter from 'space'" in done.stderr
