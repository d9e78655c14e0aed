"""Labels of any plain type from training to predictions, bundles and files."""

from __future__ import annotations

import json
import pickle
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import make_texts, small_recipe
from in_process import invoke

import textforge
from textforge import DataError, Dataset, PluginManager, Trainer, hookimpl
from textforge.classifiers.streams.predictions import answered, predictions

PARTS = PluginManager()
TEXTS, NAMES = make_texts(90)
KINDS = sorted(set(NAMES))


class Kind(str, Enum):  # noqa: UP042  (the older form, whose str() is 'Kind.A')
    A = "ball"
    B = "paint"
    C = "space"


class Pair(Enum):
    A = (1, 2)
    B = (3, 4)
    C = (5, 6)


CASES: dict[str, tuple[list[Any], list[Any]]] = {  # three labels, and what a bundle holds of them
    "text": (KINDS, KINDS),
    "int": ([-1, 2, 10], [-1, 2, 10]),
    "bool": ([False, True, True], [False, True]),
    "str Enum": ([*Kind], ["ball", "paint", "space"]),
    "Enum": ([*Pair], ["A", "B", "C"]),
}


def train(labels: list[Any], *, sets: bool = False) -> textforge.Classifier:
    rows = [labels[KINDS.index(name)] for name in NAMES]
    parts = PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam", lr=0.1)
    data = Dataset((TEXTS, [[row] for row in rows] if sets else rows))
    return Trainer(data, *parts, epochs=10, batch_size=16).fit()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sets", [False, True])
def test_predictions_are_the_labels_that_were_given_and_a_bundle_keeps_their_values(
    name: str, sets: bool, tmp_path: Path
) -> None:
    labels, values = CASES[name]
    clf = train(labels, sets=sets)
    gold = [labels[KINDS.index(one)] for one in NAMES]
    rows = [(one,) for one in gold] if sets else gold
    right = sum(found == row for found, row in zip(clf.predict(TEXTS), rows, strict=True))
    flat = [one for row in clf.predict(TEXTS) for one in (row if sets else [row])]
    assert right > 80 and {*map(type, flat)} == {type(labels[0])}
    assert clf.evaluate(TEXTS, rows)["accuracy"] == right / 90
    path = textforge.save(clf, tmp_path / "bundle")
    described = json.loads((path / "bundle.json").read_text())
    assert described["labels"] == values and [*map(type, described["labels"])] == [*map(type, values)]
    assert described["format"] == (2 if isinstance(values[0], str) else 3)
    again = textforge.load(path)
    assert again.labels == (*values,) and [*map(type, again.labels)] == [*map(type, values)]
    assert again.evaluate(TEXTS, rows)["accuracy"] == right / 90
    if isinstance(labels[0], Enum):
        members = textforge.load(path, label_type=type(labels[0]))
        assert members.predict(TEXTS) == clf.predict(TEXTS)
        assert all(one is other for one, other in zip(members.labels, clf.labels, strict=True))
    assert pickle.loads(pickle.dumps(clf)).predict(TEXTS[:3]) == clf.predict(TEXTS[:3])


def test_labels_do_not_change_what_is_learned() -> None:
    one, other = train(KINDS), train([*Kind])
    assert np.array_equal(one.predict_proba(TEXTS), other.predict_proba(TEXTS))


def test_a_bundle_refuses_an_enum_without_its_labels(tmp_path: Path) -> None:
    path = textforge.save(train(KINDS), tmp_path / "bundle")
    with pytest.raises(DataError, match="label_type: Pair has no member for 'ball', 'paint', 'space'"):
        textforge.load(path, label_type=Pair)


def test_gold_labels_of_another_type_are_an_error() -> None:
    clf = train([0, 1, 2])
    for wrong in ("1", True):
        with pytest.raises(DataError, match="Give labels of the same type"):
            clf.evaluate(TEXTS[:1], [wrong])


def test_results_have_names_as_keys_and_values_as_labels() -> None:
    clf = train([10, 2, -1])
    found = clf.evaluate(TEXTS, [[10, 2, -1][KINDS.index(name)] for name in NAMES])
    assert [*found["per_class"]] == ["-1", "2", "10"] and found["confusion_matrix"]["labels"] == [-1, 2, 10]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("n_classes", [3, 20])
