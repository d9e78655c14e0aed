"""K-fold cross-validation: every training text is predicted once, by a model that never saw it."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import make_texts, small_recipe, write_csv
from sklearn.metrics import accuracy_score

import textforge
from textforge import BundleError, ComponentError, DataError, Dataset, PluginManager, RecipeError, hookimpl
from textforge.data.splits import folds

FILES = {
    "recipe.yaml", "resolved.yaml", "plan.json", "environment.json", "folds.jsonl", "predictions.jsonl",
    "cross-validation.json",
}  # fmt: skip


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def with_data(data: Any, **more: Any) -> PluginManager:
    plugins = PluginManager()
    offered = {"textforge_datasets": {"own": lambda: data}, **more}
    plugins.register(SimpleNamespace(**{hook: hookimpl(lambda found=found: found) for hook, found in offered.items()}))
    return plugins


def recipe(**sections: Any) -> dict[str, Any]:
    return small_recipe(Path("x"), **{"dataset": {"use": "own"}, **sections})


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("crossed")
    data = write_csv(folder / "small.csv", *make_texts(120))
    return textforge.cross_validate(small_recipe(data), folds=4, out=folder / "cv")


# -- what it leaves ----------------------------------------------------------------------------


def test_it_leaves_its_files_and_no_classifier(crossed: Any) -> None:
    assert {path.name for path in crossed.path.iterdir()} == FILES
    assert json.loads((crossed.path / "cross-validation.json").read_text()) == crossed.result
    with pytest.raises(BundleError, match="a cross-validation, which saves no classifier"):
        textforge.load(crossed.path)


def test_every_training_text_is_predicted_once_in_order(crossed: Any) -> None:
    rows = lines(crossed.path / "predictions.jsonl")
    resolved = yaml.safe_load((crossed.path / "resolved.yaml").read_text())
    assert [row["row"] for row in rows] == [*range(crossed.result["n"])]
    assert crossed.result["n"] == 96, "the test split, a fifth of 120, is not touched"
    assert resolved["dataset"]["test_fraction"] == 0.2


def test_figures_are_the_mean_and_spread_of_the_folds(crossed: Any) -> None:
    each = lines(crossed.path / "folds.jsonl")
    assert [fold["fold"] for fold in each] == [1, 2, 3, 4]
    for name in ("accuracy", "macro_f1", "micro_f1", "weighted_f1"):
        values = [fold["test"][name] for fold in each]
        found = crossed.result["figures"][name]
        assert found["values"] == values
        assert found["mean"] == pytest.approx(statistics.mean(values))
        assert found["std"] == pytest.approx(statistics.stdev(values))
        assert (found["min"], found["max"]) == (min(values), max(values))
    assert sum(fold["test"]["n"] for fold in each) == crossed.result["n"]
    assert "n" not in crossed.result["figures"]


def test_it_has_the_baselines_of_its_folds(crossed: Any) -> None:
    folded = [line["baselines"] for line in lines(crossed.path / "folds.jsonl")]
    assert len(folded) == 4
    for name in ("majority", "stratified"):
        for metric in ("accuracy", "macro_f1"):
            mean = statistics.fmean(one[name][metric] for one in folded)
            assert crossed.result["baselines"][name][metric] == pytest.approx(mean)
    assert 0.2 < crossed.result["baselines"]["majority"]["accuracy"] < 0.5


def test_it_warns_if_it_is_no_better_than_a_baseline(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    done = textforge.cross_validate(
        recipe(optimizer={"use": "sgd", "lr": 1e-9}, trainer={"epochs": 1}),
        dataset=Dataset(train=(texts, ["a"] * 50 + labels[50:])), folds=2, out=tmp_path / "cv",
    )  # fmt: skip
    assert any("no better than its baseline" in warning for warning in done.result["warnings"])


def test_predictions_are_those_of_the_figures(crossed: Any) -> None:
    rows = lines(crossed.path / "predictions.jsonl")
    gold, predicted = [row["gold"] for row in rows], [row["predicted"] for row in rows]
    each = lines(crossed.path / "folds.jsonl")
    right = sum(fold["test"]["accuracy"] * fold["test"]["n"] for fold in each)
    assert accuracy_score(gold, predicted) == pytest.approx(right / len(rows))
    assert all(row["predicted"] == max(row["probabilities"], key=row["probabilities"].get) for row in rows)


def test_a_fold_is_what_a_trainer_gives_without_its_rows(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    plugins = with_data(Dataset(train=(texts, labels)))
    textforge.cross_validate(recipe(), folds=3, out=tmp_path / "cv", plugins=plugins)
    found = lines(tmp_path / "cv" / "predictions.jsonl")
    rows = folds(labels, 3, 0)[1]
    kept = sorted(set(range(60)) - set(rows.tolist()))
    parts = [plugins.part("vectorizer", "bow"), plugins.part("model", "mlp", hidden=[8])]
    data = Dataset(train=([texts[n] for n in kept], [labels[n] for n in kept]))
    alone = textforge.Trainer(data, *parts, plugins.part("optimizer", "adam", lr=0.01), epochs=3, batch_size=16).fit()
    expected = alone.predict_proba([texts[n] for n in rows])
    for n, row in enumerate(rows):
        assert [*found[row]["probabilities"].values()] == pytest.approx(expected[n].tolist(), abs=1e-6)


def test_it_repeats_and_follows_the_seed(small_csv: Path, tmp_path: Path) -> None:
    results = [
        textforge.cross_validate(small_recipe(small_csv), folds=2, out=tmp_path / name, overrides={"seed": seed})
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, again, other = ((one.path / "predictions.jsonl").read_bytes() for one in results)
    assert first == again != other


def test_groups_are_never_parted(tmp_path: Path) -> None:
    texts, labels = make_texts(90)
    groups = [f"g{n // 3}" for n in range(90)]
    seen: list[set[int]] = []

    class Spy:
        """Notes what it is fitted on."""

        def fit(self, texts: list[str]) -> None:
            seen.append({int(text.rpartition("#")[2]) for text in texts})

        def transform(self, texts: list[str]) -> Any:
            return np.ones((len(texts), 2), dtype=np.float32)

        def state(self) -> Any:
            return {}

        def from_state(self, state: Any) -> Any:
            return self

    data = Dataset(train=([f"{text} #{n}" for n, text in enumerate(texts)], labels), groups=groups)
    plugins = with_data(data, textforge_vectorizers={"spy": Spy})
    trainer = {"epochs": 1, "validation": 0.2}
    textforge.cross_validate(recipe(vectorizer="spy", trainer=trainer), folds=3, out=tmp_path / "cv", plugins=plugins)
    for rows in seen:
        assert {n // 3 for n in rows} == {n // 3 for n in rows if n // 3 * 3 in rows and n // 3 * 3 + 2 in rows}


def test_metrics_and_abstention_are_measured_in_each_fold(tmp_path: Path) -> None:
    def some() -> Any:
        """How many texts."""
        return lambda gold, probabilities: float(len(gold))

    plugins = with_data(Dataset(train=make_texts(60)), textforge_metrics={"some": some})
    given = recipe(metrics=["some"], decision={"abstain": 0.34})
    found = textforge.cross_validate(given, folds=3, out=tmp_path / "cv", plugins=plugins)
    assert found.result["figures"]["some"]["values"] == [20.0, 20.0, 20.0]
    assert all("answered" in fold["test"] for fold in lines(found.path / "folds.jsonl"))


# -- labels with few texts -----------------------------------------------------------------------


def told_by(crossing: Any) -> str:
    return "\n".join(crossing.result["warnings"])


def test_a_class_of_fewer_texts_than_folds_is_dealt_and_reported(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    data = Dataset(train=([*texts, "rare words here", "rare words there"], [*labels, "rare", "rare"]))
    done = textforge.cross_validate(recipe(), folds=5, out=tmp_path / "cv", plugins=with_data(data))
    assert "labels with fewer texts than the 5 folds are tested in some folds only: 'rare' (2)." in told_by(done)
    assert "all in one fold" not in told_by(done)
    rows = lines(done.path / "predictions.jsonl")
    assert [row["gold"] for row in rows] == data.train[1]
    assert all(set(row["probabilities"]) == {*labels, "rare"} for row in rows)


@pytest.mark.parametrize("several", [False, True], ids=["single", "several"])
def test_what_one_fold_alone_has_is_predicted_without_it_and_wrong(tmp_path: Path, several: bool) -> None:
    texts, labels = make_texts(60)
    train: Any = ([*texts, "orbit moon"], [*labels, "lonely"])
    valid: Any = (["orbit", "moon"], ["space", "lonely"])
    if several:
        train, valid = ((texts, [[label] for label in labels]) for texts, labels in (train, valid))
    decision = {"threshold": 1e-6} if several else {}
    data = Dataset(train=train, valid=valid)
    given = recipe(decision=decision, metrics=["top-k"] if not several else ["roc-auc"])
    done = textforge.cross_validate(given, folds=4, out=tmp_path / "cv", plugins=with_data(data))
    rows = lines(done.path / "predictions.jsonl")
    assert len(rows) == 61 and "unknown to the classifier tested on it, and count as wrong: 'lonely' (fold " in told_by(
        done
    )
    assert rows[60]["probabilities"]["lonely"] == 0 and "lonely" not in rows[60]["predicted"]
    each = [fold["test"] for fold in lines(done.path / "folds.jsonl")]
    right = sum(fold["accuracy"] * fold["n"] for fold in each)
    same = [row["predicted"] == row["gold"] for row in rows]
    assert right == pytest.approx(sum(same)) and done.result["n"] == 61
    (alone,) = (fold["per_class"]["lonely"] for fold in each if fold["per_class"]["lonely"]["support"])
    assert (alone["recall"], alone["f1"], alone["support"]) == (0, 0, 1)


def test_labels_of_validation_that_no_fold_knows_are_refused(tmp_path: Path) -> None:
    data = Dataset(train=make_texts(60), valid=(["x"], ["unheard"]))
    with pytest.raises(DataError, match="valid: labels that the training data lack: 'unheard'"):
        textforge.cross_validate(recipe(), folds=3, out=tmp_path / "cv", plugins=with_data(data))


# -- what it tells -------------------------------------------------------------------------------


def test_texts_of_several_folds_and_small_data_are_reported_once(tmp_path: Path) -> None:
    texts, labels = make_texts(30)
    data = Dataset(train=(texts + texts[:3], labels + labels[:2] + ["ball" if labels[2] != "ball" else "space"]))
    given = recipe(trainer={"epochs": 1, "validation": 0.2, "batch_size": 8})
    done = textforge.cross_validate(given, folds=3, out=tmp_path / "cv", plugins=with_data(data))
    told = done.result["warnings"]
    assert [sentence.partition(":")[0] for sentence in told] == [
        "2 of the 33 training texts repeat an earlier one word for word, with the same label (rows 31, 32)",
        "2 of the 33 training texts have another label elsewhere in train for exactly the same text (rows 3, 33)",
        "cross-validation has 33 texts",
        told[3].partition(":")[0],
        "validation has 4 texts",
    ]
    assert "training texts also occur in another fold word for word (rows " in told[3]


def test_it_says_nothing_of_callbacks_where_there_are_none_nor_of_folds_that_are_fine(crossed: Any) -> None:
    assert crossed.result["warnings"] == [
        "no test file: 24 of 120 rows, stratified by label, are held out for the test."
    ]


# -- what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 0, -3, 2.5, "3", None])
def test_a_number_of_folds_that_is_none_is_reported(small_csv: Path, tmp_path: Path, number: Any) -> None:
    with pytest.raises(RecipeError, match="cross-validation needs at least 2 folds, not"):
        textforge.cross_validate(small_recipe(small_csv), folds=number, out=tmp_path / "cv")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (Dataset(train=(["x"] * 12, ["a"] * 11 + ["b"])), "without fold 3 of 3 too few labels are left to learn from"),
        (Dataset(train=(["x"] * 12, [["a"]] + [[]] * 11)), "without fold 1 of 3 too few labels are left to learn from"),
        (Dataset(train=(["x"] * 12, ["a", "b"] * 6), groups=[*"pppppqqqqqqq"]), "2 groups are too few for 3 folds"),
        (Dataset(train=(["x"] * 12, ["a"] * 12)), "all 12 training texts have the label 'a'"),
        (Dataset(train=(["x"] * 12, [[]] * 12)), "none of the 12 training texts has a label"),
    ],
    ids=["class", "label", "groups", "one-class", "no-labels"],
)
def test_too_few_texts_are_reported_before_training_and_nothing_is_left(tmp_path: Path, data: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        textforge.cross_validate(recipe(), folds=3, out=tmp_path / "cv", plugins=with_data(data))
    assert not (tmp_path / "cv").exists()


def test_a_folder_that_was_there_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "cv").mkdir()
    patience = {"epochs": 2, "patience": 1}
    with pytest.raises(RecipeError, match="needs a validation split"):
        textforge.cross_validate(recipe(trainer=patience), folds=2, out=tmp_path / "cv",
                                 plugins=with_data(Dataset(train=make_texts(40))))  # fmt: skip
    assert [*(tmp_path / "cv").iterdir()] == []


def test_a_folder_that_is_taken_is_refused(crossed: Any) -> None:
    with pytest.raises(RecipeError, match="exists and holds other files; runs are never overwritten"):
        textforge.cross_validate(recipe(), out=crossed.path, plugins=with_data(Dataset(train=make_texts(40))))


class InTheSecondFold(textforge.Progress):
    """Raises when the second fold begins."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def stage(self, text: str) -> None:
        if text.startswith("fold 2"):
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ComponentError("broken")], ids=["interrupt", "error"])
def test_one_that_stops_between_folds_is_unfinished_and_keeps_them(
    small_csv: Path, tmp_path: Path, error: BaseException
) -> None:
    out = tmp_path / "cv"
    with pytest.raises(type(error)) as caught:
        textforge.cross_validate(small_recipe(small_csv), folds=3, out=out, progress=InTheSecondFold(error))
    again = f"; continue with: textforge resume {out}" if isinstance(error, KeyboardInterrupt) else "."
    assert caught.value.__notes__ == [f"{out} is unfinished: it has no cross-validation.json{again}"]
    assert len(lines(out / "folds.jsonl")) == 1
    with pytest.raises(BundleError, match=r"an unfinished cross-validation.*textforge resume .*cv"):
        textforge.load(out)
    again = textforge.cross_validate(out / "resolved.yaml", folds=3, out=tmp_path / "again")
    assert lines(again.path / "folds.jsonl")[0] == lines(out / "folds.jsonl")[0]
