"""`textforge report` and `run --report`: what people and programs read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import make_texts, only_json, small_recipe, write_csv
from in_process import invoke

import textforge as library


def test_a_program_reads_one_object(finished_run: Path, tmp_path: Path) -> None:
    found = only_json(invoke("report", finished_run, "-o", tmp_path / "report.html", "--json").stdout)
    assert found == {"report": str(tmp_path / "report.html"), **json.loads(json.dumps(library.report(finished_run)))}
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_person_reads_the_short_form(finished_run: Path) -> None:
    done = invoke("report", finished_run)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"recipe ({finished_run})"
    result = json.loads((finished_run / "result.json").read_text())
    assert any(line.startswith("accuracy ") and f"{result['test']['accuracy']:.4f}" in line for line in lines)
    for words in ("accuracy of majority class", "precision", "calibration error", "wrong answers"):
        assert words in done.stdout


def test_many_classes_are_shortened_to_the_worst(finished_run: Path) -> None:
    from textforge.cli.report import report_text

    found = library.report(finished_run)
    classes = [{"label": f"c{n}", "precision": 1.0, "recall": 1.0, "f1": n / 100, "support": 3} for n in range(90)]
    text = report_text({**found, "classes": classes})
    assert "lowest F1 of 90 classes" in text
    assert "\nc9 " in text
    assert "\nc10 " not in text


def test_an_existing_file_is_kept_without_force(finished_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("mine")
    done = invoke("report", finished_run, "-o", file)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert file.read_text() == "mine"
    assert invoke("report", finished_run, "-o", file, "--force").stdout == f"report: {file}\n"
    assert invoke("report", finished_run, "-o", tmp_path, "--force").returncode == 2


def test_a_run_that_is_none_is_reported(tmp_path: Path) -> None:
    done = invoke("report", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such run" in done.stderr


@pytest.mark.parametrize("seeds", [[], ["--seeds", "0-1"]])
def test_a_run_writes_its_report_at_the_end(seeds: list[str], tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(write_csv(tmp_path / "small.csv", *make_texts(60)))))
    out = tmp_path / "run"
    done = invoke("run", recipe, "--out", out, "-q", "--report", *seeds)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"report: {out / 'report.html'}\n")
    assert (out / "report.html").stat().st_size > 10_000
    shutil.rmtree(out)
    found = only_json(invoke("run", recipe, "--out", out, "-q", "--report", "--json", *seeds).stdout)
    assert found["report"] == str(out / "report.html")
