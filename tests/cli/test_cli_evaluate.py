"""`textforge evaluate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from conftest import make_texts, only_json, small_recipe, textforge, write_csv
from in_process import invoke

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
    assert "there is no column 'text'. Its columns: review, topic" in done.stderr


def test_a_bundle_without_data_says_what_to_give(finished_run: Path) -> None:
    done = invoke("evaluate", finished_run / "model")
    assert done.returncode == 2
    assert "Name them with --data FILE or --data RECIPE" in done.stderr


def test_a_recipe_gives_the_data(finished_run: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "d.csv", *make_texts(80, seed=5))
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(small_recipe(Path("d.csv"))))
    both = [
        only_json(invoke("evaluate", finished_run, "--data", tmp_path / "r.yaml", "--split", split, "--json").stdout)
        for split in ("train", "test")
    ]
    assert sum(found["n"] for found in both) == 80
    assert [found["split"] for found in both] == ["train", "test"]


def test_a_split_that_is_not_there_is_told(finished_run: Path) -> None:
    done = invoke("evaluate", finished_run, "--split", "valid")
    assert done.returncode == 2
    assert "the data have no split 'valid'. They have: train, test." in done.stderr


def test_unknown_labels_are_told(finished_run: Path, tmp_path: Path) -> None:
    done = invoke("evaluate", finished_run, "--data", write_csv(tmp_path / "d.csv", ["x", "y"], ["space", "food"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "'food' (1 times, first in row 2)" in done.stderr


def test_an_unfinished_run_is_told(finished_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "result.json").unlink()
    done = invoke("evaluate", run)
    assert done.returncode == 2
    assert "an unfinished run" in done.stderr
