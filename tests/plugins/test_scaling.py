"""Scaling of scores to probabilities, and the held-out texts that it is fitted to."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from textforge import Dataset, PluginManager, Trainer
from textforge_standard.models.calibrated_any import HeldOut
from textforge_standard.models.scaling import _loss, _Scored, scaling

RNG = np.random.default_rng(0)


def draw(n_texts, n_classes, slope=3.0, shift=0.0):
    """Scores whose probabilities are softmax(slope * score + shift), and labels drawn from them."""
    scores = RNG.normal(size=(n_texts, n_classes)).astype(np.float32)
    logits = slope * scores + shift
    gumbel = RNG.gumbel(size=logits.shape)
    return scores, (logits + gumbel).argmax(axis=1)


def test_a_shared_slope_is_found_and_changes_no_label():
    scores, labels = draw(4000, 4)
    slope, shift = scaling(scores, labels, "shared")
    assert np.allclose(slope, 3, rtol=0.1) and len({*slope}) == 1
    assert not shift.any()


def test_slopes_and_shifts_per_class_are_found_and_auto_takes_them():
    slopes, shifts = np.array([1.0, 4.0, 2.0]), np.array([1.5, 0.0, -1.5])
    scores, labels = draw(6000, 3, slopes, shifts)
    for scale in ("per_class", "auto"):
        slope, shift = scaling(scores, labels, scale)
        assert np.allclose(slope, slopes, rtol=0.25)
        assert np.allclose(shift - shift.mean(), shifts, atol=0.3)


def test_auto_takes_one_slope_where_there_are_too_few_texts_for_many_classes():
    scores, labels = draw(160, 40)
    slope, shift = scaling(scores, labels, "auto")
    assert len({*slope}) == 1 and not shift.any()


def test_texts_of_a_class_that_the_scoring_model_never_saw_do_not_count():
    scores, labels = draw(500, 3)
    with_more = np.concatenate([scores, np.array([[0, 0, -1e30]], np.float32)]), np.append(labels, 2)
    assert np.array_equal(scaling(*with_more, "shared")[0], scaling(scores, labels, "shared")[0])
    slope, shift = scaling(with_more[0][-1:], with_more[1][-1:], "auto")
    assert (slope == 1).all() and not shift.any()


def test_several_labels_are_scaled_one_by_one():
    scores = RNG.normal(size=(5000, 2)).astype(np.float32)
    logits = scores * [2.0, 5.0] + [1.0, -1.0]
    labels = (RNG.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    slope, shift = scaling(scores, labels, "per_class")
    assert np.allclose(slope, [2, 5], rtol=0.2) and np.allclose(shift, [1, -1], atol=0.25)


@settings(max_examples=30)
@given(several=st.booleans(), weighted=st.booleans(), seed=st.integers(0, 1000))
def test_the_gradient_is_that_of_the_loss(several, weighted, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(5, 3))
    targets = (rng.random((5, 3)) < 0.5).astype(np.float32) if several else rng.integers(0, 3, 5)
    weights = rng.choice([0.5, 1.0, 3.0], 5) if weighted else None
    _, gradient = _loss(_Scored(logits, targets, weights))
    for place in np.ndindex(5, 3):
        moved = [logits.copy(), logits.copy()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        after, before = (_loss(_Scored(one, targets, weights))[0] for one in moved)
        assert gradient[place] == pytest.approx((after - before) / 2e-5, abs=1e-6)


@pytest.mark.parametrize(("enough", "n_folds"), [(None, 5), (1, 1), (20, 1), (21, 2), (1000, 5)])
def test_no_more_folds_are_trained_than_scores_are_needed(enough, n_folds):
    targets = np.arange(100) % 4
    splits = list(HeldOut(5, enough, 0).splits(targets))
    assert len(splits) == n_folds
    for kept, held in splits:
        assert sorted([*kept, *held]) == [*range(100)] and len(held) == 20


def test_a_fold_that_leaves_a_single_class_is_left_out():
    assert list(HeldOut(5, None, 0).splits(np.array([0, 1]))) == []


@pytest.mark.parametrize("labels", [["a", "b"], ["a"] * 5 + ["b"], ["a", "b", "c"] * 2 + ["d"]])
def test_very_few_texts_are_enough_to_train(labels):
    plugins = PluginManager()
    texts = [f"word{label} text {number}" for number, label in enumerate(labels)]
    model = plugins.part("model", "calibrated", of=plugins.part("model", "linear-svc"))
    trainer = Trainer(Dataset(train=(texts, labels)), plugins.part("vectorizer", "tfidf"), model)
    classifier = trainer.fit()
    probabilities = classifier.predict_proba(texts)
    assert np.isfinite(probabilities).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
