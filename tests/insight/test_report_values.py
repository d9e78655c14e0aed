"""The values of a report: each section agrees with the run, with the metrics and with textbook definitions."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_sets, make_texts, small_recipe, write_csv
from run_folders import GOLD, seeds_folder, written_run

import textforge
from textforge.insight.doctor import examination
from textforge.insight.report.coverage import SHARES

ANSWERS = ["a", "a", "b", "a", "b", "b", "b", "c", "c", "a", "c", "c"]


@pytest.fixture(scope="module")
def validated_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a test and a validation split that makes some mistakes, and reports a metric of its recipe."""
    folder = tmp_path_factory.mktemp("validated")
    rng = random.Random(0)
    texts, labels = make_texts(150)
    noisy = [rng.choice(labels) if rng.random() < 0.3 else label for label in labels]
    recipe = small_recipe(
        write_csv(folder / "train.csv", texts, labels),
        metrics=["expected-calibration-error"],
        trainer={"epochs": 4, "batch_size": 16, "validation": 0.2},
    )
    recipe["dataset"]["test"] = str(write_csv(folder / "test.csv", texts, noisy))
    return textforge.run(recipe, out=folder / "run").path


def test_figures_are_those_of_the_run_with_intervals_and_baselines(validated_run: Path) -> None:
    found = textforge.report(validated_run)
    result = json.loads((validated_run / "result.json").read_text())
    metrics = {one["name"]: one for one in found["figures"]["metrics"]}
    for name in ("accuracy", "macro_f1", "weighted_f1"):
        assert metrics[name]["value"] == pytest.approx(result["test"][name])
        low, high = metrics[name]["interval"]
        assert low < metrics[name]["value"] < high
    assert metrics["expected_calibration_error"]["value"] == result["test"]["expected_calibration_error"]
    assert [one["name"] for one in found["figures"]["baselines"]] == ["majority class", "stratified guess"]
    assert {one["label"]: one["f1"] for one in found["classes"]} == pytest.approx(
        {label: one["f1"] for label, one in result["test"]["per_class"].items()}
    )


def test_the_calibration_error_is_that_of_the_metric(validated_run: Path) -> None:
    found = textforge.report(validated_run)
    (metric,) = (one for one in found["figures"]["metrics"] if one["name"] == "expected_calibration_error")
    assert found["calibration"]["ece"] == pytest.approx(metric["value"], abs=1e-6)
    histogram = found["calibration"]["histogram"]
    assert sum(histogram["right"]) + sum(histogram["wrong"]) == found["figures"]["n"]


def test_the_data_show_faults_that_are_cheap_to_find_and_the_command_for_the_others(tmp_path: Path) -> None:
    run = written_run(tmp_path / "a run", ANSWERS)  # train and test are equal
    section = textforge.report(run, tmp_path / "page.html")["data"]
    (across,) = (one for one in section["findings"] if one["kind"] == "exact-duplicates-across-splits")
    assert (across["severity"], across["count"]) == ("high", 12)
    assert "rows" not in across
    assert section["doctor"] == f"textforge doctor '{run / 'resolved.yaml'}'"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "exact-duplicates-across-splits" in page
    assert "textforge doctor " in page


def test_the_findings_of_a_report_are_those_of_the_doctor(validated_run: Path) -> None:
    shown = textforge.report(validated_run)["data"]
    doctor = textforge.doctor(validated_run / "resolved.yaml", quick=True)
    known = {one["kind"]: one["count"] for one in doctor["findings"]}
    assert shown["findings"]
    assert all(known[one["kind"]] == one["count"] for one in shown["findings"])


def test_a_report_looks_for_no_faults_in_more_text_than_it_has_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "CHEAP_CHARACTERS", 100)
    found = textforge.report(written_run(tmp_path / "run", ANSWERS), tmp_path / "page.html")
    assert found["data"]["findings"] is None
    assert "were not looked for here" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_confusion_matrix_counts_every_text_and_names_the_most_confused_pairs_first(tmp_path: Path) -> None:
    section = textforge.report(written_run(tmp_path / "run", ANSWERS))["confusion"]
    counts = {(section["labels"][gold], section["labels"][predicted]): n for gold, predicted, n in section["cells"]}
    assert sum(counts.values()) == len(GOLD)
    assert counts["a", "b"] == 1
    assert [one["texts"] for one in section["pairs"]] == sorted(
        (one["texts"] for one in section["pairs"]), reverse=True
    )
    assert section["pairs"][0]["share"] == 0.25


def test_learning_curves_have_every_epoch_and_the_best_one(validated_run: Path) -> None:
    (curve,) = textforge.report(validated_run)["curves"]
    result = json.loads((validated_run / "result.json").read_text())
    assert curve["best_epoch"] == result["best_epoch"]
    assert [epoch for epoch, _ in curve["series"]["train_loss"]] == [1, 2, 3, 4]
    assert {"valid_loss", "valid_accuracy", "valid_macro_f1"} <= {*curve["series"]}


