"""What the caller gives stays as it is, and what is returned does not change with later work."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from torch import nn

import textforge
from textforge import Classifier, ComponentError, Dataset, FeatureLinear, RecipeError, Trainer

PARTS = textforge.PluginManager()
TEXTS, LABELS = make_texts(80)
OTHER = make_texts(80, seed=7)


class Words:
    """A vectorizer of one's own, with counts of the words of the texts it was fitted on."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}

    def fit(self, texts: list[str]) -> None:
        self.words.clear()
        for text in texts:
            for word in text.split():
                self.words.setdefault(word, len(self.words))

    def transform(self, texts: list[str]) -> np.ndarray:
        found = np.zeros((len(texts), len(self.words)), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                if word in self.words:
                    found[row, self.words[word]] += 1
        return found


def vectorizers() -> list[Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return [TfidfVectorizer(), Words()]


def trainer(data: Any = (TEXTS, LABELS), **given: Any) -> Trainer:
    parts = {
        "vectorizer": PARTS.part("vectorizer", "bow"),
        "model": lambda n_features, n_classes: FeatureLinear(n_features, n_classes),
        "optimizer": lambda params: torch.optim.SGD(params, lr=0.5),
    }
    settings = {"epochs": 2, "batch_size": 16}
    return Trainer(Dataset(train=data), **{**parts, **settings, **given})


@pytest.mark.parametrize("number", [0, 1], ids=["scikit-learn", "own"])
def test_a_vectorizer_given_twice_serves_two_classifiers(number: int) -> None:
    vectorizer = vectorizers()[number]
    before = copy.deepcopy(vars(vectorizer))
    first = trainer(vectorizer=vectorizer).fit()
    answers = first.predict_proba(TEXTS)
    second = trainer((OTHER[0][::-1], OTHER[1][::-1]), vectorizer=vectorizer).fit()
    assert vars(vectorizer) == before, "the caller's vectorizer is not fitted"
    assert first.vectorizer is not second.vectorizer
    np.testing.assert_array_equal(first.predict_proba(TEXTS), answers)


@pytest.mark.parametrize("number", [0, 1], ids=["scikit-learn", "own"])
def test_preparing_with_the_vectorizer_of_a_classifier_leaves_the_classifier_alone(number: int) -> None:
    first = trainer(vectorizer=vectorizers()[number]).fit()
    answers = first.predict_proba(TEXTS)
    trainer((["red blue", "green blue"] * 20, ["a", "b"] * 20), vectorizer=first.vectorizer).prepare()
    np.testing.assert_array_equal(first.predict_proba(TEXTS), answers)


def test_a_classifier_hands_over_the_fitted_vectorizer_without_copying_it() -> None:
    class Counted(Words):
        copies = 0

        def __deepcopy__(self, memo: Any) -> Counted:
            Counted.copies += 1
            return Counted()

    loop = trainer(vectorizer=Counted())
    first, second = loop.fit(), loop.classifier()
    assert Counted.copies == 1, "copied before it is fitted, and never again"
    assert first.vectorizer is second.vectorizer is loop.vectorizer


def test_a_vectorizer_that_cannot_be_copied_is_refused() -> None:
    class Locked(Words):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("cannot pickle '_thread.lock' object")

    with pytest.raises(RecipeError, match=r"a Locked, cannot be copied.*thread.lock.*Give it a __deepcopy__"):
        trainer(vectorizer=Locked())


def hashed(**given: Any) -> Trainer:
    return trainer(vectorizer=PARTS.part("vectorizer", "hashing", n_features=64), **given)


def test_a_module_given_as_model_is_copied() -> None:
    module = nn.Sequential(FeatureLinear(64, 3)).eval()
    before = copy.deepcopy(module.state_dict())
    first, second = (hashed(model=module).fit() for _ in range(2))
    assert module.training is False
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    np.testing.assert_array_equal(first.predict_proba(TEXTS), second.predict_proba(TEXTS))
    by_factory = hashed(model=lambda: copy.deepcopy(module)).fit()
    np.testing.assert_array_equal(first.predict_proba(TEXTS), by_factory.predict_proba(TEXTS))


def test_a_module_given_to_a_classifier_is_copied() -> None:
    loop = trainer()
    made = loop.fit()
    module = copy.deepcopy(made.module).train()
    classifier = Classifier(made.vectorizer, module, made.labels)
    assert module.training
    answers = classifier.predict_proba(TEXTS)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), answers)


