"""What an epoch comes to on the validation split, and which epoch is the better one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts, small_recipe, write_csv
from scipy.special import expit, softmax
from sklearn.metrics import accuracy_score, f1_score, log_loss

import textforge
from textforge import Dataset, RecipeError, Trainer, TrainingError
from textforge.classifiers.decision import Scored
from textforge.classifiers.metrics import ExtraMetrics
from textforge.training.validation import Validation

PARTS = textforge.PluginManager()
LABELS = ("a", "b", "c")


def falling(gold: Any, probabilities: Any) -> float:
    return 1.0


falling.greater_is_better = False


def validation(monitor: str = "loss", **metrics: Any) -> Validation:
    return Validation(monitor, ExtraMetrics(metrics, labels=LABELS, multi_label=False))


def test_figures_of_single_labels_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    scores, gold = generator.normal(size=(50, 3)).astype(np.float32), generator.integers(0, 3, 50)
    found = validation().measure(Scored(scores, gold), LABELS)
    predicted = scores.argmax(axis=1)
    assert found == pytest.approx({
        "loss": log_loss(gold, softmax(scores.astype(np.float64), axis=1)),
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, average="macro"),
        "micro_f1": f1_score(gold, predicted, average="micro"),
        "weighted_f1": f1_score(gold, predicted, average="weighted"),
    })  # fmt: skip


def test_figures_of_sets_of_labels_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(50, 3)).astype(np.float32)
    gold = (generator.random((50, 3)) < 0.4).astype(np.float32)
    found = validation().measure(Scored(scores, gold), LABELS)
    predicted, chances = scores >= 0, expit(scores.astype(np.float64))
    assert found == pytest.approx({
        "loss": log_loss(gold.ravel(), chances.ravel()),
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, average="macro"),
        "micro_f1": f1_score(gold, predicted, average="micro"),
        "weighted_f1": f1_score(gold, predicted, average="weighted"),
    })  # fmt: skip


def test_metrics_are_measured_beside_them() -> None:
    found = validation(own=lambda gold, probabilities: probabilities.sum()).measure(
        Scored(np.zeros((4, 3), np.float32), np.array([0, 1, 2, 0])), LABELS
    )
    assert list(found) == ["loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1", "own"]
    assert found["own"] == pytest.approx(4)


def test_outputs_that_are_no_numbers_are_reported() -> None:
    with pytest.raises(TrainingError, match="the validation loss became nan"):
        validation().measure(Scored(np.full((2, 3), np.nan, np.float32), np.array([0, 1])), LABELS)


@pytest.mark.parametrize(
    ("monitor", "new", "old", "better"),
    [
        ("loss", 0.5, 0.6, True),
        ("loss", 0.6, 0.6, False),
        ("accuracy", 0.7, 0.6, True),
        ("accuracy", 0.5, 0.6, False),
        ("micro-f1", 0.7, 0.6, True),
        ("falling", 0.5, 0.6, True),
        ("loss", None, 0.6, False),
        ("loss", 0.6, None, True),
        ("loss", None, None, False),
    ],
)
def test_which_epoch_is_better(monitor: str, new: Any, old: Any, better: bool) -> None:
    judge = validation(monitor, falling=falling)
    assert judge.better({judge.monitor: new}, {judge.monitor: old}) is better
    assert judge.better({judge.monitor: new}, None) is True, "the first is the best so far"


def test_a_monitor_that_is_not_measured_is_reported() -> None:
    with pytest.raises(RecipeError, match=r"monitor: 'own_f1' is not measured\. Known: .*, own\.") as error:
        validation("own_f1", own=falling)
    assert "To measure another metric, list it in the recipe's metrics" in str(error.value)


def test_the_best_epoch_is_picked_by_a_metric_of_the_users() -> None:
    values = iter([0.0, 0.1, 0.4, 0.4, 0.2])  # the first when it is tried out
    parts = [PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam")]
    loop = Trainer(
        Dataset(train=make_texts(40)), *parts, epochs=4, validation=0.3, monitor="own",
        metrics={"own": lambda gold, probabilities: next(values)},
    )  # fmt: skip
    loop.fit()
    assert [result.valid["own"] for result in loop.history] == [0.1, 0.4, 0.4, 0.2]
    assert loop.best.number == 2


def rare_weather(folder: Path) -> Path:
    """Texts of three classes, of which the rarest is too rare to be in a fifth of them."""
    texts, labels = make_texts(200, topics={"ball": ["bat", "glove", "team"], "space": ["moon", "orbit", "lunar"]})
    return write_csv(folder / "data.csv", [*texts, "rain today", "snow today"], [*labels, "weather", "weather"])


def monitored(folder: Path, metric: Any, monitor: str, **trainer: Any) -> Any:
    recipe = small_recipe(
        rare_weather(folder), model="linear", optimizer={"use": "adam", "lr": 0.003}, metrics=[metric],
        trainer={"epochs": 12, "validation": 0.2, "monitor": monitor, "patience": 3, **trainer},
    )  # fmt: skip
    return textforge.run(recipe, out=folder / "run")


@pytest.mark.parametrize("metric", ["roc-auc", "average-precision"])
def test_a_class_absent_from_validation_does_not_end_training(tmp_path: Path, metric: str) -> None:
    monitor = metric.replace("-", "_")
    run = monitored(tmp_path, metric, monitor)
    assert run.result["best_epoch"] > 1
    assert run.result["valid"][monitor] > 0.9


def test_a_monitor_that_validation_cannot_measure_is_refused_with_the_recipe(tmp_path: Path) -> None:
    valid = write_csv(tmp_path / "valid.csv", ["moon"] * 4, ["space"] * 4)
    recipe = small_recipe(
        rare_weather(tmp_path), metrics=["roc-auc"], trainer={"monitor": "roc_auc", "epochs": 9, "patience": 2}
    )
    recipe["dataset"]["valid"] = str(valid)
    with pytest.raises(RecipeError, match="no text of: ball, weather"):
        textforge.run(recipe, out=tmp_path / "run")
    assert not (tmp_path / "run" / "result.json").exists()