def test_curves_of_many_epochs_are_thinned_but_keep_the_best_and_the_last(tmp_path: Path) -> None:
    run = written_run(tmp_path / "run", ANSWERS)
    lines = [{"number": n, "train_loss": 1 / n, "valid": {"loss": abs(n - 777.0)}, "best": n <= 777}
             for n in range(1, 5001)]  # fmt: skip
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (curve,) = textforge.report(run)["curves"]
    epochs = [epoch for epoch, _ in curve["series"]["train_loss"]]
    assert len(epochs) <= 402
    assert {777, 5000} <= {*epochs}
    assert curve["best_epoch"] == 777


def test_coverage_is_the_accuracy_of_the_answers_above_each_threshold(validated_run: Path) -> None:
    found = textforge.report(validated_run)
    lines = [json.loads(line) for line in (validated_run / "predictions.jsonl").read_text().splitlines()]
    sure = np.array([line["probabilities"][line["predicted"]] for line in lines])
    right = np.array([line["predicted"] == line["gold"] for line in lines])
    table = found["coverage"]["table"]
    assert table[0]["share"] == 1
    assert len(table) <= len(SHARES)
    for point in found["coverage"]["points"]:
        answered = sure >= point["threshold"]
        assert point["share"] == pytest.approx(answered.mean())
        assert point["accuracy"] == pytest.approx(right[answered].mean())


def test_the_worst_mistakes_come_first_with_their_texts(tmp_path: Path) -> None:
    probabilities = [{answer: 0.5 + n / 100} for n, answer in enumerate(ANSWERS)]
    section = textforge.report(written_run(tmp_path / "run", ANSWERS, probabilities=probabilities))["mistakes"]
    assert (section["wrong"], section["answers"]) == (3, 12)
    assert [(row["row"], row["gold"], row["predicted"]) for row in section["rows"]] == [
        (9, "c", "a"), (7, "b", "c"), (2, "a", "b"),
    ]  # fmt: skip
    assert section["rows"][0]["text"] == "text 9 about things"
    assert section["rows"][0]["pieces"] is None


class Marker:
    """Marks the word `text` in every text."""

    def marked(self, texts: Any, answers: Any) -> list[list[tuple[str, float]]]:
        self.answers = answers
        return [[("text", 0.9), (text[4:], 0.0)] for text in texts]

    def class_words(self, limit: int) -> dict[str, list[tuple[str, float]]]:
        return {"a": [("<alpha>", 1.5), ("beta", 0.5)][:limit]}


def test_reasons_mark_the_words_of_mistakes_and_name_those_of_classes(tmp_path: Path) -> None:
    marker = Marker()
    found = textforge.report(written_run(tmp_path / "run", ANSWERS), tmp_path / "report.html", reasons=marker)
    assert sorted(marker.answers) == ["a", "b", "c"]
    assert all(row["pieces"][0] == ("text", 0.9) for row in found["mistakes"]["rows"])
    assert found["words"] == [{"label": "a", "words": [["<alpha>", 1.5], ["beta", 0.5]]}]
    html = (tmp_path / "report.html").read_text()
    assert html.count(">text</mark>") == 3
    assert "&lt;alpha&gt;" in html


def test_data_has_the_sizes_lengths_and_classes_of_the_splits(tmp_path: Path) -> None:
    section = textforge.report(written_run(tmp_path / "run", ANSWERS))["data"]
    assert [(one["name"], one["texts"], one["words"]["longest"]) for one in section["splits"]] == [
        ("train", 12, 4), ("test", 12, 4),
    ]  # fmt: skip
    assert section["classes"][0] == {"label": "a", "train": 4, "test": 4}
    assert sum(section["lengths"]["shares"]["test"]) == pytest.approx(1)


def test_data_that_are_gone_leave_a_warning_and_the_rest_of_the_report(tmp_path: Path) -> None:
    run = written_run(tmp_path / "run", ANSWERS)
    for file in tmp_path.glob("*.csv"):
        file.unlink()
    found = textforge.report(run, tmp_path / "report.html")
    assert len(found["warnings"]) == 2
    assert found["data"]["splits"] == []
    assert [row["text"] for row in found["mistakes"]["rows"]] == [None] * 3


