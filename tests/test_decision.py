"""From outputs to answers: temperature and thresholds against independent references, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.metrics import f1_score, log_loss, precision_recall_curve

import textforge
from textforge import DataError, Dataset, RecipeError, Trainer
from textforge.decision import Decision, best_threshold, fit_decision, fit_temperature
from textforge.settings import DecisionSettings

PARTS = textforge.PluginManager()
LOGITS = arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(2, 5)), elements=st.floats(-30, 30, width=32))


# -- probabilities -----------------------------------------------------------------------------


@given(LOGITS, st.floats(0.05, 20))
def test_probabilities_are_those_of_scipy(logits: np.ndarray, temperature: float) -> None:
    for several, reference in ((False, lambda x: softmax(x, axis=1)), (True, expit)):
        found = Decision(several, temperature).probabilities(logits)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, reference(logits.astype(np.float64) / temperature), atol=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("several", [False, True])
def test_extreme_outputs_overflow_nowhere(several: bool) -> None:
    found = Decision(several).probabilities(np.array([[3e38, -3e38], [-3e38, -3e38]], dtype=np.float32))
    assert np.isfinite(found).all()


# -- temperature -------------------------------------------------------------------------------


def over_confident(several: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits three times too large, and targets drawn from what they should be."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(800, 4))
    if several:
        return (3 * logits).astype(np.float32), (generator.random(logits.shape) < expit(logits)).astype(np.float32)
    targets = np.array([generator.choice(4, p=row) for row in softmax(logits, axis=1)])
    return (3 * logits).astype(np.float32), targets


def scipys_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        if targets.ndim == 1:
            return log_loss(targets, softmax(scaled, axis=1), labels=[*range(logits.shape[1])])
        return log_loss(targets.ravel(), expit(scaled).ravel(), labels=[0, 1])

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8}).x))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_temperature_is_scipys(several: bool, seed: int) -> None:
    logits, targets = over_confident(several, seed)
    found = fit_temperature(logits, targets, multi_label=several)
    assert found == pytest.approx(scipys_temperature(logits, targets), rel=1e-4)
    assert found == pytest.approx(3, rel=0.15), "which the logits were multiplied by"


@pytest.mark.parametrize(("right", "end"), [(True, 1 / 20), (False, 20)])
def test_a_temperature_without_a_best_one_ends_at_the_bounds(right: bool, end: float) -> None:
    logits = np.array([[1, 0], [0, 1]], dtype=np.float32)
    targets = np.array([0, 1] if right else [1, 0])
    assert fit_temperature(logits, targets, multi_label=False) == pytest.approx(end, rel=1e-3)


# -- thresholds --------------------------------------------------------------------------------

SCORED = st.lists(st.tuples(st.booleans(), st.sampled_from(np.linspace(0.01, 0.99, 15).tolist())), min_size=1)


@given(SCORED)
def test_no_threshold_has_a_better_f1_than_the_best(scored: list[tuple[bool, float]]) -> None:
    gold = np.array([yes for yes, _ in scored])
    probabilities = np.array([p for _, p in scored], dtype=np.float32)
    found = best_threshold(gold, probabilities)
    assert 0 < found < 1
    if not gold.any():
        assert found == 0.5
        return
    precision, recall, _ = precision_recall_curve(gold, probabilities)
    reachable = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    assert f1_score(gold, probabilities >= np.float32(found)) == pytest.approx(reachable.max())


def test_the_threshold_is_in_the_middle_between_two_probabilities() -> None:
    assert best_threshold(np.array([True, True, False]), np.array([0.9, 0.7, 0.3], np.float32)) == pytest.approx(0.5)


def test_a_class_for_which_every_text_is_taken_has_a_threshold_below_all() -> None:
    assert best_threshold(np.array([True, True]), np.array([0.2, 0.1], np.float32)) == pytest.approx(0.05)


@pytest.mark.parametrize("several", [False, True])
def test_fitted_thresholds_are_one_for_each_class(several: bool) -> None:
    logits, targets = over_confident(True)
    valid = (logits, targets) if several else (logits[:, :2], targets[:, 1].astype(np.int64))
    n_classes = valid[0].shape[1]
    decision = fit_decision(DecisionSettings(threshold="f1"), n_classes, multi_label=several, valid=valid)
    probabilities = decision.probabilities(valid[0])
    chosen = decision.chosen(probabilities)
    assert decision.thresholds is not None
    assert len(decision.thresholds) == n_classes
    plain = Decision(several).chosen(probabilities)
    if several:
        for n in range(n_classes):
            assert f1_score(targets[:, n], chosen[:, n]) >= f1_score(targets[:, n], plain[:, n])
    else:
        assert f1_score(valid[1], chosen) >= f1_score(valid[1], plain)


@pytest.mark.parametrize(("at", "expected"), [(0.2, [1, 1, 1]), (0.5, [0, 1, 1]), (0.8, [0, 0, 1])])
def test_a_given_threshold_is_for_the_second_of_two_classes(at: float, expected: list[int]) -> None:
    decision = fit_decision(DecisionSettings(threshold=at), 2, multi_label=False, valid=None)
    second = np.array([0.3, 0.6, 0.9], np.float32)
    assert decision.chosen(np.column_stack([1 - second, second])).tolist() == expected


@given(
    st.booleans(), st.floats(0.05, 20), st.none() | st.lists(st.floats(0, 1), min_size=2), st.none() | st.floats(0, 1)
)
def test_a_decision_comes_back_from_json(several: bool, temperature: float, thresholds: Any, abstain: Any) -> None:
    import json

    decision = Decision(several, temperature, thresholds and tuple(thresholds), abstain)
    assert Decision.from_json(json.loads(json.dumps(decision.as_json()))) == decision


# -- through a trainer -------------------------------------------------------------------------

TWO = {"no": ["orbit", "moon", "lunar"], "yes": ["bat", "glove", "team"]}


def trained(data: Dataset, **decision: Any) -> textforge.Classifier:
    parts = [PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam", lr=0.05)]
    settings = {"epochs": 3, "validation": decision.pop("validation", 0.3)}
    return Trainer(data, *parts, decision=decision, **settings).fit()


def test_calibration_lowers_the_log_loss_on_the_validation_split() -> None:
    texts, labels = make_texts(100)
    noisy = [label if n % 5 else "space" for n, label in enumerate(labels)]
    data = Dataset(train=make_texts(100, seed=1), valid=(texts, noisy))
    losses = [
        log_loss(
            noisy, trained(data, validation=0.0, **decision).predict_proba(texts), labels=["ball", "paint", "space"]
        )
        for decision in ({}, {"calibrate": "temperature"})
    ]
    assert losses[1] < losses[0]


def test_abstaining_gives_none_and_says_how_often() -> None:
    data = Dataset(train=make_texts(100))
    texts, labels = make_texts(60, seed=2)
    classifier = trained(data, abstain=0.6)
    best = classifier.predict_proba(texts).max(axis=1)
    answers = classifier.predict(texts)
    assert [answer is None for answer in answers] == (best < np.float32(0.6)).tolist()
    assert 0 < answers.count(None) < len(answers), "the test needs both"
    figures = classifier.evaluate(texts, labels)
    given_ = [(answer, label) for answer, label in zip(answers, labels, strict=True) if answer is not None]
    assert figures["answered"]["share"] == pytest.approx(len(given_) / 60)
    assert figures["answered"]["accuracy"] == pytest.approx(np.mean([a == b for a, b in given_]))
    classifier.abstain_below(None)
    assert None not in classifier.predict(texts)
    assert "answered" not in classifier.evaluate(texts, labels)


def test_nothing_answered_has_no_accuracy() -> None:
    classifier = trained(Dataset(train=make_texts(60)), abstain=0.99)
    assert classifier.evaluate(["words"], ["ball"])["answered"] == {"share": 0.0, "accuracy": None}


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan"), "0.5", True])
def test_a_probability_to_abstain_below_that_is_none_is_told(probability: Any) -> None:
    classifier = trained(Dataset(train=make_texts(60)))
    with pytest.raises(RecipeError, match="abstain must be a probability from 0 to 1, not "):
        classifier.abstain_below(probability)


@pytest.mark.parametrize(
    ("decision", "several", "says"),
    [
        ({"calibrate": "temperature", "validation": 0.0}, False, "decision.calibrate is fitted on a validation split"),
        ({"threshold": "f1", "validation": 0.0}, True, "decision.threshold is fitted on a validation split"),
        ({"threshold": 0.3}, False, "decision.threshold is for two classes, .*; there are 3 classes"),
        ({"abstain": 0.3}, True, "decision.abstain is for one label a text"),
        ({"threshold": 1.0}, False, "decision: threshold must be"),
        ({"calibrate": "platt"}, False, "decision: calibrate must be 'temperature'"),
        ({"abstian": 0.3}, False, "decision: unknown option 'abstian'.*Did you mean 'abstain'"),
    ],
)
def test_what_cannot_be_decided_is_told_before_training(decision: Any, several: bool, says: str) -> None:
    texts, labels = make_texts(60)
    data = Dataset(train=(texts, [[label] for label in labels] if several else labels))
    with pytest.raises(RecipeError, match=says):
        trained(data, **dict(decision))


@pytest.mark.parametrize("decision", ["f1", 5, ["abstain"]])
def test_a_decision_that_is_no_mapping_is_told(decision: Any) -> None:
    parts = [PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "adam")]
    with pytest.raises(RecipeError, match="decision must be a mapping"):
        Trainer(Dataset(train=make_texts(20)), *parts, decision=decision)


def test_two_classes_by_a_fitted_threshold_end_to_end() -> None:
    texts, labels = make_texts(200, topics=TWO)
    classifier = trained(Dataset(train=(texts, labels)), threshold="f1", calibrate="temperature")
    assert classifier.decision.thresholds is not None
    second = classifier.predict_proba(texts)[:, 1]
    expected = ["yes" if p >= np.float32(classifier.decision.thresholds[1]) else "no" for p in second]
    assert classifier.predict(texts) == expected


def test_validation_data_without_a_class_still_give_thresholds() -> None:
    texts, labels = make_texts(40, topics=TWO)
    data = Dataset(train=(texts, [[label] for label in labels]), valid=(["orbit moon"] * 3, [["no"]] * 3))
    classifier = trained(data, threshold="f1", validation=0.0)
    assert classifier.decision.thresholds is not None
    assert classifier.decision.thresholds[1] == 0.5, "no text of the validation split has it"


def test_labels_unknown_to_train_are_told_in_validation_data() -> None:
    data = Dataset(train=make_texts(30), valid=(["x"], ["tennis"]))
    with pytest.raises(DataError, match="valid: labels that the training data lack: 'tennis'"):
        trained(data, validation=0.0)
