"""Texts whose label is probably wrong: confident learning (Northcutt, Jiang & Chuang 2021), by cleanlab."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, number
from textforge.insight.doctor.out_of_fold import out_of_fold, recommended

FEWEST = 10
"""Number of texts of a class below which its labels are not judged."""
MOST = 20_000
"""Number of texts that are judged at most; more are sampled, so that training stays within minutes."""


def wrong_labels(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding that lists the texts whose label is probably wrong, the most doubtful first."""
    judged = _judged(data)
    if len(judged) == 0:
        return
    own, classes = np.unique(data.classes[judged], return_inverse=True)
    probabilities = out_of_fold([data.texts[n] for n in judged], classes, recommended(plugins))
    doubtful = doubtful_labels(classes, probabilities)
    if len(doubtful) == 0:
        return
    likelier = [data.names[own[probabilities[n].argmax()]] for n in doubtful]
    rows = judged[doubtful].tolist()
    sample = "" if len(judged) == len(data) else f" of {len(judged):,} that were judged"
    yield Finding(
        "wrong-labels", "medium", len(rows),
        f"{number(len(rows), 'text')}{sample} ({len(rows) / len(judged):.1%}) may have a wrong "
        "label: a classifier trained on the other texts is confident of another one.",
        "Read them in this order, and correct the labels that are wrong. The first ones are the most doubtful.",
        data.at(rows),
        tuple(
            f"[{data.labels[n][0]}, rather {label}] {data.texts[n]}"
            for n, label in zip(rows[:EXAMPLES], likelier, strict=False)
        ),
    )  # fmt: skip


def doubtful_labels(classes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions of labels that are probably wrong, the least self-confident first.

    Confident learning counts the wrong labels; the texts with the lowest probability of their own label are taken, as
    many as it counts. Choosing them class by class, as cleanlab does by default, finds more right labels.

    Args:
        classes: the class number of each text, shape (n,).
        probabilities: out-of-fold probabilities, shape (n, classes).
    """
    from cleanlab.filter import find_label_issues

    found: NDArray[np.int64] = find_label_issues(
        classes, probabilities, filter_by="low_self_confidence", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return found


def _judged(data: Examined) -> NDArray[np.int64]:
    """The positions of the texts to judge: those of classes with enough texts, if there are two such classes."""
    sizes = np.bincount(data.classes)
    rows = np.flatnonzero((sizes[data.classes] >= FEWEST) & np.array([bool(text.strip()) for text in data.texts]))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    left = np.bincount(data.classes[rows])
    rows = rows[left[data.classes[rows]] >= FEWEST]
    return rows if len(np.unique(data.classes[rows])) > 1 else rows[:0]
