"""Metrics against scikit-learn's, and against what can be counted by hand."""

import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, strategies as st

from textforge.components.manager import PluginManager

PLUGINS = PluginManager()
NAMES = PLUGINS.names("metric")
SMALLER = {"brier", "expected-calibration-error", "hamming-loss", "log-loss"}


def metric(name, **options):
    return PLUGINS.part("metric", name, **options).build({})


def single(n=200, n_classes=4, seed=0):
    """Gold classes and probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(n_classes, size=n)
    scores = rng.normal(size=(n, n_classes)) + 1.2 * (gold[:, None] == np.arange(n_classes))
    odds = np.exp(scores)
    return gold, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def several(n=200, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    gold = (rng.random((n, n_classes)) < 0.3).astype(int)
    return gold, (1 / (1 + np.exp(-rng.normal(size=gold.shape) - 2 * gold + 1))).astype(np.float32)


def macro(function):
    """Over labels, of gold and the answers from 0.5."""
    return lambda gold, p: np.mean([function(gold[:, n], p[:, n] >= 0.5) for n in range(gold.shape[1])])


def one_hot(gold, p):
    return (gold[:, None] == np.arange(p.shape[1])).astype(int)


SINGLE = [
    ("mcc", {}, lambda y, p: reference.matthews_corrcoef(y, p.argmax(1))),
    ("cohen-kappa", {}, lambda y, p: reference.cohen_kappa_score(y, p.argmax(1))),
    ("cohen-kappa", {"weights": "linear"}, lambda y, p: reference.cohen_kappa_score(y, p.argmax(1), weights="linear")),
    (
        "cohen-kappa",
        {"weights": "quadratic"},
        lambda y, p: reference.cohen_kappa_score(y, p.argmax(1), weights="quadratic"),
    ),
    ("balanced-accuracy", {}, lambda y, p: reference.balanced_accuracy_score(y, p.argmax(1))),
    (
        "balanced-accuracy",
        {"adjusted": True},
        lambda y, p: reference.balanced_accuracy_score(y, p.argmax(1), adjusted=True),
    ),
    ("roc-auc", {}, lambda y, p: reference.roc_auc_score(one_hot(y, p), p, average="macro")),
    ("average-precision", {}, lambda y, p: reference.average_precision_score(one_hot(y, p), p, average="macro")),
    ("log-loss", {}, lambda y, p: -np.log([row[label] for row, label in zip(p, y, strict=True)]).mean()),
    ("top-k", {"k": 1}, lambda y, p: reference.accuracy_score(y, p.argmax(1))),
    ("top-k", {"k": 2}, lambda y, p: top_k_reference(y, p, 2)),
    ("top-k", {"k": 9}, lambda y, p: 1.0),
    ("hamming-loss", {}, lambda y, p: reference.hamming_loss(y, p.argmax(1))),
    ("jaccard", {}, lambda y, p: reference.accuracy_score(y, p.argmax(1))),
    ("jaccard", {"average": "macro"}, lambda y, p: reference.jaccard_score(y, p.argmax(1), average="macro")),
    ("jaccard", {"average": "micro"}, lambda y, p: reference.jaccard_score(y, p.argmax(1), average="micro")),
    ("expected-calibration-error", {}, lambda y, p: guo(p.max(1), p.argmax(1) == y, 15)),
    ("expected-calibration-error", {"bins": 4}, lambda y, p: guo(p.max(1), p.argmax(1) == y, 4)),
    ("brier", {}, lambda y, p: ((p - one_hot(y, p)) ** 2).sum() / len(y) / (2 if p.shape[1] == 2 else 1)),
]
SEVERAL = [
    ("mcc", {}, macro(reference.matthews_corrcoef)),
    ("cohen-kappa", {}, macro(reference.cohen_kappa_score)),
    ("balanced-accuracy", {}, macro(reference.balanced_accuracy_score)),
    ("roc-auc", {}, lambda y, p: reference.roc_auc_score(y, p, average="macro")),
    ("average-precision", {}, lambda y, p: reference.average_precision_score(y, p, average="macro")),
    (
        "log-loss",
        {},
        lambda y, p: np.mean([reference.log_loss(y[:, n], p[:, n].astype(float)) for n in range(y.shape[1])]),
    ),
    ("top-k", {"k": 1}, lambda y, p: np.mean([row[best] for row, best in zip(y, p.argmax(1), strict=True)])),
    ("hamming-loss", {}, lambda y, p: reference.hamming_loss(y, p >= 0.5)),
    ("jaccard", {}, lambda y, p: reference.jaccard_score(y, p >= 0.5, average="samples", zero_division=1)),
    ("jaccard", {"average": "macro"}, lambda y, p: reference.jaccard_score(y, p >= 0.5, average="macro")),
    ("jaccard", {"average": "micro"}, lambda y, p: reference.jaccard_score(y, p >= 0.5, average="micro")),
    ("expected-calibration-error", {}, lambda y, p: guo(p.ravel(), y.ravel(), 15)),
    ("brier", {}, lambda y, p: np.mean([reference.brier_score_loss(y[:, n], p[:, n]) for n in range(y.shape[1])])),
]


def top_k_reference(y, p, k):
    if p.shape[1] == 2:
        return 1.0
    return reference.top_k_accuracy_score(y, p, k=k)


def guo(confidence, right, bins):
    """Equation 3 of the paper, bin by bin: (m - 1) / M < confidence <= m / M."""
    total = 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].astype(float).mean())
    return total


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("name", "options", "expected"), SINGLE, ids=[f"{n} {o}" for n, o, _ in SINGLE])
def test_figures_of_one_label_a_text(name, options, expected, n_classes):
    for seed in range(3):
        gold, probabilities = single(n_classes=n_classes, seed=seed)
        found = metric(name, **options)(gold, probabilities)
        assert isinstance(found, float)
        assert found == pytest.approx(expected(gold, probabilities), abs=1e-6)


@pytest.mark.parametrize(("name", "options", "expected"), SEVERAL, ids=[f"{n} {o}" for n, o, _ in SEVERAL])
def test_figures_of_several_labels_a_text(name, options, expected):
    for seed in range(3):
        gold, probabilities = several(seed=seed)
        found = metric(name, **options)(gold, probabilities)
        assert isinstance(found, float)
        assert found == pytest.approx(expected(gold, probabilities), abs=1e-6)


def test_every_metric_is_held_to_a_reference_and_says_which_way_is_better():
    assert {name for name, _, _ in SINGLE} == {name for name, _, _ in SEVERAL} == set(NAMES)
    for name in NAMES:
        assert getattr(PLUGINS.component("metric", name).factory, "greater_is_better", True) is (name not in SMALLER)


@pytest.mark.parametrize("data", [single, several], ids=lambda data: data.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_the_truth_itself_is_the_best_there_is(name, data):
    gold, probabilities = data()
    truth = gold if gold.ndim == 2 else one_hot(gold, probabilities)
    best = 0 if name in SMALLER else 1
    if name == "top-k" and gold.ndim == 2:
        best = truth.any(axis=1).mean()  # a text without a label is missed
    assert metric(name)(gold, truth.astype(np.float32)) == pytest.approx(best, abs=1e-6)


@given(
    n_classes=st.integers(2, 4),
    data=st.data(),
    multi=st.booleans(),
)
@pytest.mark.parametrize("name", NAMES)
def test_any_data_give_a_finite_number_or_none_and_no_warning(name, n_classes, data, multi):
    n = data.draw(st.integers(1, 6))
    numbers = data.draw(st.lists(st.integers(0, 3), min_size=n * n_classes, max_size=n * n_classes))
    probabilities = np.array(numbers, np.float32).reshape(n, n_classes) / 3
    if multi:
        flat = data.draw(st.lists(st.integers(0, 1), min_size=n * n_classes, max_size=n * n_classes))
        gold = np.array(flat).reshape(n, n_classes)
    else:
        probabilities = (probabilities + 0.01) / (probabilities + 0.01).sum(axis=1, keepdims=True)
        gold = np.array(data.draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n)))
    found = metric(name)(gold, probabilities)
    assert found is None or (isinstance(found, float) and math.isfinite(found))


def without_undefined(expected):
    """What scikit-learn gives class by class, over those for which it is defined."""

    def reference_of(gold, p):
        truth = gold if gold.ndim == 2 else one_hot(gold, p)
        return np.mean([expected(truth[:, [k]], p[:, [k]]) for k in range(p.shape[1]) if 0 < truth[:, k].mean() < 1])

    return reference_of


RANKINGS = [(name, *rest) for name, *rest in SEVERAL if name in ("roc-auc", "average-precision")]


@pytest.mark.parametrize(("name", "options", "expected"), RANKINGS, ids=[name for name, *_ in RANKINGS])
@given(absent=st.sets(st.integers(0, 3), min_size=1, max_size=3), seed=st.integers(0, 9))
def test_a_class_that_no_gold_text_has_does_not_count(name, options, expected, absent, seed):
    expected = without_undefined(expected)
    sets, p = several(seed=seed)
    sets[:, [*absent]] = 0
    assert metric(name)(sets, p) == pytest.approx(expected(sets, p), abs=1e-6)
    gold, p = single(seed=seed)
    gold[np.isin(gold, [*absent])] = min({0, 1, 2, 3} - absent)
    if len(absent) < 3:
        assert metric(name)(gold, p) == pytest.approx(expected(gold, p), abs=1e-6)


def test_a_label_that_every_gold_text_has_cannot_be_ranked_and_does_not_count():
    gold, p = several()
    gold[:, 1] = 1
    rest = [0, 2, 3]
    assert metric("roc-auc")(gold, p) == pytest.approx(metric("roc-auc")(gold[:, rest], p[:, rest]))


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_defined_where_a_class_is_absent(name):
    for options in ({}, {"adjusted": True}) if name == "balanced-accuracy" else ({},):
        gold, probabilities = single()
        assert metric(name, **options)(np.where(gold == 3, 0, gold), probabilities) is not None
        sets, probabilities = several()
        sets[:, 3] = 0
        assert metric(name, **options)(sets, probabilities) is not None


def test_labels_for_which_agreement_is_undefined_do_not_count():
    gold, p = several()
    gold[:, 3], p[:, 3] = 0, 0.1
    rest = metric("cohen-kappa")(gold[:, :3], p[:, :3])
    assert metric("cohen-kappa")(gold, p) == pytest.approx(rest)
    adjusted = metric("balanced-accuracy", adjusted=True)
    assert adjusted(gold, p) == pytest.approx(adjusted(gold[:, :3], p[:, :3]))


def test_rankings_are_undefined_where_every_text_is_of_one_class():
    gold, probabilities = np.zeros(4, int), np.array([[0.9, 0.1]] * 4, np.float32)
    assert metric("roc-auc")(gold, probabilities) is None
    assert metric("average-precision")(np.zeros((4, 2), int), probabilities) is None


def test_undefined_agreement_of_one_class_alone():
    gold, probabilities = np.zeros(4, int), np.array([[0.9, 0.1]] * 4, np.float32)
    assert metric("cohen-kappa")(gold, probabilities) is None
    assert metric("balanced-accuracy", adjusted=True)(gold, probabilities) is None
    assert metric("balanced-accuracy")(gold, probabilities) == 1
    assert metric("mcc")(gold, probabilities) == 0


def test_of_equally_probable_classes_the_first_is_taken():
    probabilities = np.full((3, 3), 1 / 3, np.float32)
    gold = np.arange(3)
    assert metric("top-k", k=1)(gold, probabilities) == pytest.approx(1 / 3)
    assert [metric("top-k", k=2)(gold[[n]], probabilities[[n]]) for n in range(3)] == [1, 1, 0]


def test_what_is_impossible_costs_a_bounded_log_loss():
    sure = np.array([[1, 0], [1, 0]], np.float32)
    expected = -math.log(np.finfo(np.float32).eps) / 2
    assert metric("log-loss")(np.array([0, 1]), sure) == pytest.approx(expected)
    assert metric("log-loss")(np.array([0, 1]), sure) == pytest.approx(reference.log_loss([0, 1], sure), rel=1e-5)


def test_a_text_without_labels_that_is_given_none_counts_as_met():
    gold, probabilities = np.array([[0, 0], [1, 0]]), np.array([[0.1, 0.2], [0.9, 0.5]], np.float32)
    assert metric("jaccard")(gold, probabilities) == 0.75
    assert metric("hamming-loss")(gold, probabilities) == 0.25