def test_results_are_printed_with_names(n_classes: int) -> None:
    from textforge.classifiers.metrics import classification_metrics
    from textforge.cli.output import figures_text

    gold = np.arange(n_classes)
    shown = figures_text(classification_metrics(gold, np.roll(gold, 1), [n * 111 for n in range(n_classes)]))
    assert "222" in shown
    assert "true" in figures_text(classification_metrics(gold % 2, gold % 2, [False, True]))


@pytest.mark.parametrize("name", CASES)
def test_streams_of_predictions_write_values_and_names(name: str) -> None:
    labels, _ = CASES[name]
    clf = train(labels)
    one = next(predictions(clf, TEXTS[:1]))
    assert one["label"] in labels and next(iter(one["probabilities"])) == one["label"]
    (answers,) = answered(clf, [TEXTS[:1]])
    line = json.loads(answers.jsonl())
    assert line["label"] == textforge.data.label_value(one["label"])
    assert next(iter(line["probabilities"])) == textforge.data.label_name(one["label"])
    assert answers.tsv().split("\t")[0] == textforge.data.label_name(one["label"])


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_tables_get_the_names_of_labels(suffix: str, sets: bool, tmp_path: Path) -> None:
    clf = train([*Pair] if sets else [-1, 2, 10], sets=sets)
    bundle, out = textforge.save(clf, tmp_path / "bundle"), tmp_path / f"answered.{suffix}"
    (tmp_path / "texts.csv").write_text("text\n" + "".join(f"{text}\n" for text in TEXTS))
    done = invoke("predict", bundle, "-i", tmp_path / "texts.csv", "-o", out, "--top", "1")
    assert done.returncode == 0, done.stderr
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[suffix]
    frame = read(out, infer_schema=False) if suffix == "csv" else read(out)  # type: ignore[operator]
    names = [textforge.data.label_name(one[0] if sets else one) for one in clf.predict(TEXTS) if one]
    assert [one[0] if isinstance(one, list) else one for one in frame["label"].to_list() if one] == names
    assert {*frame["label_1"]} == {textforge.data.label_name(label) for label in clf.labels}


def test_a_run_on_a_plugins_data_writes_plain_json_and_evaluates_files_by_text(tmp_path: Path) -> None:
    labels = [[7, 8, 9][KINDS.index(name)] for name in NAMES]
    data = Dataset((TEXTS[:60], labels[:60]), valid=(TEXTS[60:70], labels[60:70]), test=(TEXTS[50:], labels[50:]))
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_datasets=hookimpl(lambda: {"own": lambda: data})))
    recipe = small_recipe(Path("x"), dataset={"use": "own"}, metrics=["log-loss", {"use": "cohen-kappa"}])
    run = textforge.run(recipe, out=tmp_path / "run", plugins=plugins)
    assert json.loads((run.path / "result.json").read_text())["labels"] == [7, 8, 9]
    lines = [json.loads(line) for line in (run.path / "predictions.jsonl").read_text().splitlines()]
    assert [line["gold"] for line in lines] == labels[50:] and {*lines[0]["probabilities"]} == {"7", "8", "9"}
    crossed = textforge.cross_validate(recipe, folds=2, out=tmp_path / "cv", plugins=plugins).result
    assert crossed["labels"] == [7, 8, 9]

    from textforge.runs.evaluation import evaluate

    (tmp_path / "d.csv").write_text("text,label\n" + "".join(f"{t},{y}\n" for t, y in zip(TEXTS, labels, strict=True)))
    found = evaluate(run.path, data=tmp_path / "d.csv", plugins=plugins, metrics=[])
    assert found["accuracy"] == run.classifier.evaluate(TEXTS, labels)["accuracy"]
    (tmp_path / "d.csv").write_text(
        "text,label\n" + "".join(f"{t},{y}\n" for t, y in zip(TEXTS, labels, strict=True)) + "a,70\n"
    )
    found = evaluate(run.path, data=tmp_path / "d.csv", plugins=plugins, unknown_labels="wrong")
    assert found["n"] == 91 and found["unknown_labels"]["labels"] == {"70": 1}


def test_a_file_of_truth_values_in_any_case_fits_a_classifier_of_bools(tmp_path: Path) -> None:
    from textforge.runs.evaluation import evaluate

    path = textforge.save(train([False, True, True]), tmp_path / "bundle")
    rows = [f"{text},{name != KINDS[0]}\n" for text, name in zip(TEXTS, NAMES, strict=True)]  # as pandas writes them
    (tmp_path / "d.csv").write_text("text,label\n" + "".join(rows))
    assert evaluate(path, data=tmp_path / "d.csv")["accuracy"] > 0.9
