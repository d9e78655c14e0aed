"""A trained classifier in memory."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts

import textforge
from textforge import Classifier, ComponentError, DataError, RecipeError, Trainer, TrainingError, as_features
from textforge.classifiers.classifier import BATCH_SIZE

PARTS = textforge.PluginManager()
SOME = ["the moon", "a bat", ""]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Trainer(
        textforge.Dataset(train=make_texts(90)),
        PARTS.part("vectorizer", "bow"),
        PARTS.part("model", "mlp", hidden=[8], dropout=0.5),
        PARTS.part("optimizer", "adam", lr=0.01),
        epochs=5,
        batch_size=16,
    ).fit()


def test_probabilities_are_float32_rows_that_sum_to_one(classifier: Classifier) -> None:
    found = classifier.predict_proba(make_texts(20, seed=3)[0])
    assert found.shape == (20, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_predict_takes_the_most_probable_label(classifier: Classifier) -> None:
    texts = make_texts(20, seed=3)[0]
    best = classifier.predict_proba(texts).argmax(axis=1)
    assert classifier.predict(texts) == [classifier.labels[n] for n in best]


def test_prediction_is_repeatable_dropout_or_not(classifier: Classifier) -> None:
    texts = make_texts(20, seed=3)[0]
    assert np.array_equal(classifier.predict_proba(texts), classifier.predict_proba(texts))


def test_many_texts_equal_single_ones(classifier: Classifier) -> None:
    texts = make_texts(BATCH_SIZE + 30, seed=4)[0]
    together = classifier.predict_proba(texts)
    assert len(together) == len(texts)
    for row in (0, 5, BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 29):
        np.testing.assert_allclose(classifier.predict_proba([texts[row]])[0], together[row], atol=1e-6)


def test_no_texts_give_no_rows(classifier: Classifier) -> None:
    assert classifier.predict_proba([]).shape == (0, 3)
    assert classifier.predict([]) == []


@pytest.mark.parametrize("texts", [("moon",), np.array(["moon"]), np.array(["moon"], dtype=object)])
def test_any_sequence_of_text_serves(classifier: Classifier, texts: object) -> None:
    assert classifier.predict(texts) == classifier.predict(["moon"])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("moon", r"expected a list of texts, not a single one. Put it in a list"),
        ([1], "index 0 is 1, a int, which is not text"),
    ],
)
def test_what_is_not_a_list_of_texts_is_reported(classifier: Classifier, texts: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        classifier.predict(texts)


def test_evaluating_on_nothing_or_on_unknown_labels_is_reported(classifier: Classifier) -> None:
    with pytest.raises(DataError, match="no texts to evaluate on"):
        classifier.evaluate([], [])
    with pytest.raises(DataError, match="labels that the training data lack: 'tennis'"):
        classifier.evaluate(["ace"], ["tennis"])


def test_weights_that_are_no_numbers_are_reported_not_predicted_with(classifier: Classifier) -> None:
    import copy

    module = copy.deepcopy(classifier.module)
    next(iter(module.parameters())).data.fill_(float("nan"))
    broken = Classifier(classifier.vectorizer, module, classifier.labels)
    with pytest.raises(TrainingError, match="outputs that are not finite"):
        broken.predict(["moon"])


def test_a_vectorizer_that_loses_rows_is_reported(classifier: Classifier) -> None:
    class Loses:
        def transform(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts) - 1, 4), dtype=np.float32)

    with pytest.raises(ComponentError, match="returned 2 rows for 3 texts"):
        Classifier(Loses(), classifier.module, classifier.labels).predict(["a", "b", "c"])


def test_says_how_far_it_is(classifier: Classifier) -> None:
    calls: list[tuple[int, int]] = []
    texts = make_texts(2 * BATCH_SIZE + 7, seed=5)[0]
    classifier.predict_proba(texts, on_batch=lambda *call: calls.append(call))
    assert calls == [(BATCH_SIZE, len(texts)), (2 * BATCH_SIZE, len(texts)), (len(texts), len(texts))]


@pytest.mark.parametrize("labels", [["space"], ["space"] * 4, []])
def test_as_many_labels_as_texts_are_asked_for(classifier: Classifier, labels: list[str]) -> None:
    with pytest.raises(DataError, match=f"test: 3 texts but {len(labels)} labels"):
        classifier.evaluate(["the moon"] * 3, labels)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("cuda", "torch finds no CUDA device here"),
        ("gpu", "unknown device 'gpu'"),
        ("meta", "unknown device 'meta'"),
        ("mps:7", "unknown device 'mps:7'"),
        (3.5, "unknown device '3.5'"),
    ],
)
def test_a_device_that_is_not_there_is_reported(classifier: Classifier, device: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        Classifier(classifier.vectorizer, classifier.module, classifier.labels, device=device)


def test_auto_is_a_device_that_is_there(classifier: Classifier) -> None:
    again = Classifier(classifier.vectorizer, copy.deepcopy(classifier.module), classifier.labels, device="auto")
    assert again.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_classifier_goes_to_another_process_by_pickle(classifier: Classifier) -> None:
    again = pickle.loads(pickle.dumps(classifier))
    texts = make_texts(20, seed=3)[0]
    assert np.array_equal(again.predict_proba(texts), classifier.predict_proba(texts))
    assert again.parts == classifier.parts


@pytest.mark.parametrize("wrong", [np.ones((2, 5)), np.ones(3), np.ones((2, 3), dtype=str), [[1.0, 0.0]]])
def test_probabilities_of_another_width_are_refused(classifier: Classifier, wrong: Any) -> None:
    assert len(classifier.labels) == 3
    for use in (classifier.answers, lambda found: classifier.metrics(["space"] * len(found), found)):
        with pytest.raises(DataError, match=r"must be numbers of shape \(texts, 3\), a column for each label"):
            use(wrong)


def test_logits_become_probabilities(classifier: Classifier) -> None:
    found = classifier.logits(text for text in SOME)
    assert found.dtype == np.float32 and found.shape == (len(SOME), 3)
    assert np.allclose(classifier.decision.probabilities(found), classifier.predict_proba(SOME))
    assert classifier.logits([]).shape == (0, 3)


def test_metrics_are_taken_as_the_trainer_takes_them(classifier: Classifier) -> None:
    texts, labels = make_texts(20, seed=9)
    parts = textforge.PluginManager()
    by_part = classifier.evaluate(texts, labels, metrics=[parts.part("metric", "log-loss")])
    assert by_part["log_loss"] > 0
    counted = classifier.evaluate(texts, labels, metrics={"texts": lambda gold, probabilities: float(len(gold))})
    assert counted["texts"] == 20
    known = textforge.ExtraMetrics([parts.part("metric", "log-loss")], labels=classifier.labels, multi_label=False)
    assert classifier.evaluate(iter(texts), iter(labels), metrics=known) == by_part


@pytest.mark.parametrize(
    ("vectorizer", "names"),
    [
        (("bow", {}), ["bat", "moon"]),
        (("tokens", {}), ["[padding]", "[unknown]", "bat", "moon"]),
        (("preprocess", {"steps": ["lowercase"], "vectorizer": "bow"}), ["bat", "moon"]),
        (("union", {"of": ["bow", {"use": "bow", "ngrams": [2, 2], "split": "spaces"}]}),
         ["0__bat", "0__moon", "1__moon bat"]),
        (("hashing", {}), None),
        (("union", {"of": ["bow", "hashing"]}), None),
    ],
)  # fmt: skip
def test_features_have_the_names_of_the_vectorizer(vectorizer: Any, names: list[str] | None) -> None:
    parts = textforge.PluginManager()
    part = parts.part("vectorizer", vectorizer[0], **vectorizer[1])
    fitted = part.build({"seed": 0})
    n_features = as_features(fitted.fit(["moon bat", "moon"]).transform(["moon"]), 1, "it").n_features
    clf = Classifier(fitted, torch.nn.Identity(), ["a", "b"], parts={"vectorizer": part})
    assert clf.feature_names == names
    assert names is None or len(names) == n_features
