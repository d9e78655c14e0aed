"""Explain any model by deleting words: how much lower is the score of a class without them?"""

from __future__ import annotations

import numpy as np

from textforge.classifiers.classifier import Classifier, logits
from textforge.components.part import part_name
from textforge.insight.explanations.attribution import DELETED, Attribution
from textforge.insight.explanations.words import Pieces

MOST = 400
"""Most deletions for one text; in a longer text, runs of neighbouring words are deleted together."""


def attribute_by_deletion(classifier: Classifier, text: str, words: Pieces, classes: list[int]) -> Attribution:
    """Return the change of the outputs of some classes that deleting each word makes.

    The bias is the output for an empty text. The changes need not add up to the output: words that say the same may
    each seem dispensable. `gap` says how far off the sum is.
    """
    size = -(-len(words) // MOST) or 1
    runs = [(int(words[n, 0]), int(words[min(n + size, len(words)) - 1, 1])) for n in range(0, len(words), size)]
    variants = [text, "", *(text[:start] + text[end:] for start, end in runs)]
    who = part_name(classifier.parts.get("model"), "the model")
    n_classes = len(classifier.labels)
    outputs = np.concatenate([
        logits(classifier.module, classifier.features(variants[n : n + MOST]), n_classes, classifier.device, who)
        for n in range(0, len(variants), MOST)
    ]).astype(np.float64)  # fmt: skip
    whole, bias = outputs[:2]
    lengths = [min(size, len(words) - n) for n in range(0, len(words), size)]
    values = np.repeat((whole - outputs[2:]) / np.array(lengths).reshape(-1, 1), lengths, axis=0)
    gap = float(np.abs(values.sum(axis=0) + bias - whole)[classes].max(initial=0))
    return Attribution(values[:, classes], values.mean(axis=1), bias, DELETED, gap)
