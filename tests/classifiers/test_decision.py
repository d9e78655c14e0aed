"""From outputs to answers: temperature and thresholds against independent references, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts, small_recipe, write_csv
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from scipy.stats import bernoulli, norm
from sklearn.metrics import f1_score, log_loss, precision_recall_curve

import textforge
from textforge import DataError, Dataset, RecipeError, Trainer
from textforge.classifiers.decision import Decision, Scored, best_threshold, fit_decision, fit_temperature
from textforge.components.settings import DecisionSettings
from textforge.sklearn import TextClassifier, TextforgeWarning

PARTS = textforge.PluginManager()
LABELS = ("a", "b", "c", "d")
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
    """Guo's: of the least log loss, without a prior."""

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        if targets.ndim == 1:
            return log_loss(targets, softmax(scaled, axis=1), labels=[*range(logits.shape[1])])
        return log_loss(targets.ravel(), expit(scaled).ravel(), labels=[0, 1])

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8}).x))


def log_posterior(logits: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    """Log likelihood of the targets and of a standard normal logarithm of the temperature."""
    scaled = logits.astype(np.float64) / temperature
    each = (
        bernoulli.logpmf(targets, expit(scaled))
        if targets.ndim == 2
        else log_softmax(scaled, axis=1)[np.arange(len(targets)), targets]
    )
    return float(each.sum() + norm.logpdf(np.log(temperature)))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_temperature_of_many_texts_is_nearly_that_of_the_least_log_loss(several: bool, seed: int) -> None:
    logits, targets = over_confident(several, seed)
    found = fit_temperature(Scored(logits, targets), multi_label=several)
    assert found == pytest.approx(scipys_temperature(logits, targets), rel=0.005)
    assert found == pytest.approx(3, rel=0.15), "which the logits were multiplied by"


@given(LOGITS, st.booleans(), st.sampled_from([0.01, 0.3, 1, 30]), st.integers(0, 9))
def test_no_temperature_is_more_probable(logits: np.ndarray, several: bool, scale: float, seed: int) -> None:
    generator, logits = np.random.default_rng(seed), logits * np.float32(scale)
    shape = logits.shape if several else len(logits)
    targets = generator.integers(0, 2 if several else logits.shape[1], shape)
    found = fit_temperature(Scored(logits, targets), multi_label=several)
    best = max(log_posterior(logits, targets, at) for at in np.geomspace(1e-3, 1e3, 200))
    assert log_posterior(logits, targets, found) >= best - 1e-3


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("n", [4, 40, 400])
@pytest.mark.parametrize("margin", [0.1, 1.0, 10.0])
def test_texts_that_are_all_right_leave_the_temperature_finite(several: bool, n: int, margin: float) -> None:
    targets = np.arange(n) % 2
    wanted = np.eye(2)[targets]
    logits = (margin * (2 * wanted - 1)).astype(np.float32)
    temperature = fit_temperature(Scored(logits, wanted if several else targets), multi_label=several)
    assert temperature > 0.005, "inside the bounds"
    unsure = Decision(several, temperature).probabilities(np.array([[0.05 * margin, -0.05 * margin]], np.float32))
    assert unsure.max() < 0.9, "a twentieth of the usual margin is not sure"


def test_texts_that_are_all_wrong_leave_it_finite_too() -> None:
    logits = np.array([[1, 0], [0, 1]], dtype=np.float32)
    assert 1 < fit_temperature(Scored(logits, np.array([1, 0])), multi_label=False) < 20


@pytest.mark.parametrize("several", [False, True])
def test_on_texts_not_seen_the_fitted_temperature_is_no_worse_than_none(several: bool) -> None:
    losses = []
    for seed in range(5):
        logits, targets = over_confident(several, seed)
        fitted = fit_temperature(Scored(logits[:100], targets[:100]), multi_label=several)
        chances = [Decision(several, at).probabilities(logits[100:]) for at in (fitted, 1, 3)]
        losses.append([log_loss(targets[100:].ravel(), p.ravel() if several else p) for p in chances])
    found, uncalibrated, best = np.mean(losses, axis=0)
    assert found < 0.85 * uncalibrated
    assert found < 1.01 * best, "nearly as good as the factor that the logits were made too large by"


def doubts(settings: dict[str, Any], valid: Any, labels: Any = LABELS) -> list[str]:
    return fit_decision(DecisionSettings(**settings), labels, multi_label=valid[1].ndim == 2, valid=Scored(*valid))[1]


def test_a_temperature_from_texts_without_a_mistake_is_reported() -> None:
    right = np.array([[2, 0], [0, 2]] * 6, dtype=np.float32), np.array([0, 1] * 6)
    (told,) = doubts({"calibrate": "temperature"}, right, LABELS[:2])
    assert "is fitted to 12 validation texts without a mistake" in told
    assert "Hold out more texts" in told
    assert doubts({}, right, LABELS[:2]) == []
    assert doubts({"calibrate": "temperature"}, over_confident(False)) == []


def test_a_temperature_at_its_bound_is_reported() -> None:
    logits, targets = over_confident(False)
    (told,) = doubts({"calibrate": "temperature"}, (logits * np.float32(1e6), targets))
    assert "is at its bound" in told


def test_thresholds_from_too_few_texts_are_reported_with_their_labels() -> None:
    logits, targets = over_confident(True)
    assert doubts({"threshold": "f1"}, (logits, targets)) == []
    targets[:, 1], targets[:, 2], targets[4:, 3] = 0, 1, 0
    (told,) = doubts({"threshold": "f1"}, (logits, targets))
    assert "fewer than 10 validation texts have, or lack, 'b' (0), 'c' (0), 'd' (" in told
    two = np.array([[1, 0], [0, 1]] * 3, dtype=np.float32), np.array([0, 1] * 3)
    (told,) = doubts({"threshold": "f1"}, two, LABELS[:2])
    assert "'b' (3)" in told


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
    fitted = DecisionSettings(threshold="f1")
    decision = fit_decision(fitted, LABELS[:n_classes], multi_label=several, valid=Scored(*valid))[0]
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
    decision = fit_decision(DecisionSettings(threshold=at), LABELS[:2], multi_label=False, valid=None)[0]
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
def test_a_probability_to_abstain_below_that_is_none_is_reported(probability: Any) -> None:
    classifier = trained(Dataset(train=make_texts(60)))
    with pytest.raises(RecipeError, match="abstain must be a probability from 0 to 1, not "):
        classifier.abstain_below(probability)


@pytest.mark.parametrize(
    ("decision", "several", "says"),
    [
        ({"calibrate": "temperature", "validation": 0.0}, False, "decision.calibrate is fitted on a validation split"),
        ({"threshold": "f1", "validation": 0.0}, True, "decision.threshold is fitted on a validation split"),
        ({"threshold": 0.3}, False, "decision.threshold needs two classes .*; the data have 3 classes"),
        ({"abstain": 0.3}, True, "decision.abstain needs one label per text"),
        ({"threshold": 1.0}, False, "decision: threshold must be"),
        ({"calibrate": "platt"}, False, "decision: calibrate must be 'temperature'"),
        ({"abstian": 0.3}, False, "decision: unknown option 'abstian'.*Did you mean 'abstain'"),
    ],
)
def test_what_cannot_be_decided_is_reported_before_training(decision: Any, several: bool, says: str) -> None:
    texts, labels = make_texts(60)
    data = Dataset(train=(texts, [[label] for label in labels] if several else labels))
    with pytest.raises(RecipeError, match=says):
        trained(data, **dict(decision))


@pytest.mark.parametrize("decision", ["f1", 5, ["abstain"]])
def test_a_decision_that_is_no_mapping_is_reported(decision: Any) -> None:
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


def test_labels_unknown_to_train_are_reported_in_validation_data() -> None:
    data = Dataset(train=make_texts(30), valid=(["x"], ["tennis"]))
    with pytest.raises(DataError, match="valid: labels that the training data lack: 'tennis'"):
        trained(data, validation=0.0)


def separable_recipe(folder: Path, **decision: Any) -> dict[str, Any]:
    texts, labels = make_texts(60, topics=TWO)
    recipe = small_recipe(write_csv(folder / "data.csv", texts, labels), decision=decision)
    return {**recipe, "model": "linear", "trainer": {"epochs": 10, "validation": 0.2}}


def test_a_classifier_calibrated_on_separable_texts_abstains_on_nonsense(tmp_path: Path) -> None:
    recipe = separable_recipe(tmp_path, calibrate="temperature", abstain=0.9)
    run = textforge.run(recipe, overrides={"optimizer.lr": 0.1}, out=tmp_path / "run")
    assert run.classifier.decision.temperature > 0.2
    nonsense = ["zzz qqq", "", "0 0 0"]
    assert run.classifier.predict_proba(nonsense).max() < 0.9
    assert run.classifier.predict(nonsense) == [None] * 3
    assert run.classifier.predict(["orbit moon lunar", "bat glove team"]) == ["no", "yes"]
    (told,) = [one for one in run.result["warnings"] if "decision.calibrate" in one]
    assert "validation texts without a mistake" in told


def test_what_a_decision_has_too_few_texts_for_is_reported_by_folds_and_estimators_too(tmp_path: Path) -> None:
    recipe = separable_recipe(tmp_path, threshold="f1")
    folds = textforge.cross_validate(recipe, folds=2, out=tmp_path / "folds")
    assert any("decision.threshold: fewer than 10" in one for one in folds.result["warnings"])
    texts, labels = make_texts(60, topics=TWO)
    with pytest.warns(TextforgeWarning) as warned:
        TextClassifier({key: value for key, value in recipe.items() if key != "dataset"}).fit(texts, labels)
    assert any("decision.threshold: fewer than 10" in str(one.message) for one in warned)
