"""Weights of texts in runs, evaluations, cross-validations and the classifier's own metrics."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import make_sets, make_texts, same_figures, small_recipe
from in_process import invoke
from sklearn.metrics import accuracy_score, f1_score

import textforge
from textforge import DataError, Dataset, PluginManager, RecipeError, Trainer, hookimpl
from textforge.runs.evaluation import evaluate

TEXTS, LABELS = make_texts(120)
WEIGHTS = np.random.default_rng(0).choice([0.5, 1.0, 3.0], 120)
PARTS = PluginManager()
SPLITS = {"train": slice(0, 60), "valid": slice(60, 90), "test": slice(90, 120)}
DATA = Dataset(
    **{name: (TEXTS[rows], LABELS[rows]) for name, rows in SPLITS.items()},
    weights={name: WEIGHTS[rows] for name, rows in SPLITS.items()},
)


def length(gold: Any, probabilities: Any) -> float:
    """A metric that takes no weights."""
    return float(len(gold))


def with_data(data: Dataset) -> PluginManager:
    plugins = PluginManager()
    plugins.register(
        SimpleNamespace(
            textforge_datasets=hookimpl(lambda: {"own": lambda: data}),
            textforge_metrics=hookimpl(lambda: {"length": lambda: length}),
        )
    )
    return plugins


def recipe(**sections: Any) -> dict[str, Any]:
    return small_recipe(Path("x"), dataset={"use": "own"}, **{"metrics": ["log-loss"], **sections})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("weights") / "run"
    return textforge.run(recipe(metrics=["log-loss", "length"]), out=out, plugins=with_data(DATA))


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in (path / "predictions.jsonl").read_text().splitlines()]


# -- a run -------------------------------------------------------------------------------------


def test_figures_of_test_are_weighted(run: Any) -> None:
    texts, labels = DATA.splits()["test"]
    predicted, weights = run.classifier.predict(texts), DATA.weights_of("test")
    assert run.test["accuracy"] == pytest.approx(accuracy_score(labels, predicted, sample_weight=weights))
    weighted = f1_score(labels, predicted, average="macro", sample_weight=weights)
    assert run.test["macro_f1"] == pytest.approx(weighted)
    assert (run.test["n"], run.test["total_weight"]) == (30, weights.sum())
    assert run.test["unweighted"] == ["length"]


def test_the_weights_are_in_the_predictions(run: Any) -> None:
    assert [line["weight"] for line in lines(run.path)] == DATA.weights["test"]
    assert list(lines(run.path)[0]) == ["row", "weight", "gold", "predicted", "probabilities"]


def test_a_metric_that_takes_no_weights_is_warned_of(run: Any) -> None:
    told = "these metrics take no weights, so they count each text once: length."
    assert run.result["warnings"].count(told) == 1
    assert told in evaluate(run.path, plugins=with_data(DATA))["warnings"]


def test_validation_is_weighted(run: Any) -> None:
    epoch = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[run.result["best_epoch"] - 1])
    texts, labels = DATA.splits()["valid"]
    own = run.classifier.evaluate(texts, labels, weights=DATA.weights_of("valid"))
    assert epoch["valid"]["accuracy"] == pytest.approx(own["accuracy"])
    chances = run.classifier.predict_proba(texts).astype(float)
    gold = [run.classifier.labels.index(label) for label in labels]
    losses = -np.log(chances[range(len(gold)), gold])
    assert epoch["valid"]["loss"] == pytest.approx(np.average(losses, weights=DATA.weights_of("valid")), rel=1e-5)


def test_an_evaluation_repeats_the_runs_weighted_figures(run: Any) -> None:
    found = evaluate(run.path, plugins=with_data(DATA))
    same_figures({key: found[key] for key in run.test}, run.test)
    other = Dataset(**DATA.splits(), weights={"test": DATA.weights["test"][::-1]})
    assert "the data differ" in " ".join(evaluate(run.path, plugins=with_data(other))["warnings"])


def test_the_fingerprint_in_the_environment_is_that_of_weights_too(run: Any) -> None:
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["data"]["sha256"] == DATA.fingerprint() != Dataset(**DATA.splits()).fingerprint()


def test_a_run_without_weights_says_nothing_of_them(tmp_path: Path) -> None:
    found = textforge.run(recipe(), out=tmp_path / "run", plugins=with_data(Dataset(**DATA.splits())))
    assert not {"total_weight", "unweighted"} & found.test.keys()
    assert "weight" not in lines(found.path)[0]
    assert all(isinstance(one["support"], int) for one in found.test["per_class"].values())


def test_a_loss_that_cannot_weigh_texts_fails_before_training(tmp_path: Path) -> None:
    plugins = with_data(DATA)
    comparing = lambda: lambda logits, targets: (logits - logits.mean(dim=0)).square().mean()  # noqa: E731
    plugins.register(SimpleNamespace(textforge_losses=hookimpl(lambda: {"comparing": comparing})))
    with pytest.raises(RecipeError, match=r"loss 'comparing' .*cannot weigh texts"):
        textforge.run(recipe(loss={"use": "comparing"}), out=tmp_path / "run", plugins=plugins)
    assert not (tmp_path / "run").exists()


# -- test labels that train lacks ---------------------------------------------------------------


@pytest.mark.parametrize(("treatment", "kept"), [("wrong", 30), ("drop", 28)])
def test_unknown_labels_keep_or_lose_their_weights(tmp_path: Path, treatment: str, kept: int) -> None:
    texts, labels = DATA.splits()["test"]
    odd = Dataset(
        train=DATA.train, test=(texts, ["music", "music", *labels[2:]]), weights={"test": DATA.weights["test"]}
    )
    trainer = {"epochs": 2, "batch_size": 16, "unknown_labels": treatment}
    done = textforge.run(recipe(trainer=trainer), out=tmp_path / "run", plugins=with_data(odd))
    assert done.test["total_weight"] == sum(DATA.weights["test"][30 - kept :])
    predicted = done.classifier.predict(texts)[30 - kept :]
    gold = odd.test[1][30 - kept :]
    weighted = accuracy_score(gold, predicted, sample_weight=DATA.weights["test"][30 - kept :])
    assert done.test["accuracy"] == pytest.approx(weighted)


# -- folds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
def test_a_fold_is_trained_and_measured_with_the_weights_of_its_rows(tmp_path: Path, several: bool) -> None:
    texts, labels = make_sets(60) if several else (TEXTS[:60], LABELS[:60])
    data = Dataset(train=(texts, labels), valid=(texts[:20], labels[:20]), test=(texts, labels),
                   weights={"train": WEIGHTS[:60], "valid": WEIGHTS[:20], "test": WEIGHTS[:60]})  # fmt: skip
    metrics = [] if several else ["log-loss"]
    done = textforge.cross_validate(recipe(metrics=metrics), folds=3, out=tmp_path / "cv", plugins=with_data(data))
    found = lines(done.path)
    assert [line["weight"] for line in found] == WEIGHTS[:60].tolist()
    right = np.array([sorted(line["gold"]) == sorted(line["predicted"]) for line in found])
    folds = [json.loads(line) for line in (done.path / "folds.jsonl").read_text().splitlines()]
    totals = [fold["test"]["total_weight"] for fold in folds]
    assert sum(totals) == pytest.approx(WEIGHTS[:60].sum())
    mean = np.average([fold["test"]["accuracy"] for fold in folds], weights=totals)
    assert mean == pytest.approx(np.average(right, weights=WEIGHTS[:60]))


# -- a classifier's own evaluation --------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "says"),
    [([1, 2], "held: 30 texts but 2 weights"), ([-1] * 30, "held: the weight at index 0 is -1"),
     ([0] * 30, "held: all 30 weights are 0")],
)  # fmt: skip
def test_weights_to_evaluate_with_are_checked(run: Any, weights: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        run.classifier.evaluate(*DATA.test, weights=weights, name="held")


def test_weights_of_unlike_length_are_refused_before_anything_is_predicted(run: Any) -> None:
    batches: list[Any] = []
    with pytest.raises(DataError):
        run.classifier.evaluate(*DATA.test, weights=[1.0], on_batch=lambda *done: batches.append(done))
    assert batches == []


def test_equal_weights_give_the_unweighted_ratios(run: Any) -> None:
    plain, even = (run.classifier.evaluate(*DATA.test, weights=weights) for weights in (None, [2.0] * 30))
    for name in ("accuracy", "macro_f1", "micro_f1", "weighted_f1"):
        assert even[name] == pytest.approx(plain[name])


# -- decisions ---------------------------------------------------------------------------------


def test_a_decision_is_fitted_to_the_weights_of_validation() -> None:
    def temperature(weights: Any) -> float:
        data = Dataset(train=DATA.train, valid=(TEXTS[60:], [*LABELS[60:100], *LABELS[100:60:-1][:20]]),
                       weights={"valid": weights})  # fmt: skip
        loop = Trainer(
            data, PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"),
            PARTS.part("optimizer", "adam", lr=0.1), epochs=3, decision={"calibrate": "temperature"},
        )  # fmt: skip
        return loop.fit().decision.temperature

    plain = temperature(None)
    assert temperature([3.0] * 60) == plain
    assert temperature([1.0] * 40 + [10.0] * 20) > plain > temperature([1.0] * 40 + [0.01] * 20)


# -- tables and the command line -----------------------------------------------------------------


def write_weighted(path: Path, rows: slice) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "times"])
        writer.writerows(zip(TEXTS[rows], LABELS[rows], WEIGHTS[rows].tolist(), strict=True))
    return path


def test_weights_of_a_table_reach_training_evaluation_and_the_command_line(tmp_path: Path) -> None:
    train, test = (write_weighted(tmp_path / f"{name}.csv", SPLITS[name]) for name in ("train", "test"))
    section = {"use": "csv", "train": str(train), "test": str(test), "weight": "times"}
    done = textforge.run(small_recipe(train, dataset=section), out=tmp_path / "run")
    data = Dataset(train=DATA.train, test=DATA.test, weights={n: DATA.weights[n] for n in ("train", "test")})
    other = textforge.run(recipe(metrics=[]), out=tmp_path / "other", plugins=with_data(data))
    assert done.test == other.test
    assert done.result["train_loss"] == other.result["train_loss"]

    found = evaluate(done.path, data=write_weighted(tmp_path / "more.csv", SPLITS["valid"]))
    own = done.classifier.evaluate(*DATA.valid, weights=DATA.weights_of("valid"))
    assert {name: found[name] for name in own} == own
    shown = invoke("evaluate", done.path, "--data", tmp_path / "more.csv")
    assert f"(30 texts, total weight {WEIGHTS[SPLITS['valid']].sum():g})" in shown.stdout
    unweighted = evaluate(done.path, data=tmp_path / "more.csv", options=["weight=null"])
    assert "total_weight" not in unweighted