def test_texts_of_weight_0_are_left_out_and_others_weighed(tmp_path: Path) -> None:
    run = written_run(tmp_path / "run", ANSWERS)
    lines = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    for line in lines:
        line["weight"] = 0.0 if line["row"] == 2 else 2.0 if line["row"] == 7 else 1.0
    (run / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = textforge.report(run)
    assert found["mistakes"]["wrong"] == 2
    assert found["figures"]["metrics"][0]["value"] == pytest.approx(9 / 12)
    assert found["coverage"]["table"][0]["accuracy"] == pytest.approx(9 / 12)
    assert {one["label"]: one["support"] for one in found["classes"]} == {"a": 3, "b": 5, "c": 4}


def test_seeds_are_reported_together_and_a_text_once(tmp_path: Path) -> None:
    other = [*ANSWERS[:2], "a", *ANSWERS[3:]]
    folder = seeds_folder(tmp_path / "seeds", [ANSWERS, other], test={"accuracy": 0.75, "macro_f1": 0.7, "n": 12})
    found = textforge.report(folder, tmp_path / "report.html")
    accuracy = found["figures"]["metrics"][0]
    assert accuracy["value"] == pytest.approx((9 / 12 + 10 / 12) / 2)
    assert accuracy["std"] > 0
    assert [one["name"] for one in found["figures"]["runs"]] == ["seed 0", "seed 1"]
    assert [(row["row"], row["runs_wrong"]) for row in found["mistakes"]["rows"]] == [(7, 2), (9, 2), (2, 1)]
    assert found["environment"]["command"].endswith("--seeds 0,1")


def test_seeds_with_other_test_texts_have_a_spread_but_no_interval(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts, labels = make_texts(60)
    noisy = [rng.choice(labels) if rng.random() < 0.4 else label for label in labels]
    recipe = small_recipe(write_csv(tmp_path / "data.csv", texts, noisy))
    path = textforge.run_seeds(recipe, [0, 1], out=tmp_path / "seeds").path
    found = textforge.report(path, tmp_path / "report.html")
    accuracy = found["figures"]["metrics"][0]
    assert accuracy["interval"] is None
    assert accuracy["value"] == json.loads((path / "seeds.json").read_text())["figures"]["accuracy"]["mean"]
    assert {row["run"] for row in found["mistakes"]["rows"]} == {"seed 0", "seed 1"}
    assert all(row["text"] in texts and row["runs_wrong"] == 1 for row in found["mistakes"]["rows"])


def test_a_cross_validation_is_reported_with_each_fold(tmp_path: Path) -> None:
    recipe = small_recipe(write_csv(tmp_path / "data.csv", *make_texts(60)))
    path = textforge.cross_validate(recipe, folds=3, out=tmp_path / "folds").path
    found = textforge.report(path, tmp_path / "report.html")
    assert found["kind"] == "cross-validation"
    assert [one["name"] for one in found["figures"]["runs"]] == ["fold 1", "fold 2", "fold 3"]
    assert found["figures"]["n"] == sum(one["n"] for one in found["figures"]["runs"])
    assert found["environment"]["command"].endswith("--folds 3")


def test_sets_of_labels_have_thresholds_instead_of_a_confusion_matrix(tmp_path: Path) -> None:
    from sklearn.metrics import average_precision_score

    texts, sets = make_sets(90)
    data = write_csv(tmp_path / "data.csv", texts, ["|".join(labels) for labels in sets])
    recipe = small_recipe(data, dataset={"use": "csv", "train": str(data), "test": str(data), "label_separator": "|"})
    path = textforge.run({**recipe, "trainer": {"epochs": 1, "batch_size": 30}}, out=tmp_path / "run").path
    found = textforge.report(path, tmp_path / "report.html")
    assert found["confusion"] is None
    assert found["coverage"] is None
    lines = [json.loads(line) for line in (path / "predictions.jsonl").read_text().splitlines()]
    for one in found["thresholds"]:
        gold = [one["label"] in line["gold"] for line in lines]
        scores = [line["probabilities"][one["label"]] for line in lines]
        assert one["average_precision"] == pytest.approx(average_precision_score(gold, scores), abs=1e-6)
        assert one["threshold"] == 0.5
    assert found["calibration"]["n"] == len(lines) * len(found["thresholds"])


def test_a_run_without_a_test_split_has_no_figures_but_its_curves_and_recipe(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", *make_texts(60))
    recipe = small_recipe(data, trainer={"epochs": 2, "batch_size": 16, "validation": 0.2})
    recipe["dataset"]["test_fraction"] = 0.0
    path = textforge.run(recipe, out=tmp_path / "run").path
    found = textforge.report(path, tmp_path / "report.html")
    assert found["figures"] is None
    assert len(found["curves"]) == 1
    assert [one["name"] for one in found["data"]["splits"]] == ["train"]
    assert "no test split" in (tmp_path / "report.html").read_text()


def test_an_unfinished_run_and_a_bundle_are_refused(tmp_path: Path, finished_run: Path) -> None:
    with pytest.raises(textforge.BundleError, match="no such run"):
        textforge.report(tmp_path / "none")
    with pytest.raises(textforge.BundleError, match="a bundle contains no answers"):
        textforge.report(finished_run / "model")


def test_a_damaged_log_is_named_with_its_line(tmp_path: Path) -> None:
    run = written_run(tmp_path / "run", ANSWERS)
    (run / "metrics.jsonl").write_text('{"number": 1}\n{"num')
    with pytest.raises(textforge.BundleError, match=r"metrics\.jsonl:2: the line is damaged"):
        textforge.report(run)
