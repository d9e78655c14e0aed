"""Remarks on splits: too few texts for a figure, texts that occur twice, and labels that contradict each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts, small_recipe, write_csv
from hypothesis import given, strategies as st

import textforge
from textforge import Dataset, PluginManager, Stream
from textforge.data.remarks import ENOUGH, Hashes, TrainHashes, across_folds, between, too_few, within
from textforge.data.splits import holdout

ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), min_size=1, max_size=40)


def hashes(rows: list[tuple[str, Any]]) -> Hashes:
    return Hashes.of([text for text, _ in rows], [label for _, label in rows])


# -- too few -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "points"), [(1, 100), (12, 8), (34, 3)])
def test_a_small_split_says_what_one_text_weighs(n: int, points: int) -> None:
    (told,) = too_few("test", n)
    assert told.startswith(f"test has {n} text") and f"changes accuracy by {points} points" in told


def test_a_split_is_large_enough_once_ten_points_hold_an_accuracy_of_nine_tenths() -> None:
    assert not [*too_few("test", ENOUGH)] and not [*too_few("test", 0)] and [*too_few("test", ENOUGH - 1)]
    half_width = [1.96 * (0.9 * 0.1 / n) ** 0.5 for n in (ENOUGH - 1, ENOUGH)]
    assert half_width[0] > 0.1 > half_width[1]


# -- repeated texts ----------------------------------------------------------------------------


@given(ROWS)
def test_repeats_and_conflicts_within_train_are_counted(rows: list[tuple[str, str]]) -> None:
    told = " ".join(within("train", hashes(rows)))
    again = len(rows) - len(set(rows))
    labels = {text: {label for other, label in rows if other == text} for text, _ in rows}
    conflicts = [n for n, (text, _) in enumerate(rows, start=1) if len(labels[text]) > 1]
    assert (f"{again} of the {len(rows)} training texts repeat" in told) == (again > 0)
    assert (f"{len(conflicts)} of the {len(rows)} training texts have" in told) == bool(conflicts)
    assert not conflicts or f"(rows {', '.join(map(str, conflicts[:5]))}" in told


@given(ROWS, ROWS)
def test_texts_of_two_splits_are_counted(rows: list[tuple[str, str]], train: list[tuple[str, str]]) -> None:
    told = " ".join(between("test", hashes(rows), "train", hashes(train)))
    known = {text for text, _ in train}
    both = [row for row in rows if row[0] in known]
    other = [row for row in both if row not in train]
    assert told.startswith(f"{len(both)} of the {len(rows)} test texts also occur") == bool(both)
    assert (f", {len(other)} of them with another label" in told) == bool(other)


@given(ROWS, st.integers(2, 5), st.randoms())
def test_texts_of_several_folds_are_counted(rows: list[tuple[str, str]], n_folds: int, random: Any) -> None:
    fold_of = [random.randrange(n_folds) for _ in rows]
    folds = [np.array([n for n, fold in enumerate(fold_of) if fold == one], dtype=np.int64) for one in range(n_folds)]
    places: dict[str, set[int]] = {}
    for (text, _), fold in zip(rows, fold_of, strict=True):
        places.setdefault(text, set()).add(fold)
    n = sum(len(places[text]) > 1 for text, _ in rows)
    told = " ".join(across_folds(hashes(rows), folds))
    assert told.startswith(f"{n} of the {len(rows)} training texts also occur in another fold") == (n > 0)


def test_the_order_of_a_set_of_labels_is_no_conflict() -> None:
    rows = [("a text", ["x", "y"]), ("a text", ["y", "x"]), ("another", []), ("another", ["x"])]
    repeated, conflict = within("train", hashes(rows))
    assert "1 of the 4 training texts repeat" in repeated and "(rows 2)" in repeated
    assert "2 of the 4 training texts have another label" in conflict and "(rows 3, 4)" in conflict


def test_texts_that_differ_in_a_character_are_different() -> None:
    train = Hashes.of(["moon", "Moon", "moon ", "moo", "n", ""], ["x"] * 6)
    assert not [*within("train", train)]
    assert not [*between("test", Hashes.of(["mooN", " "], ["x", "x"]), "train", train)]


# -- of a dataset ------------------------------------------------------------------------------


SPLITS: dict[str, Any] = {
    "train": (["a", "b", "a", "c", "c", "d"], ["x", "y", "x", "x", "y", "y"]),
    "valid": (["b", "e", "f"], ["y", "x", "x"]),
    "test": (["a", "c", "e", "g", "g"], ["y", "x", "x", "x", "y"]),
}
TOLD = [
    "1 of the 6 training texts repeat an earlier one word for word, with the same label (rows 3): each counts again "
    "in training.",
    "2 of the 6 training texts have another label elsewhere in train for exactly the same text (rows 4, 5): no "
    "classifier can predict all of them correctly. Correct their labels.",
    "1 of the 3 valid texts also occur in train word for word (rows 1): metrics on valid may be too good.",
    "2 of the 5 test texts have another label elsewhere in test for exactly the same text (rows 4, 5): no "
    "classifier can predict all of them correctly. Correct their labels.",
    "2 of the 5 test texts also occur in train word for word (rows 1, 2), 1 of them with another label: metrics on "
    "test may be too good.",
    "1 of the 5 test texts also occur in valid word for word (rows 3): metrics on test may be too good.",
]


def stream(texts: list[str], labels: list[str], size: int = 2) -> Stream:
    parts = [(texts[at : at + size], labels[at : at + size]) for at in range(0, len(texts), size)]
    return Stream(len(parts), parts.__getitem__)


def test_a_dataset_and_a_stream_tell_the_same() -> None:
    assert Dataset(**SPLITS).repeated_texts() == TOLD
    assert Dataset(**{**SPLITS, "train": stream(*SPLITS["train"])}).repeated_texts() == TOLD


def test_of_a_large_stream_the_first_texts_are_compared_and_all_with_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainHashes, "MOST", 3)
    told = Dataset(**{**SPLITS, "train": stream(*SPLITS["train"])}).repeated_texts()
    assert told == [TOLD[0].replace("of the 6", "of the first 3"), *TOLD[2:]]


def test_a_dataset_without_fault_has_no_remarks() -> None:
    texts, labels = make_texts(120)
    split = ([f"{text} {n}" for n, text in enumerate(texts)], labels)
    other = ([f"{text} other {n}" for n, text in enumerate(texts)], labels)
    assert Dataset(train=split, test=other).remarks() == []


# -- where they are told -------------------------------------------------------------------------


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Sixty texts six of which stand there ten times, and one with two labels."""
    texts, labels = make_texts(6, seed=2)
    return write_csv(tmp_path / "faulty.csv", [*texts * 10, "one text", "one text"], [*labels * 10, "ball", "space"])


