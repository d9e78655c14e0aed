"""A trained classifier held against labelled data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import make_texts, small_recipe, write_csv
from hypothesis import given, strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

import textforge
from textforge.classifiers.metrics import classification_metrics
from textforge.errors import BundleError, DataError, PluginError, RecipeError
from textforge.runs.evaluation import evaluate

EXTRA = {"split", "warnings"}
"""What `evaluate` adds to the figures."""


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in EXTRA}


def result(run: Path) -> dict[str, Any]:
    return json.loads((run / "result.json").read_text())


# -- which data --------------------------------------------------------------------------------


def test_a_run_on_its_own_test_split_gives_its_own_figures(finished_run: Path) -> None:
    found = evaluate(finished_run)
    assert figures(found) == result(finished_run)["test"]
    assert found["split"] == "test"
    assert "held out" in found["warnings"][0]


def test_the_training_split_can_be_named(finished_run: Path) -> None:
    found = evaluate(finished_run, split="train")
    assert found["n"] == result(finished_run)["n_train"]
    assert found["split"] == "train"


def test_a_split_that_is_not_there_is_reported(finished_run: Path) -> None:
    with pytest.raises(RecipeError, match=r"the data has no split 'valid'\. Its splits: train, test\."):
        evaluate(finished_run, split="valid")


def test_a_data_file_is_taken_whole(finished_run: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(50, seed=11)
    found = evaluate(finished_run, data=write_csv(tmp_path / "more.csv", texts, labels))
    assert figures(found) == textforge.load(finished_run).evaluate(texts, labels)
    assert found["n"] == 50


def test_a_bundle_takes_a_data_file_too(finished_run: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "more.csv", *make_texts(50, seed=11))
    assert evaluate(finished_run / "model", data=data) == evaluate(finished_run, data=data)


def test_one_text_of_one_class_can_be_evaluated(finished_run: Path, tmp_path: Path) -> None:
    found = evaluate(finished_run, data=write_csv(tmp_path / "one.csv", ["the moon rocket"], ["space"]))
    assert found["n"] == 1
    assert found["per_class"]["ball"]["support"] == 0


def test_columns_are_named_as_options(finished_run: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(30, seed=12)
    plain = write_csv(tmp_path / "plain.csv", texts, labels)
    other = tmp_path / "other.csv"
    other.write_text(plain.read_text().replace("text,label", "review;topic").replace(",", ";"))
    options = ["text=review", "dataset.label=topic", "separator=;"]
    assert figures(evaluate(finished_run, data=other, options=options)) == figures(evaluate(finished_run, data=plain))
    with pytest.raises(DataError, match="no column 'text'"):
        evaluate(finished_run, data=other, options=["separator=;"])


def test_a_run_keeps_its_own_columns_for_another_file(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", *make_texts(60))
    data.write_text(data.read_text().replace("text,label", "review,topic"))
    dataset = {"use": "csv", "train": str(data), "text": "review", "label": "topic"}
    run = textforge.run(small_recipe(data, dataset=dataset), out=tmp_path / "run").path
    assert evaluate(run, data=data)["n"] == 60


def test_an_unknown_option_or_a_wrong_one_is_reported(finished_run: Path, small_csv: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown option 'txt'.*Did you mean 'text'\?"):
        evaluate(finished_run, data=small_csv, options=["txt=review"])


def test_a_recipe_gives_its_test_split(finished_run: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", *make_texts(80, seed=13))
    recipe = tmp_path / "other.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(Path("d.csv"))))
    found = evaluate(finished_run, data=recipe)
    assert 0 < found["n"] < 30
    whole = evaluate(finished_run, data=recipe, options=[f"test={data}"])
    assert whole["n"] == 80


def test_a_bundle_alone_knows_no_data(finished_run: Path) -> None:
    with pytest.raises(BundleError, match=r"a bundle contains no data\. Name data with --data"):
        evaluate(finished_run / "model")


def test_data_that_are_not_there_are_reported(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"away\.csv: no such file"):
        evaluate(finished_run, data=tmp_path / "away.csv")


def test_a_file_like_those_of_the_run_is_read_by_its_dataset(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    for name in ("train.txt", "other.txt"):
        (tmp_path / name).write_text("".join(f"{t};{b}\n" for t, b in zip(texts, labels, strict=True)))
    recipe = small_recipe(None, dataset={"use": "lines", "train": str(tmp_path / "train.txt"), "separator": ";"})
    run = textforge.run(recipe, out=tmp_path / "run")
    assert evaluate(run.path, data=tmp_path / "other.txt")["n"] == 60


def test_a_suffix_that_nobody_reads_is_reported(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "d.cvs").write_text("text,label\n")
    with pytest.raises((RecipeError, PluginError), match=r"no dataset reads '\.cvs' files.*Did you mean 'csv'\?"):
        evaluate(finished_run, data=tmp_path / "d.cvs")


def test_labels_that_the_classifier_does_not_know_are_reported(finished_run: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", ["a moon", "a dish", "a plate"], ["space", "food", "food"])
    with pytest.raises(DataError, match=r"'food' \(2 times, first in row 2\).*Known labels: ball, paint, space"):
        evaluate(finished_run, data=data)


def test_an_unfinished_run_is_refused(finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    (copy / "result.json").unlink()
    with pytest.raises(BundleError, match="an unfinished run"):
        evaluate(copy)


def test_data_that_went_away_are_reported(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", *make_texts(60))
    run = textforge.run(small_recipe(data), out=tmp_path / "run").path
    data.unlink()
    with pytest.raises(RecipeError, match=r"no file or folder .*d\.csv"):
        evaluate(run)


# -- figures -----------------------------------------------------------------------------------


@given(
    st.integers(2, 6).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=60)
        )
    )
)
def test_figures_are_those_of_scikit_learn(case: tuple[int, list[tuple[int, int]]]) -> None:
    n_classes, pairs = case
    gold, predicted = np.array(pairs).T
    names = [f"class {number}" for number in range(n_classes)]
    found = classification_metrics(gold, predicted, names)
    everyone = list(range(n_classes))
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert found["confusion_matrix"] == {
        "labels": names,
        "rows": confusion_matrix(gold, predicted, labels=everyone).tolist(),
    }
    columns = precision_recall_fscore_support(gold, predicted, labels=everyone, zero_division=0)
    for n, name in enumerate(names):
        one = found["per_class"][name]
        expected = [column[n] for column in columns]
        assert [one[key] for key in ("precision", "recall", "f1", "support")] == pytest.approx(expected)
    for average in ("macro", "weighted"):
        f1 = precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)[2]
        assert found[f"{average}_f1"] == pytest.approx(f1)
    assert found["n"] == len(pairs)


# -- data that are not what they were ------------------------------------------------------------


def test_data_that_changed_since_the_run_are_warned_of(tmp_path: Path) -> None:
    texts, labels = make_texts(120)
    data = write_csv(tmp_path / "small.csv", texts, labels)
    run = textforge.run(small_recipe(data), out=tmp_path / "run").path
    assert not any("SHA-256" in warning for warning in evaluate(run)["warnings"])
    write_csv(data, texts[::-1], labels[::-1])
    assert "the data differ from those that the run was made with (by their SHA-256)." in evaluate(run)["warnings"]


@pytest.mark.parametrize("option", ["train=away.csv", "dataset.test=x.csv", "valid=x.csv"])
def test_a_file_named_twice_is_reported(finished_run: Path, tmp_path: Path, option: str) -> None:
    data = write_csv(tmp_path / "other.csv", *make_texts(10))
    with pytest.raises(RecipeError, match="the command already names the file to read"):
        evaluate(finished_run, data=data, options=[option])


@pytest.mark.parametrize("text", ["seed: 1", "dataset: csv", "dataset: {train: x}", "[1]"])
def test_a_damaged_run_is_reported(finished_run: Path, tmp_path: Path, text: str) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "resolved.yaml").write_text(text)
    data = write_csv(tmp_path / "other.csv", *make_texts(10))
    with pytest.raises(BundleError, match=r"its resolved\.yaml is damaged: it names no dataset"):
        evaluate(run, data=data)


def test_without_its_environment_a_run_is_evaluated_with_a_warning(finished_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    for damage in (lambda file: file.write_text("{}"), Path.unlink):
        damage(run / "environment.json")
        found = evaluate(run)
        assert figures(found) == result(finished_run)["test"]
        assert any(warning.startswith("environment.json cannot be read") for warning in found["warnings"])


def test_a_folder_is_no_data_file(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a folder, not a file"):
        evaluate(finished_run, data=tmp_path)


def test_only_the_data_of_a_recipe_need_be_installed(finished_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    resolved = yaml.safe_load((run / "resolved.yaml").read_text())
    resolved["optimizer"] = {"use": "rprop"}
    (run / "resolved.yaml").write_text(yaml.safe_dump(resolved))
    assert figures(evaluate(run)) == result(finished_run)["test"]


def test_a_data_file_gives_its_name_to_the_figures(finished_run: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "other.csv", *make_texts(10))
    assert evaluate(finished_run, data=data)["split"] == "other.csv"
    wrong = write_csv(tmp_path / "wrong.csv", ["a"], ["nothing"])
    with pytest.raises(DataError, match=r"^wrong\.csv: labels that the training data lack"):
        evaluate(finished_run, data=wrong)


def test_a_packed_data_file_is_read_whole_whatever_the_run_held_out(tmp_path: Path) -> None:
    import gzip

    data = write_csv(tmp_path / "data.csv", *make_texts(90))
    recipe = small_recipe(data)
    recipe["dataset"]["valid_fraction"] = 0.2
    run = textforge.run(recipe, out=tmp_path / "run")
    packed = tmp_path / "again.csv.gz"
    packed.write_bytes(gzip.compress(data.read_bytes()))
    assert evaluate(run.path, data=packed)["n"] == 90
