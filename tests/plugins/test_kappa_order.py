"""Metric `cohen-kappa` counts the distance of classes in their own order."""

import json

import numpy as np
import pytest
from conftest import make_texts, write_csv
from hypothesis import given, strategies as st
from sklearn.metrics import cohen_kappa_score

import textforge
from textforge import Dataset, RecipeError
from textforge.data.dataset import sorted_labels

PARTS = textforge.PluginManager()
SIZES = ("high", "low", "middle")
WEIGHTS = pytest.mark.parametrize("weights", ["linear", "quadratic"])


def kappa(labels, several=False, **options):
    facts = {"n_classes": len(labels), "labels": tuple(labels), "multi_label": several}
    return PARTS.part("metric", "cohen-kappa", **options).build(facts)


def answered(labels, n=200, seed=0):
    """Gold class numbers, and probabilities whose most probable class is sometimes another."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(len(labels), size=n)
    given_ = np.where(rng.random(n) < 0.6, gold, rng.integers(len(labels), size=n))
    return gold, np.eye(len(labels), dtype=np.float32)[given_], given_


@WEIGHTS
@given(st.permutations([*range(-3, 12)]), st.integers(0, 99))
def test_numbers_are_in_their_order_wherever_they_stand(weights, numbers, seed):
    labels = [str(number) for number in numbers]  # as an older bundle may have them
    gold, probabilities, chosen = answered(labels, seed=seed)
    values = np.array(numbers)
    expected = cohen_kappa_score(values[gold], values[chosen], labels=sorted(numbers), weights=weights)
    assert kappa(labels, weights=weights)(gold, probabilities) == pytest.approx(expected)


@WEIGHTS
@pytest.mark.parametrize("order", [["low", "middle", "high"], ["high", "middle", "low"], ["low", "high", "middle"]])
def test_the_order_of_other_classes_is_given(weights, order):
    gold, probabilities, chosen = answered(SIZES)
    names = np.array(SIZES)
    expected = cohen_kappa_score(names[gold], names[chosen], labels=order, weights=weights)
    assert kappa(SIZES, weights=weights, order=order)(gold, probabilities) == pytest.approx(expected)


def test_an_order_may_be_written_as_numbers_and_wins_over_theirs():
    gold, probabilities, chosen = answered("123")
    expected = cohen_kappa_score(gold, chosen, labels=[1, 0, 2], weights="linear")
    assert kappa("123", weights="linear", order=[2, 1, 3])(gold, probabilities) == pytest.approx(expected)


def test_classes_without_an_order_are_refused_with_what_to_write():
    with pytest.raises(RecipeError) as told:
        kappa(SIZES, weights="quadratic")
    assert "high, low, middle" in str(told.value)
    assert "order: [low, middle, high]" in str(told.value)
    assert kappa(SIZES), "without weights no order is needed"
    assert kappa(["no", "yes"], weights="linear"), "two classes have one distance"
    assert kappa(SIZES, several=True, weights="linear"), "of several labels each is yes or no"


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (["low", "middel", "high"], "'middel' is none of them. Did you mean 'middle'?"),
        (["low", "high"], "'middle' is missing"),
        (["low", "middle", "high", "low"], "'low' is listed twice"),
        ([], "'high' is missing"),
    ],
)
def test_an_order_that_does_not_name_each_class_once_is_reported(order, says):
    with pytest.raises(RecipeError, match="order must name each class once, and ") as told:
        kappa(SIZES, weights="linear", order=order)
    assert says in str(told.value)
    assert "The classes: high, low, middle." in str(told.value)


def test_an_order_without_weights_is_reported():
    with pytest.raises(RecipeError, match=r"order is used only with weights\. Set weights to linear or quadratic"):
        kappa(SIZES, order=["low", "middle", "high"])


STARS = {str(n): [f"word{n}", f"other{n}", f"third{n}", f"last{n}"] for n in range(1, 12)}


def run(tmp_path, metric, topics=STARS, **sections):
    data = write_csv(tmp_path / "stars.csv", *make_texts(200, topics=topics))
    recipe = {
        "dataset": {"use": "csv", "train": str(data), "test_fraction": 0.3},
        "vectorizer": "bow", "model": "linear", "optimizer": {"use": "adam", "lr": 0.02}, "metrics": [metric],
        "trainer": {"epochs": 1}, **sections,
    }  # fmt: skip
    return textforge.run(recipe, out=tmp_path / "run")


def test_a_run_has_stars_in_their_order_in_every_table(tmp_path):
    found = run(tmp_path, {"use": "cohen-kappa", "weights": "quadratic"})
    stars = [*STARS]
    assert found.result["labels"] == list(found.classifier.labels) == stars
    assert list(found.test["per_class"]) == found.test["confusion_matrix"]["labels"] == stars
    lines = [json.loads(line) for line in (found.path / "predictions.jsonl").read_text().splitlines()]
    gold, predicted = zip(*[(int(line["gold"]), int(line["predicted"])) for line in lines], strict=True)
    expected = cohen_kappa_score(gold, predicted, labels=range(1, 12), weights="quadratic")
    assert 0 < found.test["cohen_kappa"] < 1
    assert found.test["cohen_kappa"] == pytest.approx(expected)


def test_a_run_over_unordered_classes_is_refused_before_training(tmp_path):
    with pytest.raises(RecipeError, match=r"List all of them from one end to the other"):
        run(
            tmp_path,
            {"use": "cohen-kappa", "weights": "linear"},
            {"low": ["a"] * 3, "high": ["b"] * 3, "mid": ["c"] * 3},
        )
    assert not (tmp_path / "run").exists()


def test_the_second_of_two_numbers_is_the_larger():
    dataset = Dataset(train=(["a", "b", "c", "d"], ["10", "9", "10", "9"]))
    assert dataset.labels() == ("9", "10")
    assert sorted_labels({"1", "0"}) == ["0", "1"]
