"""Held-out texts that a model scores look like new texts to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import textforge
from textforge import Ragged
from textforge_standard.models.unseen import as_unseen

WORDS = "orbit moon rocket bat inning glove pixel shader".split()


def lengths(bags: Ragged) -> list[float]:
    rows = np.repeat(np.arange(len(bags)), np.diff(bags.offsets))
    return np.sqrt(np.bincount(rows, bags.weights.astype(float) ** 2, minlength=len(bags))).tolist()


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=2, max_size=12), st.data())
def test_words_of_held_out_texts_alone_are_dropped_and_lengths_stay(texts: list[str], data: st.DataObject) -> None:
    texts = [*texts, "orbit bat"]
    vectorizer = textforge.PluginManager().part("vectorizer", "tfidf").build({"seed": 0})
    features = vectorizer.fit(texts).transform(texts)
    cut = data.draw(st.integers(1, len(texts) - 1))
    held, kept = features.take(np.arange(cut)), features.take(np.arange(cut, len(texts)))
    found = as_unseen(held, kept)
    known = {*kept.indices.tolist()}
    for row in range(cut):
        before = held.take(np.array([row])).indices.tolist()
        assert found.take(np.array([row])).indices.tolist() == [one for one in before if one in known]
    for length, count in zip(lengths(found), np.diff(found.offsets), strict=True):
        assert length == pytest.approx(1.0 if count else 0.0, abs=1e-5)


def test_bags_of_unequal_length_keep_their_weights() -> None:
    held = Ragged(np.array([0, 1, 0]), np.array([0, 2, 3]), 2, np.array([2, 5, 3], dtype=np.float32))
    kept = Ragged(np.array([0]), np.array([0, 1]), 2, np.array([1], dtype=np.float32))
    found = as_unseen(held, kept)
    assert (found.indices.tolist(), found.offsets.tolist(), found.weights.tolist()) == ([0, 0], [0, 1, 2], [2.0, 3.0])


def test_sequences_and_vectors_stay() -> None:
    words = Ragged(np.array([0, 1]), np.array([0, 2]), 2)
    assert as_unseen(words, words.take(np.array([], dtype=int))) is words


def test_calibrated_confidence_on_new_texts_is_not_above_accuracy() -> None:
    """Each text has a word of its own, as most texts do; the vectorizer knows those of held-out texts."""
    rng = np.random.default_rng(0)
    topics = ["moon orbit rocket".split(), "bat inning glove".split()]

    def make(n: int, start: int) -> tuple[list[str], list[str]]:
        labels = rng.integers(0, 2, n)
        texts = [
            f"own{start + i} rare{start + i} " + " ".join(rng.choice(topics[y if rng.random() < 0.8 else 1 - y], 3))
            for i, y in enumerate(labels)
        ]
        return texts, [str(y) for y in labels]

    parts = textforge.PluginManager()
    inner = parts.part("model", "linear-svc")
    trainer = textforge.Trainer(
        textforge.Dataset(train=make(600, 0)),
        parts.part("vectorizer", "tfidf"),
        parts.part("model", "calibrated", of=inner),
    )
    texts, labels = make(3000, 10_000)
    classifier = trainer.fit()
    probabilities = classifier.predict_proba(texts).max(axis=1)
    right = np.array(classifier.predict(texts)) == np.array(labels)
    assert abs(probabilities.mean() - right.mean()) < 0.03
