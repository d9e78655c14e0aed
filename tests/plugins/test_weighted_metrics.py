"""Metrics of weighted texts: scikit-learn's with sample_weight, and the same texts repeated."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings, strategies as st
from scipy.special import expit, log_softmax
from scipy.stats import bernoulli, norm
from test_metrics import NAMES, metric, one_hot

from textforge.classifiers.comparison import compare, measured
from textforge.classifiers.decision import Decision, Scored, best_threshold, fit_temperature
from textforge.classifiers.metrics import ExtraMetrics, classification_metrics, multi_label_metrics
from textforge.components.settings import TAKEN
from textforge.data.gold import Labelled
from textforge.runs.summary import summarize

LABELS = ("ant", "bee", "cat")
DATA = st.tuples(st.integers(0, 99), st.integers(2, 40))
TIMES = {"mcc", "cohen-kappa", "balanced-accuracy", "roc-auc", "average-precision"}


def drawn(seed, n, several=False):
    """Gold labels, probabilities, and weights above 0."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, 3))
    weights = rng.choice([0.25, 1.0, 1.5, 4.0], n)
    if several:
        return (rng.random((n, 3)) < 0.4).astype(np.int64), (1 / (1 + np.exp(-scores))).astype(np.float32), weights
    odds = np.exp(scores)
    return rng.integers(0, 3, n), (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), weights


def averages(gold, predicted, weights):
    given_as = {"sample_weight": weights, "zero_division": 0}
    return {f"{one}_f1": reference.f1_score(gold, predicted, average=one, **given_as)
            for one in ("macro", "micro", "weighted")}  # fmt: skip


# -- the standard metrics ----------------------------------------------------------------------


