"""A comparison of runs: the same texts or an error, differences, tests, seeds, flipped texts, recipes and verdicts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import small_recipe
from run_folders import GOLD, TEXTS, seeds_folder, written_run

import textforge
from textforge import BundleError, DataError, PluginError, RecipeError
from textforge.insight.intervals import Interval
from textforge.insight.verdicts import Evidence, SeedLuck, verdict

LONG = ["a", "b"] * 150


def wrong_at(*rows: int, gold: list[str] = LONG) -> list[str]:
    """Answers that are wrong in these rows."""
    other = {"a": "b", "b": "a", "c": "a"}
    return [other[label] if row in rows else label for row, label in enumerate(gold)]


def single(found: dict[str, Any]) -> dict[str, Any]:
    (entry,) = found["comparisons"]
    return entry


# -- differences -------------------------------------------------------------------------------


def test_a_better_run_is_called_better(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(*range(40)), gold=LONG)
    other = written_run(tmp_path / "b", wrong_at(*range(5), 50, 51), gold=LONG)
    found = textforge.compare(first, other)
    entry = single(found)
    assert (found["n"], found["split"], found["warnings"]) == (300, "test", [])
    assert (entry["gained"], entry["lost"], entry["better"]) == (35, 2, "B")
    accuracy = entry["metrics"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(33 / 300)
    assert 0 < accuracy["interval"][0] < 33 / 300 < accuracy["interval"][1]
    assert entry["verdict"].startswith("B is better than A: +11.0 points, 95 % interval ")
    assert entry["verdict"].endswith("; 35 texts gained, 2 lost")
    json.dumps(found, allow_nan=False)


def test_a_worse_run_is_called_worse(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(1), gold=LONG)
    other = written_run(tmp_path / "b", wrong_at(*range(1, 40)), gold=LONG)
    entry = single(textforge.compare(first, other))
    assert entry["better"] == "A"
    assert entry["verdict"].startswith("B is worse than A: -12.7 points, 95 % interval -")


def test_a_difference_that_the_texts_cannot_show_says_how_many_could(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(0, 1, 2), gold=LONG)
    other = written_run(tmp_path / "b", wrong_at(0, 5), gold=LONG)
    entry = single(textforge.compare(first, other))
    assert entry["better"] is None
    assert entry["verdict"] == (
        "no difference that these 300 texts could show; about 3,200 would be needed for 0.5 points"
    )


def test_a_run_and_its_copy_do_not_differ(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(0), gold=LONG)
    entry = single(textforge.compare(first, shutil.copytree(first, tmp_path / "copy")))
    assert entry["verdict"] == "no difference: A and B are right on the same 300 texts"
    assert entry["recipes"] == {}
    assert all(one["interval"] == [0, 0] for one in entry["metrics"].values())


def test_the_metrics_are_those_of_the_run(finished_run: Path, tmp_path: Path) -> None:
    own = json.loads((finished_run / "result.json").read_text())["test"]
    found = textforge.compare(
        finished_run, shutil.copytree(finished_run, tmp_path / "copy"), metrics=["weighted_f1", "roc-auc"]
    )
    figures = found["runs"][0]["metrics"]
    assert [*figures] == ["accuracy", "macro_f1", "weighted_f1", "roc_auc"]
    for name in ("accuracy", "macro_f1", "weighted_f1"):
        assert figures[name]["value"] == pytest.approx(own[name])
        assert figures[name]["interval"][0] <= own[name] <= figures[name]["interval"][1]
    assert found["warnings"] == []


def test_sets_of_labels_are_compared(tmp_path: Path) -> None:
    gold = [["a"], ["a", "b"], [], ["b"]] * 30
    first = written_run(tmp_path / "a", [["a"]] * 120, gold=gold)
    other = written_run(tmp_path / "b", [["a"], ["a", "b"], ["b"], ["b"]] * 30, gold=gold)
    entry = single(textforge.compare(first, other))
    assert entry["metrics"]["accuracy"]["difference"] == pytest.approx(0.5)
    assert (entry["gained"], entry["lost"]) == (60, 0)
    assert entry["flipped"]["gained"][0]["gold"] in (["a", "b"], ["b"])


def test_weighted_texts_count_as_often_as_their_weights_say(tmp_path: Path) -> None:
    folders = [written_run(tmp_path / name, wrong_at(row), gold=LONG) for name, row in (("a", 0), ("b", 1))]
    for folder in folders:
        lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
        weighed = [json.dumps({**line, "weight": 100 if line["row"] == 0 else 1}) for line in lines]
        (folder / "predictions.jsonl").write_text("\n".join(weighed) + "\n")
    accuracy = single(textforge.compare(*folders))["metrics"]["accuracy"]
    assert accuracy["first"] == pytest.approx(299 / 399)
    assert accuracy["other"] == pytest.approx(398 / 399)


def test_several_runs_are_compared_with_the_first_and_corrected(tmp_path: Path) -> None:
    wrong = {"a": range(20), "b": range(9), "c": range(12), "d": range(20)}
    folders = [written_run(tmp_path / name, wrong_at(*rows), gold=LONG) for name, rows in wrong.items()]
    found = textforge.compare(*folders)
    assert [(entry["first"], entry["other"]) for entry in found["comparisons"]] == [("A", "B"), ("A", "C"), ("A", "D")]
    p = [entry["test"]["p"] for entry in found["comparisons"]]
    corrected = [entry["test"]["p_holm"] for entry in found["comparisons"]]
    assert corrected == pytest.approx([3 * p[0], 2 * p[1], 1])


# -- seeds -------------------------------------------------------------------------------------


def test_seeds_widen_the_interval_and_their_luck_is_measured(tmp_path: Path) -> None:
    lucky = [wrong_at(*range(n), gold=LONG) for n in (5, 60, 20)]
    first, other = seeds_folder(tmp_path / "a", lucky, gold=LONG), seeds_folder(tmp_path / "b", lucky[::-1], gold=LONG)
    found = textforge.compare(first, other)
    entry = single(found)
    assert found["runs"][0]["seeds"] == [0, 1, 2]
    assert found["runs"][0]["metrics"]["accuracy"]["std"] == pytest.approx(np.std([5, 60, 20], ddof=1) / 300)
    assert entry["test"]["name"] == "bootstrap"
    assert entry["seeds"]["share_of_variance"] > 0.9
    assert "luck of the seed, so more seeds are needed" in entry["verdict"]
    alone = single(textforge.compare(first / "seed-0", other / "seed-2"))
    width = [np.ptp(one["metrics"]["accuracy"]["interval"]) for one in (entry, alone)]
    assert width[0] > 3 * width[1]
    assert "seed" not in entry["recipes"]


def test_a_single_run_beside_seeds_is_named(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(0), gold=LONG)
    other = seeds_folder(tmp_path / "b", [wrong_at(0, 1), wrong_at(0, 2)], gold=LONG)
    assert single(textforge.compare(first, other))["seeds"]["unknown_for"] == ["A"]


def test_seeds_with_other_test_texts_are_refused(tmp_path: Path) -> None:
    folder = seeds_folder(tmp_path / "a", [GOLD, GOLD])
    shutil.rmtree(folder / "seed-1")
    written_run(folder / "seed-1", GOLD, texts=TEXTS[::-1])
    with pytest.raises(
        DataError, match=r"holds out other test texts for each seed.*compare seed by seed, as in: textforge"
    ):
        textforge.compare(folder, written_run(tmp_path / "b", GOLD))


# -- the same texts ----------------------------------------------------------------------------


def test_other_texts_with_the_same_labels_are_refused(tmp_path: Path) -> None:
    first, other = written_run(tmp_path / "a", GOLD), written_run(tmp_path / "b", GOLD, texts=TEXTS[::-1])
    with pytest.raises(
        DataError, match=r"were tested on different texts \(12 texts each, but other texts or other labels"
    ):
        textforge.compare(first, other)


def test_another_number_of_texts_is_named(tmp_path: Path) -> None:
    first, other = written_run(tmp_path / "a", GOLD), written_run(tmp_path / "b", GOLD[:9], gold=GOLD[:9])
    with pytest.raises(DataError, match="12 and 9 texts"):
        textforge.compare(first, other)


@pytest.mark.parametrize("which", ["first", "other", "both"])
def test_older_runs_are_compared_by_their_data(tmp_path: Path, which: str) -> None:
    old = {"first": [True, False], "other": [False, True], "both": [True, True]}[which]
    first = written_run(tmp_path / "a", GOLD, old=old[0])
    same = written_run(tmp_path / "b", GOLD, old=old[1])
    differ = written_run(tmp_path / "c", GOLD, texts=TEXTS[::-1], old=old[1])
    assert textforge.compare(first, same)["warnings"] == []
    with pytest.raises(DataError, match="were tested on different texts"):
        textforge.compare(first, differ)


def test_older_runs_on_other_training_texts_are_compared_by_loading_the_data(tmp_path: Path) -> None:
    folders = [written_run(tmp_path / name, GOLD, old=True) for name in ("a", "b")]
    train = tmp_path / "b-train.csv"
    train.write_text(train.read_text() + "one more,a\n")
    from textforge.insight.answers import read_run
    from textforge.insight.own_texts import OwnTexts

    fingerprint = OwnTexts(read_run(folders[1])).dataset.fingerprint()
    (folders[1] / "environment.json").write_text(json.dumps({"data": {"sha256": fingerprint}}))
    assert textforge.compare(*folders)["warnings"] == []


def test_older_runs_whose_data_are_gone_are_compared_by_labels_with_a_warning(tmp_path: Path) -> None:
    folders = [written_run(tmp_path / name, GOLD, old=True) for name in ("a", "b")]
    (folders[1] / "environment.json").write_text(json.dumps({"data": {"sha256": "another"}}))
    for file in tmp_path.glob("*.csv"):
        file.unlink()
    told = textforge.compare(*folders)["warnings"]
    assert "only the labels were compared" in told[0]


def test_a_cross_validation_is_not_compared_with_a_run(tmp_path: Path) -> None:
    first, other = (written_run(tmp_path / name, GOLD) for name in ("a", "b"))
    (other / "result.json").rename(other / "cross-validation.json")
    with pytest.raises(DataError, match="one is a cross-validation, the other is not"):
        textforge.compare(first, other)


def test_cross_validations_of_the_same_texts_are_compared(small_csv: Path, tmp_path: Path) -> None:
    recipes = [small_recipe(small_csv, trainer={"epochs": epochs}) for epochs in (1, 2)]
    done = [textforge.cross_validate(recipe, folds=2, out=tmp_path / f"cv-{n}") for n, recipe in enumerate(recipes)]
    found = textforge.compare(*(one.path for one in done), texts=1)
    assert (found["split"], found["n"], found["warnings"]) == ("train", 96, [])
    assert [*single(found)["recipes"]] == ["trainer.epochs"]


def test_rows_that_one_run_left_out_are_left_out_of_both(tmp_path: Path) -> None:
    first, other = (written_run(tmp_path / name, GOLD) for name in ("a", "b"))
    lines = (other / "predictions.jsonl").read_text().splitlines(keepends=True)
    (other / "predictions.jsonl").write_text("".join(lines[2:]))
    found = textforge.compare(first, other)
    assert found["n"] == 10
    assert "compared are the 10 common ones" in found["warnings"][0]


def test_labels_in_another_order_are_the_same_labels(tmp_path: Path) -> None:
    first = written_run(tmp_path / "a", wrong_at(0, gold=GOLD))
    other = written_run(tmp_path / "b", wrong_at(0, gold=GOLD), labels=["c", "b", "a"])
    assert single(textforge.compare(first, other))["metrics"]["macro_f1"]["difference"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        (["a"], {}, RecipeError, "compare needs from 2 to 26 runs, not 1"),
        (["a", "a"], {}, RecipeError, "the same run is given twice"),
        (["a", "none"], {}, BundleError, "no such run or bundle"),
        (["a", "b"], {"metrics": ["roc-aux"]}, PluginError, "Did you mean 'roc-auc'"),
        (["a", "b"], {"texts": -1}, RecipeError, "texts must be a whole number from 0"),
        (["a", "few"], {"metrics": ["log-loss"]}, DataError, "Run it again with --probabilities all"),
    ],
)
def test_mistakes_in_the_arguments_are_reported(
    tmp_path: Path, arguments: list[str], options: dict[str, Any], error: type[Exception], says: str
) -> None:
    for name in ("a", "b"):
        written_run(tmp_path / name, GOLD)
    written_run(tmp_path / "few", GOLD, probabilities=[{label: 0.9} for label in GOLD])
    with pytest.raises(error, match=says):
        textforge.compare(*(tmp_path / name for name in arguments), **options)


# -- what else is shown ------------------------------------------------------------------------


def test_flipped_texts_come_most_confident_error_first_and_as_many_as_wanted(tmp_path: Path) -> None:
    sure = [{"a": 0.5 + row / 100, "b": 0.3, "c": 0.1} for row in range(12)]
    first = written_run(tmp_path / "a", GOLD)
    other = written_run(tmp_path / "b", [*GOLD[:4], "a", "a", "a", "a", *GOLD[8:]], probabilities=sure)
    flipped = single(textforge.compare(first, other, texts=2))["flipped"]
    assert flipped["gained"] == []
    assert flipped["lost"] == [
        {"row": row, "text": TEXTS[row], "gold": "b", "first": "b", "other": "a"} for row in (7, 6)
    ]
    assert single(textforge.compare(first, other, texts=0))["flipped"] == {"gained": [], "lost": []}


def test_flipped_texts_without_data_keep_their_rows(tmp_path: Path) -> None:
    first, other = written_run(tmp_path / "a", GOLD), written_run(tmp_path / "b", wrong_at(3, gold=GOLD))
    (tmp_path / "a-test.csv").unlink()
    found = textforge.compare(first, other)
    assert [(one["row"], one["text"]) for one in single(found)["flipped"]["lost"]] == [(3, None)]
    assert "the texts cannot be shown, only their rows" in found["warnings"][0]


def test_differing_options_are_listed_flat(tmp_path: Path) -> None:
    folders = [written_run(tmp_path / name, GOLD) for name in ("a", "b")]
    for folder, model in zip(
        folders, ({"use": "mlp", "hidden": [8]}, {"use": "union", "of": [{"use": "tfidf"}]}), strict=True
    ):
        (folder / "resolved.yaml").write_text(yaml.safe_dump({"seed": 0, "dataset": {"use": "csv"}, "model": model}))
    assert single(textforge.compare(*folders, texts=0))["recipes"] == {
        "model.use": {"first": "mlp", "other": "union"},
        "model.hidden": {"first": [8]},
        "model.of.0.use": {"other": "tfidf"},
    }


def test_a_missing_recipe_is_a_warning(tmp_path: Path) -> None:
    folders = [written_run(tmp_path / name, GOLD) for name in ("a", "b")]
    (folders[1] / "resolved.yaml").unlink()
    assert "the recipes cannot be compared" in textforge.compare(*folders, texts=0)["warnings"][0]


# -- verdicts ----------------------------------------------------------------------------------


def evidence(n: int, gained: int, lost: int, p: float, half: float, seeds: SeedLuck | None = None) -> Evidence:
    difference = (gained - lost) / n
    return Evidence(("A", "B"), n, difference, Interval(difference - half, difference + half), p, gained, lost, seeds)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (evidence(1180, 31, 17, 0.01, 0.008),
         "B is better than A: +1.2 points, 95 % interval 0.4 to 2.0; 31 texts gained, 17 lost"),
        (evidence(1180, 1, 0, 0.001, 0.0001),
         "B is better than A: +0.1 points, 95 % interval 0.1 to 0.1; 1 text gained, 0 lost"),
        (evidence(1180, 31, 17, 0.06, 0.008),
         "no difference that these 1,180 texts could show; about 2,300 would be needed for 1.2 points"),
        (evidence(1180, 31, 17, 0.01, 0.02),
         "no difference that these 1,180 texts could show; about 2,300 would be needed for 1.2 points"),
        (evidence(100_000, 50, 50, 1.0, 0.001),
         "no difference: 100,000 texts would most likely have shown one of 0.5 points"),
        (evidence(1, 0, 0, 1.0, 0.5), "no difference: A and B are right on the same 1 text"),
        (evidence(300, 5, 1, 0.5, 0.1, SeedLuck(3e-4, 1e-4)),
         "no difference that these 300 texts and these seeds could show; 75% of its variance is luck of the seed, so "
         "more seeds are needed"),
        (evidence(300, 5, 1, 0.5, 0.1, SeedLuck(1e-5, 1e-4)),
         "no difference that these 300 texts could show; about 1,400 would be needed for 1.3 points"),
    ],
)  # fmt: skip
def test_a_verdict_is_one_sentence(found: Evidence, says: str) -> None:
    assert verdict(found) == says
