"""What an object says of itself in one or two lines, in a console and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import make_texts, small_recipe, write_csv

import textforge

PARTS = textforge.PluginManager()
TEXTS, LABELS = make_texts(60)


def dataset() -> textforge.Dataset:
    return textforge.Dataset(train=(TEXTS, LABELS), test=(TEXTS[:9], LABELS[:9]))


def many_labels() -> textforge.Dataset:
    return textforge.Dataset(train=([f"text {n}" for n in range(40)], [f"label-{n:02}" for n in range(40)]))


def trainer() -> textforge.Trainer:
    bow, mlp, adam = (PARTS.part(*one) for one in (("vectorizer", "bow"), ("model", "mlp"), ("optimizer", "adam")))
    return textforge.Trainer(dataset(), bow, mlp, adam, epochs=2, validation=0.2)


def stream() -> textforge.Stream:
    return textforge.Stream(2, lambda number: (TEXTS[number::2], LABELS[number::2]))


def surveyed() -> textforge.Stream:
    found = stream()
    found.survey()
    return found


SHOWN: list[tuple[Callable[[], object], str]] = [
    (dataset, "<Dataset: train 60 texts, test 9 texts; 3 labels: ball, paint, space>"),
    (many_labels, "<Dataset: train 40 texts; 40 labels: label-00, label-01, label-02, label-03, label-04 and 35 more>"),
    (
        lambda: textforge.Dataset(train=(TEXTS[:2], [["a", "b"], []])),
        "<Dataset: train 2 texts; 2 labels (several per text): a, b>",
    ),
    (stream, "<Stream of 2 chunks, not read yet>"),
    (surveyed, "<Stream of 2 chunks, 60 texts, 3 labels>"),
    (lambda: textforge.Dataset(train=stream()), "<Dataset: train <Stream of 2 chunks, not read yet>>"),
    (lambda: PARTS.part("optimizer", "sgd", lr=0.5), "<Part optimizer 'sgd', lr=0.5"),
    (
        lambda: PARTS.part("vectorizer", "union", of=["bow", {"use": "tfidf", "ngrams": [1, 2]}]),
        "<Part vectorizer 'union', of=[bow, tfidf]",
    ),
    (trainer, "<Trainer of model 'mlp' on vectorizer 'bow', 60 texts: 0 of 2 epochs>"),
    (lambda: PARTS, "<PluginManager of what is installed>"),
    (
        lambda: trainer().fit(),
        "<Classifier of 3 labels (ball, paint, space): vectorizer 'bow' from textforge 0.1.0, "
        "model 'mlp' from textforge 0.1.0 with ",
    ),
]


@pytest.mark.parametrize(("make", "shown"), SHOWN)
def test_an_object_says_what_it_is_in_a_line_or_two(make: Callable[[], object], shown: str) -> None:
    text = repr(make())
    assert text.startswith(shown)
    assert len(text) < 200 and "\n" not in text


def test_results_show_their_folder_and_main_metrics(finished_run: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "small.csv", *make_texts(60))
    recipe = small_recipe(data, trainer={"epochs": 1, "batch_size": 16})
    run = textforge.run(recipe, out=tmp_path / "run")
    assert repr(run) == (
        f"<Run {run.path}: accuracy {run.test['accuracy']:.4g}, macro F1 {run.test['macro_f1']:.4g} on 12 test texts>"
    )
    without = textforge.run(recipe, overrides={"dataset.test_fraction": 0}, out=tmp_path / "other")
    assert repr(without) == f"<Run {without.path}: no test split>"
    seeds = textforge.run_seeds(recipe, [0, 1], out=tmp_path / "seeds")
    assert repr(seeds).startswith(f"<Repeats {seeds.path}: accuracy ") and repr(seeds).endswith(" over 2 seeds>")
    folds = textforge.cross_validate(recipe, folds=2, out=tmp_path / "folds")
    assert repr(folds).startswith(f"<CrossValidation {folds.path}: accuracy ") and " over 2 folds>" in repr(folds)


def test_a_trainer_shows_how_far_it_is() -> None:
    training = trainer()
    training.fit()
    best = training.best
    assert best is not None and best.valid is not None
    assert repr(training) == (
        "<Trainer of model 'mlp' on vectorizer 'bow', 60 texts: 2 of 2 epochs, "
        f"best {best.number} with loss {best.valid['loss']:.4g}>"
    )