@given(DATA)
def test_standard_metrics_of_single_labels_are_scikit_learns(data):
    gold, probabilities, weights = drawn(*data)
    predicted = probabilities.argmax(axis=1)
    found = classification_metrics(gold, predicted, LABELS, weights)
    wanted = {"accuracy": reference.accuracy_score(gold, predicted, sample_weight=weights),
              **averages(gold, predicted, weights)}  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    per_class = reference.precision_recall_fscore_support(
        gold, predicted, labels=range(3), sample_weight=weights, zero_division=0
    )
    rows = [[one[name] for one in found["per_class"].values()] for name in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(rows, per_class)
    matrix = reference.confusion_matrix(gold, predicted, labels=range(3), sample_weight=weights)
    np.testing.assert_allclose(found["confusion_matrix"]["rows"], matrix)
    assert (found["n"], found["total_weight"]) == (len(gold), pytest.approx(weights.sum()))


@given(DATA)
def test_standard_metrics_of_sets_of_labels_are_scikit_learns(data):
    gold, probabilities, weights = drawn(*data, several=True)
    predicted = (probabilities >= 0.5).astype(np.int64)
    found = multi_label_metrics(gold, predicted, LABELS, weights)
    wanted = {"accuracy": reference.accuracy_score(gold, predicted, sample_weight=weights),
              **averages(gold, predicted, weights)}  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


def test_figures_without_weights_are_counts():
    found = classification_metrics(np.array([0, 1, 1]), np.array([0, 1, 0]), LABELS)
    assert [type(one["support"]) for one in found["per_class"].values()] == [int] * 3
    assert found["confusion_matrix"]["rows"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert "total_weight" not in found


def test_a_matrix_of_many_classes_has_the_weights_of_its_cells():
    labels = [f"label {n:03d}" for n in range(150)]
    found = classification_metrics(np.array([0, 0, 7]), np.array([3, 3, 7]), labels, np.array([0.5, 1.0, 2.0]))
    assert found["confusion_matrix"]["cells"] == [[0, 3, 1.5], [7, 7, 2.0]]


# -- a recipe's metrics ------------------------------------------------------------------------

SINGLE = {
    "mcc": lambda y, p, w: reference.matthews_corrcoef(y, p.argmax(1), sample_weight=w),
    "cohen-kappa": lambda y, p, w: reference.cohen_kappa_score(y, p.argmax(1), sample_weight=w),
    "balanced-accuracy": lambda y, p, w: reference.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
    "roc-auc": lambda y, p, w: reference.roc_auc_score(one_hot(y, p), p, average="macro", sample_weight=w),
    "average-precision": lambda y, p, w: reference.average_precision_score(
        one_hot(y, p), p, average="macro", sample_weight=w
    ),
    "log-loss": lambda y, p, w: reference.log_loss(
        y, p / p.sum(1, keepdims=True, dtype=float), labels=range(3), sample_weight=w
    ),
    "top-k": lambda y, p, w: reference.accuracy_score(y, p.argmax(1), sample_weight=w),
    "hamming-loss": lambda y, p, w: reference.hamming_loss(y, p.argmax(1), sample_weight=w),
    "jaccard": lambda y, p, w: reference.accuracy_score(y, p.argmax(1), sample_weight=w),
    "brier": lambda y, p, w: np.average(((p - one_hot(y, p)) ** 2).sum(axis=1), weights=w),
}
SEVERAL = {
    "roc-auc": lambda y, p, w: reference.roc_auc_score(y, p, average="macro", sample_weight=w),
    "average-precision": lambda y, p, w: reference.average_precision_score(y, p, average="macro", sample_weight=w),
    "hamming-loss": lambda y, p, w: reference.hamming_loss(y, p >= 0.5, sample_weight=w),
    "jaccard": lambda y, p, w: reference.jaccard_score(
        y, p >= 0.5, average="samples", sample_weight=w, zero_division=1
    ),
}
OPTIONS = {"top-k": {"k": 1}}


@pytest.mark.parametrize("name", SINGLE)
@given(data=DATA)
def test_metrics_of_one_label_a_text_are_scikit_learns(name, data):
    gold, probabilities, weights = drawn(*data)
    if name in TIMES and len(np.unique(gold)) < 3:
        gold[:3] = range(len(gold[:3]))
    if len(np.unique(gold)) < 3:
        return
    found = metric(name, **OPTIONS.get(name, {}))(gold, probabilities, weights=weights)
    assert found == pytest.approx(SINGLE[name](gold, probabilities, weights), abs=1e-6)


@pytest.mark.parametrize("name", SEVERAL)
@given(data=DATA)
def test_metrics_of_several_labels_a_text_are_scikit_learns(name, data):
    gold, probabilities, weights = drawn(*data, several=True)
    gold[0], gold[1] = 0, 1
    found = metric(name)(gold, probabilities, weights=weights)
    assert found == pytest.approx(SEVERAL[name](gold, probabilities, weights), abs=1e-6)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", NAMES)
@given(data=DATA)
def test_whole_numbers_as_weights_are_texts_repeated_as_often(name, several, data):
    gold, probabilities, _ = drawn(*data, several=several)
    times = np.random.default_rng(data[0]).integers(1, 4, len(gold))
    found = metric(name)(gold, probabilities, weights=times.astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        repeated = metric(name)(np.repeat(gold, times, axis=0), np.repeat(probabilities, times, axis=0))
    assert found == pytest.approx(repeated, abs=1e-6)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_scale_of_weights_does_not_change_a_metric(name, several):
    gold, probabilities, weights = drawn(3, 40, several)
    found = metric(name)(gold, probabilities, weights=weights)
    assert metric(name)(gold, probabilities, weights=weights * 1000) == pytest.approx(found, abs=1e-9)


# -- a comparison ------------------------------------------------------------------------------


class Module:
    def to(self, _):
        return self

    def eval(self):
        return self


def classifier(**decision):
    from textforge import Classifier

    return Classifier(None, Module(), LABELS, decision=Decision(**decision))


def test_texts_of_weight_0_are_left_out_of_every_metric():
    gold, probabilities, weights = drawn(0, 40)
    names = [LABELS[n] for n in gold]
    weights[::3] = 0
    extra = ExtraMetrics({"n_texts": lambda gold, _, weights=None: float(len(gold))}, labels=LABELS, multi_label=False)
    found = classifier().metrics(names, probabilities, weights=weights, metrics=extra)
    kept = np.flatnonzero(weights)
    alone = classifier().metrics([names[n] for n in kept], probabilities[kept], weights=weights[kept], metrics=extra)
    assert found == alone
    assert found["n"] == found["n_texts"] == len(kept)


def test_what_was_answered_is_weighted():
    probabilities = np.array([[0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]], np.float32)
    labelled = Labelled(["ant", "ant", "bee"], np.array([1.0, 2.0, 3.0]))
    found = measured(compare(classifier(abstain=0.6), labelled, probabilities))
    assert found["answered"] == pytest.approx({"share": 4 / 6, "accuracy": 1 / 4})


def test_metrics_that_take_no_weights_are_named():
    gold, probabilities, weights = drawn(0, 40)
    extra = ExtraMetrics(
        {"deaf": lambda gold, probabilities: 0.5, "heeds": lambda gold, probabilities, weights=None: 0.1},
        labels=LABELS, multi_label=False,
    )  # fmt: skip
    names = [LABELS[n] for n in gold]
    assert classifier().metrics(names, probabilities, weights=weights, metrics=extra)["unweighted"] == ["deaf"]
    assert "unweighted" not in classifier().metrics(names, probabilities, metrics=extra)
    assert extra.weight_warnings(weighted=True) == [
        "these metrics take no weights, so they count each text once: deaf."
    ]
    assert extra.weight_warnings(weighted=False) == []


def test_a_metric_gets_a_copy_of_the_weights_and_cannot_have_a_name_of_theirs():
    gold, probabilities, weights = drawn(0, 10)

    def spoiling(gold, probabilities, weights=None):
        weights[:] = 0
        return 0.0

    before = weights.copy()
    ExtraMetrics({"own": spoiling}, labels=LABELS, multi_label=False).measure(gold, probabilities, weights)
    assert np.array_equal(weights, before)
    assert {"total_weight", "unweighted"} <= {*TAKEN}


def test_a_summary_of_runs_leaves_out_the_sum_of_weights():
    assert list(summarize([{"accuracy": 0.5, "n": 4, "total_weight": 6.0}])) == ["accuracy"]


# -- decisions ---------------------------------------------------------------------------------


def log_posterior(scored, temperature):
    """Log likelihood, with weights of mean 1, and a standard normal logarithm of the temperature."""
    scaled = scored.logits.astype(float) / temperature
    if scored.gold.ndim == 2:
        each = bernoulli.logpmf(scored.gold, expit(scaled)).sum(axis=1)
    else:
        each = log_softmax(scaled, axis=1)[np.arange(len(scaled)), scored.gold]
    return float(each @ (scored.weights / scored.weights.mean()) + norm.logpdf(np.log(temperature)))


@pytest.mark.parametrize("several", [False, True])
@settings(max_examples=30)
@given(data=DATA)
def test_no_temperature_of_weighted_texts_is_more_probable(several, data):
    gold, probabilities, weights = drawn(*data, several=several)
    scored = Scored(np.log(probabilities) * np.float32(3), gold, weights)
    found = fit_temperature(scored, multi_label=several)
    best = max(log_posterior(scored, at) for at in np.geomspace(1e-3, 1e3, 200))
    assert log_posterior(scored, found) >= best - 1e-3
    even = Scored(scored.logits, gold, np.full(len(gold), 5.0))
    assert fit_temperature(even, multi_label=several) == fit_temperature(Scored(*scored[:2]), multi_label=several)


@given(data=DATA)
def test_a_threshold_of_weighted_texts_is_that_of_repeated_ones(data):
    gold, probabilities, _ = drawn(*data)
    times = np.random.default_rng(data[0]).integers(1, 4, len(gold))
    having, chances = gold == 1, probabilities[:, 1]
    found = best_threshold(having, chances, times.astype(float))
    assert found == best_threshold(np.repeat(having, times), np.repeat(chances, times))
