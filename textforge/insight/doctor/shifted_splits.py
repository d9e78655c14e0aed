"""Splits that are unlike train: other labels, other shares of them, or texts that a classifier can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, has, number
from textforge.insight.doctor.out_of_fold import auc, out_of_fold
from textforge.runs.baseline import load_baseline

FEWEST, MOST = 50, 2_000
"""Numbers of texts of each side: fewer say nothing, more are sampled."""
UNLIKE, VERY_UNLIKE = 0.6, 0.75
"""AUC from which on a split is reported, and from which on its figures mislead. A random split has 0.5."""
MOVED = 0.1
"""Share of texts that would need another label to give both splits the same shares of labels."""
WORDS = 8


def shifted_splits(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield findings for each split that is unlike train."""
    for split in data.splits[1:]:
        train, other = np.array(data.rows_of("train")), np.array(data.rows_of(split))
        yield from _unknown_labels(data, split)
        yield from _moved_labels(data, train, other)
        if min(len(train), len(other)) >= FEWEST:
            yield from _other_texts(data, train, other, plugins)


def _unknown_labels(data: Examined, split: str) -> Iterator[Finding]:
    known = {label for n in data.rows_of("train") for label in data.labels[n]}
    rows = [n for n in data.rows_of(split) if not known.issuperset(data.labels[n])]
    if rows:
        counts = Counter(label for n in rows for label in data.labels[n] if label not in known)
        yield Finding(
            "unknown-labels", "high", len(rows),
            f"{number(len(rows), 'text')} of {split} {has(len(rows))} a label that no text of train has.",
            "Correct the labels, or add such texts to train; no model can predict a label that it never saw.",
            data.at(rows), tuple(f"{label} ({number(n, 'text')})" for label, n in counts.most_common(EXAMPLES)),
        )  # fmt: skip


def _moved_labels(data: Examined, train: NDArray[np.int64], other: NDArray[np.int64]) -> Iterator[Finding]:
    """A finding if the shares of labels differ by more than chance, by their total variation distance."""
    split = data.places[other[0]].split
    shares = []
    for rows in (train, other):
        counts = Counter(label for n in rows for label in data.labels[n])
        total = max(1, sum(counts.values()))
        shares.append({name: counts[name] / total for name in data.names})
    moved = sum(abs(shares[0][name] - shares[1][name]) for name in data.names) / 2
    noise = sum(np.sqrt(p * (1 - p) * (1 / len(train) + 1 / len(other))) for p in shares[0].values()) / 2
    if moved < max(MOVED, 2 * noise):
        return
    most = sorted(data.names, key=lambda name: -abs(shares[0][name] - shares[1][name]))[:EXAMPLES]
    yield Finding(
        "shifted-labels", "medium", len(other),
        f"the labels of {split} have other shares than those of train: {moved:.0%} of the texts would need another "
        "label to make them equal.",
        "Draw both splits from the same texts, or make sure that the shares of the split are those of texts to come.",
        (), tuple(f"{name}: {shares[0][name]:.1%} of train, {shares[1][name]:.1%} of {split}" for name in most),
    )  # fmt: skip


def _other_texts(
    data: Examined, train: NDArray[np.int64], other: NDArray[np.int64], plugins: PluginManager
) -> Iterator[Finding]:
    """A finding if a classifier can tell the texts of a split from those of train, by cross-validated AUC."""
    split = data.places[other[0]].split
    size = min(len(train), len(other), MOST)
    draw = np.random.default_rng(0)
    rows = np.concatenate([np.sort(draw.choice(part, size, replace=False)) for part in (train, other)])
    is_other = np.repeat([0, 1], size)
    scores = out_of_fold([data.texts[n] for n in rows], is_other, load_baseline(plugins))[:, 1]
    found = auc(is_other == 1, scores)
    error = np.sqrt((2 * size + 1) / (12 * size * size))  # of an AUC of 0.5
    if found < max(UNLIKE, 0.5 + 3 * error):
        return
    foreign = rows[size:][np.argsort(-scores[size:], kind="stable")]
    telling = telling_words([data.words[n] for n in rows[:size]], [data.words[n] for n in rows[size:]])
    yield Finding(
        "unlike-train", "high" if found >= VERY_UNLIKE else "medium", len(other),
        f"{split} is not like train: a classifier tells their texts apart with an AUC of {found:.2f} (0.5 is chance).",
        f"If {split} is what the texts to come are like, trust its figures and get training texts like them. If not, "
        "draw both splits at random from the same texts.",
        data.at(foreign.tolist()), tuple(telling),
    )  # fmt: skip


def telling_words(here: list[frozenset[str]], there: list[frozenset[str]]) -> list[str]:
    """The words whose share of texts differs most between two lists of texts, by the z score of the two shares."""
    counts = [Counter(word for words in texts for word in words) for texts in (here, there)]
    scored = []
    for word in {*counts[0], *counts[1]}:
        one, other = counts[0][word] / len(here), counts[1][word] / len(there)
        both = (counts[0][word] + counts[1][word]) / (len(here) + len(there))
        error = np.sqrt(max(1e-12, both * (1 - both)) * (1 / len(here) + 1 / len(there)))
        scored.append((-abs(one - other) / error, word, one, other))
    return [f"'{word}': in {one:.1%} of train, in {other:.1%} here" for _, word, one, other in sorted(scored)[:WORDS]]
