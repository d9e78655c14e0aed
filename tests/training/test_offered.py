"""Facts and arguments that a part may ask for: answers, targets, labels, counts of classes, the epoch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import torch
from conftest import make_sets, make_texts
from torch import nn

import textforge
from textforge import Dataset, FeatureLinear, PluginManager, Ragged, Trainer, Vectorizer, hookimpl
from textforge.classifiers.bundles.bundle import read_description
from textforge.data import called_offering, takes

TRAIN = make_texts(60)
SETS = make_sets(60)


class Weighed:
    """Counts of the words of each topic that the labels show to be frequent in one class (a supervised choice)."""

    def __init__(self) -> None:
        self.seen: Any = None
        self.words: list[str] = []

    def fit(self, texts: list[str], targets: Any) -> Self:
        self.seen = targets.copy()
        targets[:] = 0  # its own copy
        first = self.seen == 0 if self.seen.ndim == 1 else self.seen[:, 0] > 0
        inside, outside = (
            {word for text, one in zip(texts, first, strict=True) if one == is_first for word in text.split()}
            for is_first in (True, False)
        )
        self.words = sorted(inside - outside)
        return self

    def transform(self, texts: list[str]) -> Any:
        number = {word: n for n, word in enumerate(self.words)}
        rows = [sorted(number[word] for word in text.split() if word in number) for text in texts]
        indices = np.array([n for row in rows for n in row], dtype=np.int32)
        return Ragged(indices, np.cumsum([0, *map(len, rows)]), len(self.words))

    def state(self) -> dict[str, Any]:
        return {"words": self.words}

    def from_state(self, state: dict[str, Any]) -> Self:
        self.words = state["words"]
        return self


class Around:
    """Any vectorizer, whose facts it gives.

    Options:
        of: the vectorizer.
    """

    def __init__(self, facts: dict[str, Any], /, *, of: Vectorizer) -> None:
        self.of = of.build(facts)

    @staticmethod
    def gives(*, of: Any) -> tuple[str, ...]:
        return of.gives

    def fit(self, texts: list[str], targets: Any = None) -> Self:
        called_offering(self.of.fit, texts, targets=targets)
        return self

    def transform(self, texts: list[str]) -> Any:
        return self.of.transform(texts)

    def state(self) -> dict[str, Any]:
        return {"of": [{"state": self.of.state()}], "table": {"rows": [np.arange(3), {"more": np.eye(2)}]}}

    def from_state(self, state: dict[str, Any]) -> Self:
        assert np.array_equal(state["table"]["rows"][1]["more"], np.eye(2))
        self.of = self.of.from_state(state["of"][0]["state"])
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "of":
            raise AttributeError(name)
        return getattr(self.of, name)


class Prior(FeatureLinear):
    """A linear model that begins at the frequencies of the classes."""

    def __init__(self, n_features: int, counts: Any, names: tuple[str, ...], n_texts: int) -> None:
        super().__init__(n_features, len(names))
        self.given = (counts, names, n_texts)
        self.bias.data = torch.log(torch.tensor(counts / n_texts, dtype=torch.float32))


def prior(n_features: int, labels: tuple[str, ...], class_counts: Any, n_texts: int, /) -> nn.Module:
    """A linear model that begins at the frequencies of the classes."""
    return Prior(n_features, class_counts, labels, n_texts)


def plugins() -> PluginManager:
    parts = PluginManager()
    parts.register(
        SimpleNamespace(
            __name__="offered",
            textforge_vectorizers=hookimpl(lambda: {"weighed": Weighed, "around": Around}),
            textforge_models=hookimpl(lambda: {"prior": prior}),
        )
    )
    return parts


def trainer(parts: PluginManager, vectorizer: Any, model: Any = None, data: Any = TRAIN, **more: Any) -> Trainer:
    model = model or parts.part("model", "linear")
    return Trainer(
        Dataset(train=data), vectorizer, model, parts.part("optimizer", "adam"), epochs=2, batch_size=16, **more
    )


# -- a metric ----------------------------------------------------------------------------------


def test_a_metric_gets_the_labels_and_what_the_decision_chooses(small_csv, tmp_path) -> None:
    seen: list[Any] = []

    def cost(labels: tuple[str, ...], /) -> Any:
        """Cost of the answers."""

        def measure(gold: Any, probabilities: Any, answers: Any) -> float:
            seen.append((labels, probabilities, answers.copy()))
            answers[:] = 0  # its own copy
            return float((gold != seen[-1][2]).mean())

        return measure

    cost.greater_is_better = False
    parts = PluginManager()
    parts.register(SimpleNamespace(__name__="costs", textforge_metrics=hookimpl(lambda: {"cost": cost})))
    clf_texts = [text for text, label in zip(*TRAIN, strict=True) if label != "paint"]
    clf_labels = [label for label in TRAIN[1] if label != "paint"]
    recipe = {
        "dataset": {"use": "csv", "train": str(small_csv)}, "vectorizer": "bow", "model": "linear",
        "optimizer": "adam", "trainer": {"epochs": 1, "validation": 0.2}, "metrics": ["cost"],
        "decision": {"threshold": 0.99},
    }  # fmt: skip
    data = Dataset(train=(clf_texts, clf_labels), test=(clf_texts, clf_labels))
    run = textforge.run(recipe, dataset=data, plugins=parts, out=tmp_path / "run")
    assert run.test["cost"] == pytest.approx(1 - run.test["accuracy"])
    labels, probabilities, answers = seen[-1]
    assert labels == ("ball", "space")
    assert np.array_equal(answers, probabilities[:, 1] >= 0.99), "the decision's, not those of the largest probability"


def test_a_metric_of_sets_gets_a_row_for_each_answer() -> None:
    seen: list[Any] = []
    metrics = {"rows": lambda gold, probabilities, *, answers: float(seen.append(answers.shape == gold.shape) or 0)}
    parts = plugins()
    trainer(parts, parts.part("vectorizer", "bow"), data=SETS, metrics=metrics, validation=0.2).fit()
    assert seen
    assert all(seen)


def test_a_metric_whose_own_second_parameter_is_called_answers_is_called_as_ever() -> None:
    parts = plugins()
    metrics = {"old": lambda gold, answers: float(answers.max())}
    (result, *_) = trainer(parts, parts.part("vectorizer", "bow"), metrics=metrics, validation=0.2)
    assert 0 < result.valid["old"] <= 1


# -- a vectorizer ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [TRAIN, SETS], ids=["one label", "sets of labels"])
@pytest.mark.parametrize(
    "around", [{}, {"use": "around"}, {"use": "union"}, {"use": "preprocess", "steps": ["lowercase"]}]
)
def test_a_vectorizer_that_asks_gets_the_targets_of_the_training_texts(data: Any, around: dict, tmp_path) -> None:
    parts = plugins()
    weighed = {"use": "weighed"}
    options = {key: value for key, value in around.items() if key != "use"}
    inner = {"around": {"of": weighed}, "union": {"of": [weighed]}, "preprocess": {"vectorizer": weighed}}
    name = around.get("use", "weighed")
    found = trainer(parts, parts.part("vectorizer", name, **inner.get(name, {}), **options), data=data)
    labels = found.labels
    clf = found.fit()
    inside = clf.vectorizer
    while not isinstance(inside, Weighed):
        inside = vars(inside).get("of") or vars(inside).get("_vectorizer") or inside._members[0]
    named = [[labels[int(n)]] if np.ndim(n) == 0 else [labels[k] for k in np.flatnonzero(n)] for n in inside.seen]
    assert named == [[one] if isinstance(one, str) else one for one in data[1]]
    assert inside.words
    textforge.save(clf, tmp_path / "bundle")
    again = textforge.load(tmp_path / "bundle", plugins=parts, engine="torch")
    assert np.array_equal(again.predict_proba(TRAIN[0]), clf.predict_proba(TRAIN[0]))


def test_one_wrapper_stands_around_bags_and_sequences_and_nests_its_state(tmp_path) -> None:
    parts = plugins()
    for inner, model in (("tfidf", "linear"), ("tokens", "textcnn")):
        vectorizer = parts.part("vectorizer", "around", of=inner)
        clf = trainer(parts, vectorizer, parts.part("model", model)).fit()
        textforge.save(clf, tmp_path / inner)
        again = textforge.load(tmp_path / inner, plugins=parts, engine="torch")
        assert np.array_equal(again.predict_proba(TRAIN[0]), clf.predict_proba(TRAIN[0]))


# -- a model -----------------------------------------------------------------------------------


def test_a_model_knows_the_classes_and_how_many_texts_each_has_also_when_it_is_loaded(tmp_path) -> None:
    parts = plugins()
    clf = trainer(parts, parts.part("vectorizer", "bow"), parts.part("model", "prior")).fit()
    textforge.save(clf, tmp_path / "bundle")
    again = textforge.load(tmp_path / "bundle", plugins=parts, engine="torch")
    for one in (clf, again):
        counts, names, n_texts = one.module.given
        assert names == ("ball", "paint", "space")
        assert counts.dtype == np.int64
        assert counts.tolist() == [TRAIN[1].count(name) for name in names]
        assert n_texts == 60


def test_a_bundle_keeps_counts_only_for_a_model_that_asks(tmp_path) -> None:
    parts = plugins()
    for model, kept in (("prior", {"class_counts", "n_texts"}), ("linear", set())):
        clf = trainer(parts, parts.part("vectorizer", "bow"), parts.part("model", model)).fit()
        textforge.save(clf, tmp_path / model)
        facts = read_description(tmp_path / model).facts.given()
        assert {"class_counts", "n_texts", "labels"} & set(facts) == kept


def test_counts_of_weighted_texts_stay_sums_of_weights(tmp_path) -> None:
    parts = plugins()
    data = Dataset(train=TRAIN, weights=[1.0 + n % 2 for n in range(60)])
    optimizer = parts.part("optimizer", "adam")
    bow, model = parts.part("vectorizer", "bow"), parts.part("model", "prior")
    clf = Trainer(data, bow, model, optimizer, epochs=1).fit()
    textforge.save(clf, tmp_path / "bundle")
    again = textforge.load(tmp_path / "bundle", plugins=parts, engine="torch")
    assert again.module.given[0].dtype == np.float64
    assert np.array_equal(again.module.given[0], clf.module.given[0])
    assert clf.module.given[0].sum() == pytest.approx(60)


def test_a_fact_that_a_vectorizer_gave_before_textforge_had_it_is_still_the_vectorizers(tmp_path) -> None:
    class Old(Weighed):
        """Gives a fact of its own."""

        gives = ("n_features", "labels")
        labels = "mine"

        def fit(self, texts: list[str]) -> Self:
            return super().fit(texts, np.arange(len(texts)) % 2)

    seen = []
    parts = PluginManager()

    def model(n_features: int, n_classes: int, labels: str, /) -> nn.Module:
        """A linear model."""
        seen.append(labels)
        return FeatureLinear(n_features, n_classes)

    parts.register(
        SimpleNamespace(
            __name__="old",
            textforge_vectorizers=hookimpl(lambda: {"old": Old}),
            textforge_models=hookimpl(lambda: {"asks": model}),
        )
    )
    clf = trainer(parts, parts.part("vectorizer", "old"), parts.part("model", "asks")).fit()
    textforge.save(clf, tmp_path / "bundle")
    textforge.load(tmp_path / "bundle", plugins=parts)
    assert set(seen) == {"mine"}


# -- a loss ------------------------------------------------------------------------------------


class Deferred(nn.Module):
    """Cross-entropy that weighs classes only from an epoch on (the schedule of LDAM-DRW, Cao et al. 2019)."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs, self.seen = epochs, []

    def forward(self, logits: Any, targets: Any, epoch: int = 0) -> Any:
        self.seen.append(epoch)
        return nn.functional.cross_entropy(logits, targets) * (2 if epoch == self.epochs else 1)