def test_a_run_tells_them_once_trainer_and_estimator_too(faulty: Path, tmp_path: Path) -> None:
    recipe = small_recipe(faulty, trainer={"epochs": 2, "validation": 0.2})
    run = textforge.run(recipe, out=tmp_path / "run")
    told = run.result["warnings"]
    assert max(Counter(told).values()) == 1
    for part in (
        "test has 12 texts: a single text changes accuracy by 8 points.",
        "validation has 10 texts: a single text changes accuracy by 10 points.",
        "training texts repeat an earlier one word for word, with the same label",
        "test texts also occur in train word for word",
        "validation texts also occur in train word for word (rows ",
    ):
        assert sum(part in sentence for sentence in told) == 1, part
    plugins = PluginManager()
    dataset = plugins.part("dataset", "csv", train=str(faulty)).build({"seed": 0})
    parts = [
        plugins.part("vectorizer", "bow"),
        plugins.part("model", "mlp", hidden=[8]),
        plugins.part("optimizer", "adam"),
    ]
    trainer = textforge.Trainer(dataset, *parts, epochs=2, validation=0.2)
    assert trainer.warnings == []
    trainer.prepare()
    own = [sentence for sentence in told if "than its baseline" not in sentence]
    assert trainer.warnings == own[1:], "all but what the dataset itself and the run say"


def test_the_estimator_warns_of_them() -> None:
    from textforge.sklearn import TextClassifier, TextforgeWarning

    recipe = {
        "vectorizer": "bow",
        "model": {"use": "mlp", "hidden": [8]},
        "optimizer": "adam",
        "trainer": {"epochs": 1, "batch_size": 2},
    }
    with pytest.warns(TextforgeWarning) as told:
        TextClassifier(recipe).fit(["moon shot", "moon shot", "bat", "ball"], ["x", "y", "y", "x"])
    assert ["2 of the 4 training texts have another label" in str(one.message) for one in told] == [True]


def test_the_rows_of_a_validation_split_are_those_of_train() -> None:
    texts, labels = make_texts(40)
    plugins = PluginManager()
    parts = [
        plugins.part("vectorizer", "bow"),
        plugins.part("model", "mlp", hidden=[8]),
        plugins.part("optimizer", "adam"),
    ]
    data = Dataset(train=([*texts, *texts], [*labels, *labels]))
    trainer = textforge.Trainer(data, *parts, epochs=1, validation=0.1)
    trainer.prepare()
    (told,) = (one for one in trainer.warnings if "validation texts also occur in train" in one)
    rows = [int(row) for row in told.partition("(rows ")[2].partition(" ")[0].replace(",", " ").split()]
    _, held = holdout(data.train[1], 0.1, 0)
    assert trainer.n_train == 72 and set(rows) <= {row + 1 for row in held.tolist()} and " of train): " in told
