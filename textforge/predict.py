"""Predictions for texts that come one after another, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.text_stream import CHUNK as CHUNK, Ahead, TextStream, chunked, one_line

if TYPE_CHECKING:
    from textforge.classifier import Classifier


def predictions(classifier: Classifier, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """For each text its label (null where the classifier abstains), or its labels where it may have several.

    With them the probability of every class, most probable first.
    """
    for answers in answered(classifier, chunked(texts)):
        yield from answers.dicts()


def answered(classifier: Classifier, chunks: Iterable[list[str]]) -> Iterator[Answers]:
    """The answers to some texts after the other. Nothing is taken before it is asked for."""
    labels = _Labels(classifier.labels)
    for chunk in chunks:
        yield _answers(classifier, labels, classifier.predict_proba(chunk))


def answered_ahead(classifier: Classifier, stream: TextStream) -> Generator[Answers, None, None]:
    """As `answered`, while a thread takes the next chunks and turns them into features.

    At most four chunks are on their way: one read, two waiting, one answered. When it ends, or is closed, so is the
    stream.
    """
    labels = _Labels(classifier.labels)
    ahead = Ahead(classifier.features(chunk) for chunk in stream)
    try:
        for features in ahead:
            yield _answers(classifier, labels, classifier.probabilities(features))
    finally:
        stream.close()  # first: the thread may be waiting for it
        ahead.close()


class _Labels:
    """The classes as they are written."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels

    @cached_property
    def json(self) -> list[str]:
        return [json.dumps(label, ensure_ascii=False) for label in self.labels]

    @cached_property
    def keys(self) -> NDArray[Any]:
        return np.array([f"{label}: " for label in self.json], dtype=object)

    @cached_property
    def plain(self) -> list[str]:
        return [one_line(label) for label in self.labels]


@dataclass(frozen=True)
class Answers:
    """What a classifier says of some texts.

    Args:
        chosen: for each text the numbers of its labels; none where it has none, or where the classifier abstains.
        probabilities: float32, shape (texts, labels).
        several: whether a text may have several labels.
    """

    classes: _Labels
    chosen: list[list[int]]
    probabilities: NDArray[np.float32]
    several: bool

    def __len__(self) -> int:
        return len(self.chosen)

    def dicts(self) -> Iterator[dict[str, Any]]:
        """For each text its label or labels, and all probabilities, most probable first."""
        labels = self.classes.labels
        order, values = self._sorted()
        for chosen, numbers, row in zip(self.chosen, order.tolist(), values, strict=True):
            by_label = {labels[n]: value for n, value in zip(numbers, row, strict=True)}
            if self.several:
                yield {"labels": [labels[n] for n in chosen], "probabilities": by_label}
            else:
                yield {"label": labels[chosen[0]] if chosen else None, "probabilities": by_label}

    def jsonl(self) -> str:
        """A line for each text: the JSON of its dict."""
        order, values = self._sorted()
        names, keys = self.classes.json, self.classes.keys[order].tolist()
        lines = []
        for chosen, row_keys, row in zip(self.chosen, keys, values, strict=True):
            if self.several:
                begin = f'"labels": [{", ".join([names[n] for n in chosen])}]'
            else:
                begin = f'"label": {names[chosen[0]] if chosen else "null"}'
            pairs = ", ".join([key + number for key, number in zip(row_keys, map(repr, row), strict=True)])
            lines.append(f'{{{begin}, "probabilities": {{{pairs}}}}}\n')
        return "".join(lines)

    def tsv(self) -> str:
        """A line for each text: label, tab, probability; several are joined by '|', none is empty."""
        names, values = self.classes.plain, self.probabilities.tolist()
        if self.several:
            return "".join(
                [f"{'|'.join([names[n] for n in chosen])}\t{'|'.join([f'{row[n]:.4f}' for n in chosen])}\n"
                 for chosen, row in zip(self.chosen, values, strict=True)]
            )  # fmt: skip
        return "".join(
            [f"{names[chosen[0]]}\t{row[chosen[0]]:.4f}\n" if chosen else f"\t{max(row):.4f}\n"
             for chosen, row in zip(self.chosen, values, strict=True)]
        )  # fmt: skip

    def _sorted(self) -> tuple[NDArray[np.int64], list[list[float]]]:
        """For each text the classes and their probabilities, most probable first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")
        return order, np.take_along_axis(self.probabilities, order, axis=1).tolist()


def _answers(classifier: Classifier, labels: _Labels, probabilities: NDArray[np.float32]) -> Answers:
    decision = classifier.decision
    chosen = decision.chosen(probabilities)
    if decision.multi_label:
        numbers = [np.flatnonzero(row).tolist() for row in chosen]
    else:
        sure = decision.answered(probabilities).tolist()
        numbers = [[n] if yes else [] for n, yes in zip(chosen.tolist(), sure, strict=True)]
    return Answers(labels, numbers, probabilities, decision.multi_label)
