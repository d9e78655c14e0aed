"""Several labels a text: data, training, figures, bundle, predictions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import TOPICS, make_sets, make_texts
from hypothesis import given, strategies as st
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

import textforge
from textforge import DataError, Dataset, PluginManager, RecipeError, Trainer, hookimpl
from textforge.classifiers.streams.predictions import answered, predictions
from textforge.data.dataset import as_labels, encode_labels

PARTS = PluginManager()
SETS = st.lists(st.lists(st.sampled_from(["a", "b", "größe", ""]), max_size=5), min_size=1, max_size=30)


def trainer(data: Dataset, **settings: Any) -> Trainer:
    parts = [PARTS.part("vectorizer", "bow"), PARTS.part("model", "mlp", hidden=[16])]
    return Trainer(
        data, *parts, PARTS.part("optimizer", "adam", lr=0.02), **{"epochs": 8, "batch_size": 16, **settings}
    )


@pytest.fixture(scope="module")
def classifier() -> textforge.Classifier:
    return trainer(Dataset(train=make_sets(200))).fit()


# -- labels as numbers -------------------------------------------------------------------------


@given(SETS)
def test_sets_are_encoded_as_scikit_learn_does(sets: list[list[str]]) -> None:
    rows = as_labels(sets, "train")
    names = sorted({name for row in sets for name in row})
    expected = MultiLabelBinarizer(classes=names).fit_transform(sets) if names else np.zeros((len(sets), 0))
    found = encode_labels(rows, names, "train")
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)
    assert [set(row) for row in rows] == [set(row) for row in sets]


@pytest.mark.parametrize(
    "sets",
    [
        [["x", "y"], []],
        [("x", "y"), ()],
        [{"y", "x"}, set()],
        [frozenset("xy"), frozenset()],
        (["x", "y"], []),
        [["x", "y", "x"], []],
        [np.array(["x", "y"]), np.array([], dtype=str)],
        np.array([["x", "y"], []], dtype=object),
    ],
    ids=["lists", "tuples", "sets", "frozensets", "tuple", "twice", "arrays", "object-array"],
)
def test_sets_come_in_any_form(sets: Any) -> None:
    data = Dataset(train=(["a", "b"], sets))
    assert data.multi_label
    assert data.train[1] == [("x", "y"), ()]
    assert all(type(label) is str for row in data.train[1] for label in row)
    assert data.labels() == ("x", "y")


def test_a_column_of_polars_is_taken() -> None:
    import polars as pl

    frame = pl.DataFrame({"text": ["a", "b"], "label": [["x", "y"], []]})
    assert Dataset(train=(frame["text"], frame["label"])).train[1] == [("x", "y"), ()]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([["x"], "y"], "the label at index 1 is 'y', but others are lists of labels"),
        ([["x"], None], "the label at index 1 is None, but others are lists of labels. Give a list for every text"),
        ([["x"], 3.0], "the label at index 1 is 3.0, but"),
        ([["x"], {"y": 1}], "the label at index 1 is {'y': 1}, but"),
        ([["x"], [None]], "the label at index 1 is None, a missing value"),
        ([["x"], [["y"]]], r"the label at index 1 is \['y'\], a list, which is not text"),
        ([[1, 0], [0, 1]], "the labels look like a matrix of 0 and 1 with a column for each label. Give the names"),
        (np.eye(2), "the labels look like a matrix of 0 and 1 with a column for each label. Give the names"),
        ([{1.5}, {2.5}], "the label at index 0 is 1.5, a float, which is not text"),
        ([b"x", b"y"], "the label at index 0 is b'x', a bytes, which is not text"),
        ({"x": 1}, "expected a list of labels, not a dict"),
        ([[], []], ""),
    ],
    ids=str,
)
def test_labels_that_are_none_are_reported(labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=f"train: {says}" if says else "none of the 2 training texts has a label"):
        Dataset(train=(["a", "b"], labels)).labels()


@pytest.mark.parametrize("split", ["valid", "test"])
def test_single_in_one_split_and_sets_in_another_is_reported(split: str) -> None:
    with pytest.raises(DataError, match=f"{split}: labels are single in one split and lists in another"):
        Dataset(train=(["a"], [["x"]]), **{split: (["a"], ["x"])})
    with pytest.raises(DataError, match=f"{split}: labels are single in one split and lists in another"):
        Dataset(train=(["a"], ["x"]), **{split: (["a"], [["x"]])})


def test_the_fingerprint_knows_where_a_set_ends() -> None:
    texts = ["a", "b"]
    sets = [[["x", "y"], []], [["x"], ["y"]], [["xy"], []], [["y", "x"], []], [["x", "y"], [""]]]
    prints = {Dataset(train=(texts, rows)).fingerprint() for rows in sets}
    assert len(prints) == len(sets)
    assert Dataset(train=(texts, ["x", "y"])).fingerprint() not in prints


def test_labels_that_train_lacks_are_reported_with_their_rows() -> None:
    with pytest.raises(DataError, match=r"test: .*'q' \(2 times, first in row 1\), 'r' \(1 times, first in row 3\)"):
        encode_labels([("q", "x"), (), ("q", "r")], ["x"], "test")


# -- training ----------------------------------------------------------------------------------


def test_it_learns_sets_and_none(classifier: textforge.Classifier) -> None:
    texts, sets = make_sets(100, seed=5)
    found = classifier.evaluate(texts, sets)
    assert found["micro_f1"] > 0.95
    assert "confusion_matrix" not in found
    predicted = classifier.predict(texts)
    binary = MultiLabelBinarizer(classes=list(classifier.labels))
    expected = f1_score(binary.fit_transform(sets), binary.fit_transform(predicted), average="macro")
    assert found["macro_f1"] == pytest.approx(expected)
    assert {len(row) for row in predicted} == {0, 1, 2}


def test_probabilities_stand_for_themselves(classifier: textforge.Classifier) -> None:
    texts = make_sets(40, seed=6)[0]
    probabilities = classifier.predict_proba(texts)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.sum(axis=1).max() > 1.5
    for row, answer in zip(probabilities, classifier.predict(texts), strict=True):
        assert answer == tuple(label for label, p in zip(classifier.labels, row, strict=True) if p >= 0.5)


def test_one_class_alone_may_be_there_or_not() -> None:
    texts, sets = make_sets(120)
    only = [["space"] if "space" in row else [] for row in sets]
    found = trainer(Dataset(train=(texts, only)), validation=0.2, decision={"threshold": "f1"}).fit()
    assert found.labels == ("space",)
    assert found.evaluate(texts, only)["accuracy"] > 0.9
    assert set(found.predict(texts)) == {("space",), ()}


def test_a_label_that_every_text_has_is_no_obstacle() -> None:
    texts, labels = make_texts(60)
    found = trainer(Dataset(train=(texts, [["all", label] for label in labels])), validation=0.3).fit()
    assert all("all" in row for row in found.predict(texts))


def test_validation_holds_out_each_label_near_its_share() -> None:
    loop = trainer(Dataset(train=make_sets(200)), validation=0.25)
    result = next(iter(loop))
    assert set(result.valid) == {"loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1"}
    assert loop._prepared.valid[1].shape[1] == 3
    total = loop.train_labels.sum(axis=0) + loop._prepared.valid[1].sum(axis=0)
    np.testing.assert_allclose(loop._prepared.valid[1].sum(axis=0), 0.25 * total, atol=2)


def test_validation_leaves_a_row_of_every_label_to_learn_from() -> None:
    texts = [f"text {n}" for n in range(40)]
    data = Dataset(train=(texts, [["a"]] * 20 + [["b"]] * 20), groups=["one"] * 20 + [f"g{n}" for n in range(20)])
    prepared = trainer(data, validation=0.6)
    assert prepared.train_labels.sum(axis=0).tolist() == [20, 1], "the one group of a stays"


def test_groups_stay_on_one_side_of_the_validation() -> None:
    texts, labels = make_texts(120)
    groups = [f"author {n // 4}" for n in range(120)]
    seen: list[list[str]] = []

    class Spy:
        def fit(self, texts: list[str]) -> None:
            seen.append(list(texts))

        def transform(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 1), dtype=np.float32)

    named = [f"{text} #{n}" for n, text in enumerate(texts)]
    loop = Trainer(Dataset(train=(named, labels), groups=groups), Spy(), PARTS.part("model", "linear"),
                   PARTS.part("optimizer", "adam"), epochs=1, validation=0.25)  # fmt: skip
    loop.prepare()
    trained = {groups[int(text.rpartition("#")[2])] for text in seen[0]}
    assert len(trained) * 4 == len(seen[0]), "whole groups"
    assert len(seen[0]) == pytest.approx(90, abs=8)


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (["g"], "2 training texts but 1 groups"),
        ([1, 2], "groups: the group at index 0 is 1, a int, which is not text. Turn groups into text"),
        ("ab", "groups: expected a list of groups, not a single one"),
    ],
)
def test_groups_that_do_not_fit_are_reported(groups: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Dataset(train=(["a", "b"], ["x", "y"]), groups=groups)


@pytest.mark.parametrize("names", [["x", 2], [0, 1], "xy", 3])
def test_label_names_that_are_no_text_are_reported(names: Any) -> None:
    with pytest.raises(DataError, match="label_names: "):
        Dataset(train=(["a", "b"], ["x", "y"]), label_names=names)


def test_no_training_split_is_reported() -> None:
    with pytest.raises(DataError, match="train: a split is a pair"):
        Dataset(train=None)  # type: ignore[arg-type]


# -- evaluation and prediction -----------------------------------------------------------------


def test_labels_of_the_other_sort_are_reported(classifier: textforge.Classifier) -> None:
    with pytest.raises(DataError, match="its texts have one label each; the classifier gives sets of labels"):
        classifier.evaluate(["moon"], ["space"])
    single = trainer(Dataset(train=make_texts(40))).fit()
    with pytest.raises(DataError, match="its texts have lists of labels; the classifier gives one label per text"):
        single.evaluate(["moon"], [["space"]])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([], "1 texts but 0 labels"),
        ([["tennis"]], "'tennis'"),
        ([[3]], "its labels are int, as 3 is, and the known labels are text"),
        (None, "NoneType"),
    ],
)
def test_wrong_gold_labels_are_reported(classifier: textforge.Classifier, labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        classifier.evaluate(["moon"], labels)


def test_texts_that_have_no_labels_can_be_evaluated(classifier: textforge.Classifier) -> None:
    found = classifier.evaluate(["the a of", "moon orbit"], [[], []])
    assert 0 <= found["accuracy"] <= 1
    assert found["per_class"]["space"]["support"] == 0


def test_a_bundle_gives_the_same_predictions(tmp_path: Path) -> None:
    decision = {"calibrate": "temperature", "threshold": "f1"}
    before = trainer(Dataset(train=make_sets(200)), validation=0.2, decision=decision).fit()
    after = textforge.load(textforge.save(before, tmp_path / "bundle"), engine="torch")
    texts = [*make_sets(60, seed=8)[0], "", "unknown words"]
    assert np.array_equal(before.predict_proba(texts), after.predict_proba(texts))
    assert after.predict(texts) == before.predict(texts)
    assert after.decision == before.decision
    assert after.facts["multi_label"] is True


def test_abstaining_is_refused(classifier: textforge.Classifier) -> None:
    with pytest.raises(RecipeError, match="abstention needs one label per text"):
        classifier.abstain_below(0.5)


def test_predictions_are_lists_with_their_probabilities(classifier: textforge.Classifier) -> None:
    both = " ".join(TOPICS["space"] + TOPICS["ball"])
    one, none = predictions(classifier, [both, "the a of and"])
    assert one["labels"] == ["ball", "space"]
    assert none["labels"] == []
    (answers,) = answered(classifier, [[both, "the a of and"]])
    first, second = answers.tsv().splitlines()
    label, probability = first.split("\t")
    assert label == "ball|space"
    assert [float(p) for p in probability.split("|")] == pytest.approx(
        [one["probabilities"][name] for name in ("ball", "space")], abs=1e-4
    )
    assert second == "\t"


def test_a_plugins_dataset_of_labels_that_are_none_is_reported() -> None:
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_datasets=hookimpl(
        lambda: {"own": lambda: Dataset(train=(["a", "b"], [[1.5], [2.5]]))}
    )))  # fmt: skip
    with pytest.raises(DataError, match=r"the label at index 0 is 1\.5, a float"):
        Trainer(plugins.part("dataset", "own"), "bow", lambda: None, lambda: None)