@pytest.mark.parametrize("weights", [None, [1.0 + n % 2 for n in range(60)]], ids=["alike", "weighted"])
def test_a_loss_knows_its_epoch_also_after_a_training_is_taken_up_again(weights: Any) -> None:
    made: list[Deferred] = []

    def deferred(epochs: int) -> Deferred:
        made.append(Deferred(epochs))
        return made[-1]

    parts = plugins()

    def training(number: int) -> Trainer:
        return Trainer(
            Dataset(train=TRAIN, weights=weights), parts.part("vectorizer", "bow"), parts.part("model", "linear"),
            parts.part("optimizer", "sgd"), loss=deferred, epochs=number, batch_size=30,
        )  # fmt: skip

    whole = training(3)
    whole.fit()
    steps = [epoch for epoch in whole._epochs.optimization.loss.seen if epoch]
    assert whole._epochs.optimization.loss.epochs == 3
    assert sorted(set(steps)) == [1, 2, 3]
    first = training(3)
    next(iter(first))
    second = training(3)
    second.load_state_dict(first.state_dict())
    second.fit()
    assert {*second._epochs.optimization.loss.seen} - {1} == {2, 3}
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, second.module.state_dict()[name])


# -- how arguments are offered -----------------------------------------------------------------


def test_only_a_parameter_of_the_name_that_is_still_free_is_given() -> None:
    assert takes(lambda a, *, epoch: 0, "epoch")
    assert not takes(lambda epoch, b: 0, "epoch", after=2)
    assert not takes(lambda a, **more: 0, "epoch")
    assert not takes(min, "epoch")
    assert called_offering(lambda a, epoch=0: (a, epoch), 1, epoch=2, weights=3) == (1, 2)
