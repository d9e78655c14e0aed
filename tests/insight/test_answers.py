"""Answers are read from run folders as they were given, and damaged folders are reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from run_folders import GOLD, TEXTS, seeds_folder, written_run

import textforge
from textforge import BundleError, DataError, PluginManager
from textforge.insight import read_run, read_runs
from textforge.insight.own_texts import OwnTexts, recorded_digest


def test_a_real_run_is_read_with_the_accuracy_that_it_had(finished_run: Path) -> None:
    run = read_run(finished_run)
    own = json.loads((finished_run / "result.json").read_text())
    assert run.right.mean() == pytest.approx(own["test"]["accuracy"])
    assert run.labels == tuple(own["labels"])
    classifier, texts = textforge.load(finished_run), OwnTexts(run, PluginManager()).texts()
    np.testing.assert_allclose(run.probabilities(), classifier.predict_proba(texts), rtol=1e-6)
    assert recorded_digest(run) == OwnTexts(run, PluginManager()).digest()


def test_labels_answers_and_rows_are_as_in_the_file(tmp_path: Path) -> None:
    answers = ["a", "b", *GOLD[2:]]
    run = read_run(written_run(tmp_path / "run", answers))
    assert [run.labels[n] for n in run.gold] == GOLD
    assert [run.labels[n] for n in run.predicted] == answers
    assert run.rows.tolist() == [*range(12)]
    assert run.confidence == pytest.approx(0.8)
    assert OwnTexts(run).texts() == TEXTS


def test_sets_of_labels_become_rows_of_0_and_1(tmp_path: Path) -> None:
    gold, answers = [["a"], ["a", "b"], []], [["a"], ["b", "c"], ["c"]]
    run = read_run(written_run(tmp_path / "run", answers, gold=gold, labels=["a", "b", "c"]))
    assert run.gold.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert run.predicted.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert run.right.tolist() == [True, False, False]


def test_an_abstention_counts_as_the_likeliest_label(tmp_path: Path) -> None:
    probabilities = [{"a": 0.5, "b": 0.3, "c": 0.2}] * 12
    run = read_run(written_run(tmp_path / "run", [None, *GOLD[1:]], probabilities=probabilities))
    assert run.labels[run.predicted[0]] == "a"
    assert run.answered.tolist() == [False] + [True] * 11


@pytest.mark.parametrize(
    ("probabilities", "withheld"), [({"a": 0.7, "b": 0.3}, "b"), ({"a": 0.9}, "a"), ({"b": 0.3}, "b")]
)
def test_a_withheld_label_follows_the_threshold(tmp_path: Path, probabilities: dict[str, float], withheld: str) -> None:
    folder = written_run(
        tmp_path / "run", [None, "b"], gold=["a", "b"], probabilities=[probabilities] * 2,
        decision={"thresholds": [0.8, 0.2]},
    )  # fmt: skip
    run = read_run(folder)
    assert run.labels[run.predicted[0]] == withheld


def test_labels_that_only_gold_has_come_last(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", ["a"] * 12, labels=["c", "a"]))
    assert run.labels == ("c", "a", "b")


def test_numbers_and_truth_values_stay_labels(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run", GOLD)
    lines = [
        {"row": 0, "gold": True, "predicted": False, "probabilities": {"true": 0.4, "false": 0.6}},
        {"row": 1, "gold": True, "predicted": True, "probabilities": {"true": 0.9, "false": 0.1}},
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "result.json").write_text(json.dumps({"labels": [False, True], "test": {}}))
    run = read_run(folder)
    assert (run.labels, run.right.tolist()) == ((False, True), [False, True])
    assert run.confidence == pytest.approx([0.6, 0.9])


def test_a_run_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", [None, *GOLD[1:]], old=True))
    assert recorded_digest(run) is None
    assert len(OwnTexts(run).texts()) == 12


def test_probabilities_that_were_not_stored_are_unknown(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", GOLD, probabilities=[{label: 0.7} for label in GOLD]))
    assert np.isnan(run.probabilities()).sum() == 24
    assert run.confidence == pytest.approx(0.7)


def test_the_runs_of_a_seeds_folder_are_read(tmp_path: Path) -> None:
    folder = seeds_folder(tmp_path / "runs", [GOLD, GOLD[::-1]])
    assert [run.path.name for run in read_runs(folder)] == ["seed-0", "seed-1"]
    assert len(read_runs(folder / "seed-0")) == 1


def test_a_cross_validation_answers_training_texts(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run", GOLD)
    (folder / "result.json").rename(folder / "cross-validation.json")
    run = read_run(folder)
    assert (run.split, len(run.rows)) == ("train", 12)
    assert OwnTexts(run).texts() == TEXTS


def spoilt(run: Path, **changes: object) -> None:
    """Change the first line of a run's answers."""
    first, *others = (run / "predictions.jsonl").read_text().splitlines()
    (run / "predictions.jsonl").write_text("\n".join([json.dumps({**json.loads(first), **changes}), *others]) + "\n")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda run: (run / "result.json").unlink(), "an unfinished run"),
        (lambda run: (run / "predictions.jsonl").unlink(), "the run has no predictions.jsonl: it was deleted"),
        (lambda run: (run / "predictions.jsonl").write_text(""), "the file is empty"),
        (
            lambda run: (run / "predictions.jsonl").write_text('{"row": 0}\n'),
            "predictions.jsonl:1: the line is damaged",
        ),
        (
            lambda run: (run / "predictions.jsonl").write_text((run / "predictions.jsonl").read_text() + "{"),
            "predictions.jsonl:13: the line is damaged",
        ),
        (lambda run: (run / "predictions.jsonl").write_bytes(b"\xff\n"), "the line is damaged"),
        (lambda run: spoilt(run, gold=["a"]), "predictions.jsonl:1: the line is damaged: it is not the answer"),
        (lambda run: spoilt(run, gold={}), "it is not the answer"),
        (lambda run: spoilt(run, row="0"), "it is not the answer"),
        (lambda run: spoilt(run, probabilities={}), "it is not the answer"),
        (lambda run: spoilt(run, probabilities={"a": "high"}), "it is not the answer"),
        (lambda run: spoilt(run, probabilities=[1]), "predictions.jsonl:1: the line is damaged"),
        (lambda run: spoilt(run, probabilities={"z": 1}), "probabilities of labels that the run does not know: z"),
        (lambda run: spoilt(run, predicted="z"), "an answer has a label that the run does not know: 'z'"),
        (lambda run: (run / "bundle.json").write_text("{}"), "a bundle contains no answers"),
        (lambda run: (run / "seeds.json").write_text("[]"), "holds a list, not an object"),
        (lambda run: (run / "seeds.json").write_text("{}"), "it names no runs"),
        (lambda run: (run / "seeds.json").write_text("{"), "the file is damaged"),
    ],
)
def test_a_damaged_run_is_reported(tmp_path: Path, spoil: object, says: str) -> None:
    folder = written_run(tmp_path / "run", GOLD)
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(BundleError, match=says):
        read_runs(folder)


def test_a_run_without_a_test_split_says_so(tmp_path: Path) -> None:
    folder = written_run(tmp_path / "run", GOLD, test=None)
    (folder / "predictions.jsonl").unlink()
    with pytest.raises(BundleError, match="its recipe has no test split"):
        read_run(folder)


def test_texts_whose_labels_changed_are_not_shown(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", GOLD))
    file = tmp_path / "run-test.csv"
    file.write_text(file.read_text().replace("text 3 about things,a", "text 3 about things,b"))
    with pytest.raises(DataError, match="the data have changed since the run"):
        OwnTexts(run).texts()


def test_changed_texts_with_the_same_labels_are_shown_with_a_warning(tmp_path: Path) -> None:
    run = read_run(written_run(tmp_path / "run", GOLD))
    file = tmp_path / "run-test.csv"
    file.write_text(file.read_text().replace("text 3", "text three"))
    own = OwnTexts(run)
    assert own.texts()[3].startswith("text three")
    assert "differ from those of the run" in own.warnings()[0]
