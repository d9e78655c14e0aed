"""Names from files that anybody may have written reach no terminal as they are."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from conftest import make_texts, small_recipe, write_csv
from in_process import invoke

import textforge as library

LABELS = {"space": "sp\x1b[31mace\x07", "ball": "ba\u202ell\\n", "paint": "na\u200bme\n\x9b2J\u2028"}
TEXT, LABEL = "te\x1b]0;x\x07xt", "la\u202ebel"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name, files, columns and labels try to steer the terminal, with a recipe and a run."""
    folder = tmp_path_factory.mktemp("fol\x1b[2Jder\u202e")
    texts, labels = make_texts(120)
    with (folder / "da\x9bta.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([TEXT, LABEL])
        writer.writerows(zip(texts, [LABELS[label] for label in labels], strict=True))
    recipe = small_recipe(folder / "da\x9bta.csv")
    recipe["dataset"] |= {"text": TEXT, "label": LABEL}
    (folder / "r.yaml").write_text(yaml.safe_dump(recipe))
    return folder


@pytest.fixture(scope="module")
def hostile_run(hostile: Path) -> Path:
    done = invoke("run", hostile / "r.yaml", "--out", hostile / "ru\x07n")
    assert done.returncode == 0, done.stderr
    assert not STEERING.search(done.stdout + done.stderr)
    for shown in (r"sp\x1b[31mace\x07", r"ba\u202ell\\n", r"na\u200bme\n\x9b2J\u2028", r"ru\x07n"):
        assert shown in done.stdout
    return hostile / "ru\x07n"


def test_files_of_a_run_keep_names_exactly(hostile_run: Path) -> None:
    result = json.loads((hostile_run / "result.json").read_text())
    assert set(result["labels"]) == set(LABELS.values()) == set(result["test"]["per_class"])
    rows = [json.loads(line) for line in (hostile_run / "predictions.jsonl").read_text().split("\n") if line]
    assert {row["gold"] for row in rows} <= set(LABELS.values())


@pytest.mark.parametrize("options", [[], ["--format", "jsonl"], ["--json"]])
def test_predictions_are_escaped_and_hold_the_exact_labels(hostile_run: Path, options: list[str]) -> None:
    texts = make_texts(30, seed=3)[0]
    exact = library.load(hostile_run).predict(texts)
    done = invoke("predict", hostile_run, *options, *texts)
    assert (done.returncode, done.stderr) == (0, "")
    assert not STEERING.search(done.stdout)
    if not options:
        found = [line.split("\t")[0] for line in done.stdout.splitlines()]
        assert [label.encode("latin-1", "backslashreplace").decode("unicode-escape") for label in found] == exact
    elif options == ["--json"]:
        assert [one["label"] for one in json.loads(done.stdout)["predictions"]] == exact
    else:
        assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == exact


def test_no_message_steers_the_terminal(hostile: Path, hostile_run: Path, tmp_path: Path) -> None:
    recipe, sign = hostile / "r.yaml", "\x1b[2J\u202e"
    other = write_csv(tmp_path / f"o{sign}.csv", ["moon", "bat"], [f"new{sign}", "x\nerror: y"])
    for arguments, code in (
        (["run", recipe, "--out", hostile_run], 2),
        (["run", recipe, "-s", f"model.{sign}=1"], 2),
        (["run", recipe, "-s", f"model={sign}"], 2),
        (["run", recipe, "-s", f"dataset.text=q{sign}", "--out", tmp_path / "a"], 2),
        (["run", recipe, "-s", f"dataset.{sign}=1", "--debug"], 2),
        (["run", tmp_path / f"away{sign}.yaml"], 2),
        (["check", recipe], 0),
        (["check", recipe, "--json"], 0),
        ([f"comm{sign}and"], 2),
        (["predict", hostile_run, f"--no{sign}"], 2),
        (["predict", hostile_run, "-i", tmp_path / f"i{sign}.txt"], 2),
        (["predict", hostile_run, "moon", "-o", tmp_path / f"no{sign}" / "out"], 1),
        (["predict", tmp_path / sign, "moon"], 2),
        (["evaluate", hostile_run], 0),
        (["evaluate", hostile_run, "--data", other, "-s", "text=text", "-s", "label=label"], 2),
        (["evaluate", hostile_run, "--metric", f"m{sign}"], 2),
        (["plugins", sign], 2),
        (["plugins", "model", sign], 2),
        (["init", tmp_path / f"away{sign}.csv"], 2),
    ):
        done = invoke(*arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert not STEERING.search(done.stdout + done.stderr), arguments
        assert done.stdout + done.stderr


def test_a_line_end_in_a_name_makes_no_line_of_a_message(recipe_file: Path, tmp_path: Path) -> None:
    forged = "x\nerror: all is well"
    data = write_csv(tmp_path / "one.csv", ["some words"] * 20, [forged] * 20)
    for arguments in (
        ["run", recipe_file, "-s", f"dataset.train={data}", "--out", tmp_path / "run", "-q"],
        ["predict", tmp_path / forged, "moon"],
        ["run", tmp_path / forged],
        ["init", tmp_path / forged],
    ):
        done = invoke(*arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1, done.stderr
        assert "x\\nerror: all is well" in done.stderr


def test_a_recipe_that_init_writes_hides_nothing_and_loads(hostile: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "re cipe.yaml"
    done = invoke("init", hostile / "da\x9bta.csv", "-o", recipe)
    assert done.returncode == 0, done.stderr
    text = recipe.read_text()
    assert not STEERING.search(done.stdout + done.stderr + text)
    for shown in (r"sp\x1b[31mace\x07", r"te\x1b]0;x\x07xt", r"la\u202ebel"):
        assert shown in done.stdout
        assert shown in text
    assert f"textforge run '{recipe}'" in text, "quoted for the shell"
    assert f"textforge run '{recipe}'" in done.stdout
    section = library.load_recipe(recipe).resolved()["dataset"]
    assert (section["text"], section["label"]) == (TEXT, LABEL)
    told = invoke("init", hostile / "da\x9bta.csv", "-o", tmp_path / "other.yaml", "--json").stdout
    assert not STEERING.search(told)
    assert json.loads(told)["dataset"]["label"] == LABEL


def test_several_labels_are_joined_by_a_sign_that_none_of_them_has(tmp_path: Path) -> None:
    texts, labels = make_texts(120)
    lines = [
        json.dumps({"text": text, "label": [label, f"{label}|x"]}) for text, label in zip(texts, labels, strict=True)
    ]
    (tmp_path / "several.jsonl").write_text("\n".join(lines))
    recipe = small_recipe(tmp_path, dataset={"use": "jsonl", "train": str(tmp_path / "several.jsonl")})
    recipe["trainer"]["epochs"] = 20
    run = library.run(recipe, out=tmp_path / "run")
    exact = run.classifier.predict(texts[:20])
    assert any("|" in label for found in exact for label in found)
    done = invoke("predict", run.path, *texts[:20])
    found = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert [tuple(filter(None, one.split("|"))) for one in found] == [
        tuple(label.replace("|", r"\x7c") for label in one) for one in exact
    ]


# -- results of many classes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over 150 classes, most of which it gets wrong."""
    folder = tmp_path_factory.mktemp("many")
    labels = [f"class {n % 150:03}" for n in range(1500)]
    data = write_csv(folder / "many.csv", [f"w{n * 7 % 31} v{n % 150 % 20}" for n in range(1500)], labels)
    (folder / "r.yaml").write_text(yaml.safe_dump(small_recipe(data, trainer={"epochs": 1, "batch_size": 64})))
    return folder


def test_the_table_of_many_classes_is_cut_and_says_where_the_rest_is(many_run: Path, tmp_path: Path) -> None:
    done = invoke("run", many_run / "r.yaml", "--out", tmp_path / "run", "-q")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) < 50
    more = int(re.search(r"^(\d+) more classes: in (.*)$", done.stdout, re.MULTILINE)[1])
    assert f"more classes: in {tmp_path / 'run'}/result.json" in done.stdout
    shown = set(re.findall(r"^(class \d+)  +\d\.\d", done.stdout, re.MULTILINE))
    assert len(shown) + more == 150
    matrix = json.loads((tmp_path / "run" / "result.json").read_text())["test"]["confusion_matrix"]
    assert set(matrix) == {"labels", "cells"}
    assert not re.search(r"^class \d+ +class \d+ +0$", done.stdout, re.MULTILINE), "no pair of 0 texts"
    told = invoke("evaluate", tmp_path / "run")
    assert f"{more} more classes: in the --json output" in told.stdout


def test_where_no_text_is_wrong_no_pair_is_confused(tmp_path: Path) -> None:
    labels = [f"c{n % 14:02}" for n in range(280)]
    data = write_csv(tmp_path / "d.csv", [f"word{label} x" for label in labels], labels)
    recipe = small_recipe(data, trainer={"epochs": 40, "batch_size": 32}, optimizer={"use": "adam", "lr": 0.05})
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    done = invoke("run", tmp_path / "r.yaml", "--out", tmp_path / "run", "-q")
    assert "test accuracy 1.0000" in done.stdout
    assert "no text has a wrong label" in done.stdout
    assert "most confused" not in done.stdout


def test_commands_write_as_many_probabilities_as_are_asked_for(many_run: Path, tmp_path: Path) -> None:
    for options, kept in (([], 20), (["--probabilities", "3"], 3), (["--probabilities", "all"], 150)):
        out = tmp_path / f"{kept}"
        assert invoke("run", many_run / "r.yaml", "--out", out, "-q", *options).returncode == 0
        row = json.loads((out / "predictions.jsonl").read_text().splitlines()[0])
        assert kept <= len(row["probabilities"]) <= min(150, kept + 2)
        found = json.loads(invoke("predict", out, "w1", "--json", *options).stdout)
        assert len(found["predictions"][0]["probabilities"]) == kept
    for wrong in ("0", "some", "-1"):
        done = invoke("predict", out, "w1", f"--probabilities={wrong}")
        assert done.returncode == 2
        assert "whole number from 1 or 'all'" in done.stderr
