"""`trainer.unknown_labels`: test and validation labels that train lacks, in runs, evaluations and folds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import make_sets, make_texts, same_figures, small_recipe, write_csv
from sklearn.metrics import accuracy_score, f1_score

import textforge
from textforge import DataError, Dataset, PluginManager, Progress, RecipeError, Trainer, hookimpl
from textforge.runs.evaluation import evaluate

TEXTS, LABELS = make_texts(120)
TEST = (TEXTS[90:], ["spoce", "music", *LABELS[92:]])
VALID = (TEXTS[60:90], [*LABELS[60:89], "music"])
METRICS = ["log-loss", "roc-auc", "mcc", "brier", "balanced-accuracy", "expected-calibration-error", "cohen-kappa"]
PARTS = PluginManager()


class Told(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def with_data(data: Dataset) -> PluginManager:
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_datasets=hookimpl(lambda: {"own": lambda: data})))
    return plugins


def recipe(treatment: str, **sections: Any) -> dict[str, Any]:
    trainer = {"epochs": 3, "batch_size": 16, "unknown_labels": treatment}
    return small_recipe(Path("x"), dataset={"use": "own"}, **{"trainer": trainer, **sections})


DATA = Dataset((TEXTS[:60], LABELS[:60]), test=TEST, valid=VALID)


@pytest.fixture(scope="module", params=["wrong", "drop"])
def done(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    told, out = Told(), tmp_path_factory.mktemp("unknown") / request.param
    run = textforge.run(recipe(request.param, metrics=METRICS), out=out, plugins=with_data(DATA), progress=told)
    return SimpleNamespace(run=run, treatment=request.param, told=told, path=run.path)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in (path / "predictions.jsonl").read_text().splitlines()]


def test_the_default_stops_before_training_and_names_the_likely_label() -> None:
    with pytest.raises(DataError, match=r"test: labels .*'spoce' \(1 times, first in row 1\).* letter from 'space'"):
        textforge.run(recipe("error"), plugins=with_data(Dataset((TEXTS[:60], LABELS[:60]), test=TEST)))


def test_predictions_figures_and_confusion_matrix_agree(done: Any) -> None:
    test, rows = done.run.test, lines(done.path)
    assert len(rows) == test["n"] == (30 if done.treatment == "wrong" else 28)
    assert [row["row"] for row in rows] == [*range(30)][0 if done.treatment == "wrong" else 2 :]
    gold, predicted = [row["gold"] for row in rows], [row["predicted"] for row in rows]
    assert gold == TEST[1][30 - test["n"] :]
    assert test["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert test["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    matrix = test["confusion_matrix"]
    cells = {
        (matrix["labels"][g], matrix["labels"][p]): n
        for g, row in enumerate(matrix["rows"])
        for p, n in enumerate(row)
        if n
    }
    assert cells == Counter(zip(gold, predicted, strict=True))
    assert {*matrix["labels"]} == {*test["per_class"]} == {*LABELS} | ({*gold} if done.treatment == "wrong" else set())
    assert all(row["probabilities"][row["gold"]] == 0 for row in rows if row["gold"] not in LABELS)
    assert done.run.result["labels"] == sorted(set(LABELS))
    assert all(isinstance(test[name.replace("-", "_")], float) for name in METRICS)


def test_warnings_and_results_count_them(done: Any) -> None:
    figures = {"treated_as": done.treatment, "texts": 2, "labels": {"spoce": 1, "music": 1}}
    assert done.run.test["unknown_labels"] == figures
    for split in ("test: 2 texts have labels", "valid: 1 text has a label"):
        (one,) = [sentence for sentence in done.told.warnings if sentence.startswith(split)]
        assert f"trainer.unknown_labels: {done.treatment}" in one and one in done.run.result["warnings"]


def test_validation_counts_them_too(done: Any) -> None:
    clf = done.run.classifier
    best = done.run.result["valid"]
    assert best["accuracy"] == pytest.approx(clf.evaluate(*VALID, unknown_labels=done.treatment)["accuracy"])
    known = clf.evaluate(VALID[0][:-1], VALID[1][:-1])["accuracy"]
    assert best["accuracy"] == pytest.approx(known * 29 / 30 if done.treatment == "wrong" else known)


def test_evaluate_takes_the_runs_treatment_or_its_own(done: Any, tmp_path: Path) -> None:
    plugins = with_data(DATA)
    found = evaluate(done.path, plugins=plugins)
    same_figures({key: found[key] for key in done.run.test}, done.run.test)
    assert any(sentence.startswith("test: 2 texts have labels") for sentence in found["warnings"])
    other = "drop" if done.treatment == "wrong" else "wrong"
    assert evaluate(done.path, plugins=plugins, unknown_labels=other)["n"] == (28 if other == "drop" else 30)
    with pytest.raises(DataError, match="'spoce'"):
        evaluate(done.path, plugins=plugins, unknown_labels="error")
    with pytest.raises(DataError, match="'spoce'"):
        evaluate(done.path / "model", data=write_csv(tmp_path / "d.csv", *TEST), plugins=plugins)


def test_a_metric_that_cannot_count_them_stops_before_training() -> None:
    order = {"use": "cohen-kappa", "weights": "linear", "order": sorted(set(LABELS))}
    data = Dataset((TEXTS[:60], LABELS[:60]), test=TEST)
    with pytest.raises(RecipeError, match=r"order must name each class once.*unknown_labels: drop leaves them"):
        textforge.run(recipe("wrong", metrics=[order]), plugins=with_data(data))


def test_sets_of_labels(tmp_path: Path) -> None:
    texts, sets = make_sets(90)
    data = Dataset((texts[:60], sets[:60]), test=(texts[60:], [["music", *sets[60]], *sets[61:]]))
    for treatment, n in (("wrong", 30), ("drop", 29)):
        run = textforge.run(recipe(treatment), out=tmp_path / treatment, plugins=with_data(data))
        rows = lines(run.path)
        assert run.test["n"] == len(rows) == n and rows[0]["row"] == 30 - n
        exact = sum(sorted(row["gold"]) == sorted(row["predicted"]) for row in rows) / n
        assert run.test["accuracy"] == pytest.approx(exact) and run.test["unknown_labels"]["texts"] == 1
        assert ("music" in run.test["per_class"]) is (treatment == "wrong")


def test_a_decision_is_fitted_on_known_labels_only() -> None:
    parts = PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam", lr=0.1)
    found = [
        Trainer(
            Dataset((TEXTS[:60], LABELS[:60]), valid=VALID), *parts, epochs=3, unknown_labels=treatment,
            decision={"calibrate": "temperature"}, restore_best=False,
        ).fit().decision.temperature
        for treatment in ("wrong", "drop")
    ]  # fmt: skip
    assert found[0] == found[1] != 1
    with pytest.raises(DataError, match="valid: the training data lack the labels of all 2 texts"):
        Trainer(Dataset((TEXTS, LABELS), valid=(["a", "b"], ["x", "y"])), *parts, unknown_labels="wrong").fit()


@pytest.mark.parametrize("treatment", ["error", "wrong", "drop"])
def test_folds_treat_the_labels_of_a_validation_split_alike(treatment: str, tmp_path: Path) -> None:
    told, plugins = Told(), with_data(Dataset((TEXTS[:60], LABELS[:60]), valid=VALID))

    def cross() -> Any:
        return textforge.cross_validate(recipe(treatment), folds=2, out=tmp_path / "cv", plugins=plugins, progress=told)

    if treatment == "error":
        with pytest.raises(DataError, match="valid: labels that the training data lack: 'music'"):
            cross()
        return
    assert cross().result["n"] == 60
    assert len([sentence for sentence in told.warnings if sentence.startswith("valid: 1 text has a label")]) == 1


def test_folds_warn_of_nothing_without_cause_and_of_a_kept_order_once(tmp_path: Path) -> None:
    texts = [f"{text} {number}" for number, text in enumerate(TEXTS)]
    told = Told()
    textforge.cross_validate(
        recipe("error"), folds=2, out=tmp_path / "cv", plugins=with_data(Dataset((texts, LABELS))), progress=told
    )
    assert told.warnings == []
    pairs = sorted(zip(texts, LABELS, strict=True), key=lambda pair: pair[1])
    blocks = Dataset(([text for text, _ in pairs], [label for _, label in pairs]))
    kept = recipe("error", trainer={"epochs": 1, "batch_size": 16, "shuffle": False})
    textforge.cross_validate(kept, folds=3, out=tmp_path / "kept", plugins=with_data(blocks), progress=told)
    (sentence,) = told.warnings
    assert "come in blocks" in sentence
    run = textforge.run(kept, out=tmp_path / "run", plugins=with_data(blocks))
    assert run.result["warnings"] == told.warnings