@pytest.mark.parametrize("as_factory", [False, True])
def test_a_module_given_as_loss_is_copied(as_factory: bool) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return nn.functional.cross_entropy(scores, targets)

    loss = Counting()
    trainer(loss=(lambda: loss) if as_factory else loss).fit()
    assert loss.calls == 0


def test_a_loss_and_a_metric_that_change_their_arguments_change_no_data() -> None:
    def spoil(gold: np.ndarray, probabilities: np.ndarray) -> float:
        gold[:], probabilities[:] = 0, 0
        return 0.0

    def loss() -> Any:
        def measure(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            value = nn.functional.cross_entropy(scores, targets.clone())
            targets.zero_()
            return value

        return measure

    plain = trainer(validation=0.2)
    spoilt = trainer(validation=0.2, metrics={"spoil": spoil}, loss=loss)
    plain.fit(), spoilt.fit()
    assert [one.valid["loss"] for one in plain.history] == [one.valid["loss"] for one in spoilt.history]


def test_an_optimizer_of_weights_that_are_not_trained_is_refused() -> None:
    module = nn.Sequential(FeatureLinear(64, 3))
    with pytest.raises(ComponentError, match="holds weights that are not those of the module that is trained"):
        hashed(model=module, optimizer=lambda params: torch.optim.SGD(module.parameters(), lr=0.1)).prepare()


def test_lists_and_dicts_that_the_caller_changes_afterwards_change_nothing() -> None:
    texts, labels, groups = list(TEXTS), list(LABELS), [str(n) for n in range(80)]
    names, metrics = sorted({*LABELS}), {"one": lambda gold, probabilities: 1.0}
    decision, weights = {"calibrate": "temperature"}, [1.0, 3.0] * 40
    data = Dataset(train=(texts, labels), valid=(texts, labels), label_names=names, groups=groups, weights=weights)
    fingerprint = data.fingerprint()
    loop = Trainer(
        data, PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam"),
        metrics=metrics, decision=decision, epochs=1,
    )  # fmt: skip
    for given in (texts, labels, names, groups, metrics, decision, weights):
        given.clear()
    assert data.fingerprint() == fingerprint
    assert data.groups == [str(n) for n in range(80)]
    classifier = loop.fit()
    assert loop.history[0].valid["one"] == 1
    assert classifier.decision.temperature != 1
    assert classifier.labels == data.labels()


def test_arrays_of_texts_and_probabilities_are_left_as_they_are() -> None:
    texts, labels = np.array(TEXTS, dtype=object), np.array(LABELS)
    given = texts.copy(), labels.copy()
    classifier = trainer((texts, labels)).fit()
    probabilities = classifier.predict_proba(texts)
    before = probabilities.copy()
    classifier.answers(probabilities)
    classifier.metrics(labels, probabilities)
    np.testing.assert_array_equal(probabilities, before)
    assert (texts == given[0]).all()
    assert (labels == given[1]).all()


def test_what_a_trainer_returns_does_not_change_with_later_epochs() -> None:
    loop = trainer(validation=0.2, epochs=3, optimizer=lambda params: torch.optim.SGD(params, lr=0.05))
    first = next(iter(loop))
    history, best, classifier = loop.history, loop.best, loop.classifier()
    answers, facts = classifier.predict_proba(TEXTS), dict(classifier.facts)
    first.valid.clear(), best.valid.clear(), loop.facts.clear(), loop.train_labels.fill(0)
    loop.fit()
    assert len(history) == 1
    assert set(loop.train_labels) == {0, 1, 2}
    assert loop.history[0].valid["loss"] > 0
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), answers)
    assert classifier.facts == facts == loop.facts
