"""Several labels a text, the whole way: a run from a plugin's data, its folder, and every command on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from conftest import TOPICS, make_sets, only_json, small_recipe, write_site
from in_process import invoke
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

import textforge
from textforge import DataError
from textforge.runs.evaluation import evaluate

PLUGIN = '''
import json
from pathlib import Path
from textforge import Dataset, hookimpl

def sets(*, train: Path, seed_of_nothing: int = 0):
    """Texts with sets of labels, from JSON."""
    splits = json.loads(train.read_text())
    return Dataset(**{name: (texts, labels) for name, (texts, labels) in splits.items()})

def micro():
    """Share of labels that are right."""
    return lambda gold, probabilities: float(((probabilities > 0.5) == gold).mean())

@hookimpl
def textforge_datasets():
    return {"sets": sets, "splits": sets}

@hookimpl
def textforge_metrics():
    return {"label-accuracy": micro}
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A run on sets of labels from a plugin that is installed."""
    folder = tmp_path_factory.mktemp("sets")
    (folder / "site").mkdir()
    write_site(folder / "site", "textforge-sets", PLUGIN)
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(folder / "site")
    data = folder / "data.splits"
    data.write_text(json.dumps({"train": make_sets(200), "test": make_sets(60, seed=3)}))
    recipe = small_recipe(
        data, dataset={"use": "sets", "train": str(data)}, metrics=["label-accuracy"], decision={"threshold": "f1"},
        trainer={"epochs": 6, "batch_size": 16, "validation": 0.2, "monitor": "label_accuracy"},
    )  # fmt: skip
    recipe["optimizer"]["lr"] = 0.03
    (folder / "r.yaml").write_text(yaml.safe_dump(recipe))
    yield SimpleNamespace(
        folder=folder, recipe=folder / "r.yaml", run=textforge.run(folder / "r.yaml", out=folder / "run")
    )
    patch.undo()
    sys.modules.pop("textforge_sets", None)


def test_a_run_leaves_figures_and_predictions_of_sets(made: SimpleNamespace) -> None:
    result = json.loads((made.run.path / "result.json").read_text())
    assert result["multi_label"] is True
    assert result["test"]["micro_f1"] > 0.9
    assert result["test"]["label_accuracy"] > 0.9
    assert len(result["decision"]["thresholds"]) == 3
    rows = [json.loads(line) for line in (made.run.path / "predictions.jsonl").read_text().splitlines()]
    binary = MultiLabelBinarizer(classes=result["labels"])
    gold, predicted = (binary.fit_transform([row[key] for row in rows]) for key in ("gold", "predicted"))
    assert result["test"]["micro_f1"] == pytest.approx(f1_score(gold, predicted, average="micro"))
    thresholds = dict(zip(result["labels"], result["decision"]["thresholds"], strict=True))
    for row in rows:
        assert row["predicted"] == [name for name, p in row["probabilities"].items() if p >= thresholds[name]]


def test_evaluating_the_run_again_gives_its_figures(made: SimpleNamespace) -> None:
    found = evaluate(made.run.path)
    assert {key: value for key, value in found.items() if key not in ("split", "warnings")} == made.run.test
    assert found["warnings"] == []


def test_the_command_line_predicts_sets(made: SimpleNamespace) -> None:
    both = " ".join(TOPICS["space"] + TOPICS["ball"])
    found = only_json(invoke("predict", made.run.path, "--json", both, "the a of and").stdout)
    assert [one["labels"] for one in found["predictions"]] == [["ball", "space"], []]
    lines = invoke("predict", made.run.path, both, "the a of and").stdout.split("\n")
    assert lines[0].split("\t")[0] == "ball|space"
    assert lines[1:] == ["\t", ""]
    rows = invoke("predict", made.run.path, "--format", "jsonl", both).stdout
    assert json.loads(rows) == found["predictions"][0]


def test_the_command_line_evaluates_sets(made: SimpleNamespace) -> None:
    found = only_json(invoke("evaluate", made.run.path, "--json").stdout)
    assert found["label_accuracy"] == made.run.test["label_accuracy"]
    shown = invoke("evaluate", made.run.path).stdout
    assert shown.startswith(f"test exact accuracy {found['accuracy']:.4f}   macro F1 ")
    assert f"micro F1 {found['micro_f1']:.4f}   label_accuracy {found['label_accuracy']:.4f}" in shown
    assert "confusion" not in shown
    whole = invoke("evaluate", made.run.path, "--data", made.folder / "data.splits", "--json")
    assert only_json(whole.stdout)["n"] == 200


def test_abstaining_on_the_command_line_is_refused(made: SimpleNamespace) -> None:
    done = invoke("predict", made.run.path, "--abstain", "0.5", "moon")
    assert (done.returncode, done.stdout) == (2, "")
    assert "abstention needs one label per text" in done.stderr


def test_the_run_repeats_from_its_resolved_recipe(made: SimpleNamespace) -> None:
    again = textforge.run(made.run.path / "resolved.yaml", out=made.folder / "again")
    for name in ("model/model.safetensors", "predictions.jsonl"):
        assert (again.path / name).read_bytes() == (made.run.path / name).read_bytes()


def test_a_cross_validation_of_sets(made: SimpleNamespace) -> None:
    found = textforge.cross_validate(made.recipe, folds=3, out=made.folder / "cv").result
    assert found["figures"]["label_accuracy"]["mean"] > 0.9
    rows = [json.loads(line) for line in (made.folder / "cv" / "predictions.jsonl").read_text().splitlines()]
    assert [row["row"] for row in rows] == [*range(200)]
    assert [row["gold"] for row in rows] == make_sets(200)[1]


def test_test_labels_that_train_lacks_are_reported_before_training(made: SimpleNamespace, tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"train": make_sets(60), "test": [["x", "y"], [["space"], ["space", "tennis"]]]}))
    with pytest.raises(
        DataError, match=r"test: labels that the training data lack: 'tennis' \(1 times, first in row 2"
    ):
        textforge.run(made.recipe, overrides={"dataset.train": str(data)}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
