"""Predictions for texts that come one after another, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import add
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.streams.line_reader import CHUNK as CHUNK, Ahead, LineReader, Unreadable, chunked
from textforge.classifiers.streams.probabilities import MOST, as_limit, most_probable
from textforge.errors.escapes import shown, shown_json, shown_line

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.features.ragged import Features

T = TypeVar("T")


def predictions(
    classifier: Classifier, texts: Iterable[str], *, probabilities: int | str = MOST
) -> Iterator[dict[str, Any]]:
    """For each text its label (null where the classifier abstains), or its labels where it may have several.

    With them so many of the most probable labels with their probabilities, most probable first; or 'all'.
    """
    for answers in answered(classifier, chunked(texts), limit=as_limit(probabilities)):
        yield from answers.dicts()


def answered(classifier: Classifier, chunks: Iterable[list[str]], *, limit: int | None = MOST) -> Iterator[Answers]:
    """The answers to some texts after the other. Nothing is taken before it is asked for."""
    labels = _Labels(classifier.labels)
    for chunk in chunks:
        yield _answers(classifier, labels, classifier.predict_proba(chunk), limit)


def answered_ahead(
    classifier: Classifier, stream: LineReader, *, limit: int | None = MOST
) -> Generator[Answers, None, None]:
    """As `answered`, while a thread takes the next chunks and turns them into features. Unreadable lines stay so.

    At most four chunks are on their way: one read, two waiting, one answered. When it ends, or is closed, so is the
    stream.
    """
    labels = _Labels(classifier.labels)
    ahead = Ahead(_prepared(classifier, chunk) for chunk in stream)
    try:
        for features, unreadable in ahead:
            none = np.empty((0, len(classifier.labels)), dtype=np.float32)
            probabilities = none if features is None else classifier.probabilities(features)
            yield _answers(classifier, labels, probabilities, limit, unreadable)
    finally:
        stream.close()  # first: the thread may be waiting for it
        ahead.close()


class _Labels:
    """The classes as they are written."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels

    @cached_property
    def json(self) -> list[str]:
        return [shown_json(json.dumps(label, ensure_ascii=False)) for label in self.labels]

    @cached_property
    def keys(self) -> list[str]:
        return [f"{label}: " for label in self.json]

    @cached_property
    def plain(self) -> list[str]:
        return [shown(label) for label in self.labels]

    @cached_property
    def joinable(self) -> list[str]:
        """Plain, and without the sign that several are joined by."""
        return [label.replace("|", "\\x7c") for label in self.plain]


@dataclass(frozen=True)
class Answers:
    """What a classifier says of some texts.

    Args:
        chosen: for each text the numbers of its labels; none where it has none, or where the classifier abstains.
        probabilities: float32, shape (texts, labels).
        several: whether a text may have several labels.
        limit: how many labels at most are given with their probability, beside the chosen ones; None: all.
        unreadable: why a line could not be read, by its place among the lines; it has no row in the others.
    """

    classes: _Labels
    chosen: list[list[int]]
    probabilities: NDArray[np.float32]
    several: bool
    limit: int | None = MOST
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.chosen) + len(self.unreadable)

    def dicts(self) -> Iterator[dict[str, Any]]:
        """For each text its label or labels, and probabilities, most probable first; for other lines the error."""
        yield from _merged(self._dicts(), {n: {"error": why} for n, why in self.unreadable.items()})

    def _dicts(self) -> Iterator[dict[str, Any]]:
        labels = self.classes.labels
        for chosen, numbers, row in self._rows():
            by_label = {labels[n]: value for n, value in zip(numbers, row, strict=True)}
            if self.several:
                yield {"labels": [labels[n] for n in chosen], "probabilities": by_label}
            else:
                yield {"label": labels[chosen[0]] if chosen else None, "probabilities": by_label}

    def jsonl(self) -> str:
        """A line for each text: the JSON of its dict."""
        errors = {n: shown_json(json.dumps({"error": why}, ensure_ascii=False)) for n, why in self.unreadable.items()}
        return "".join(_merged(self._json_lines(), {n: f"{line}\n" for n, line in errors.items()}))

    def _json_lines(self) -> list[str]:
        names, key = self.classes.json, self.classes.keys.__getitem__
        lines = []
        for chosen, numbers, row in self._rows():
            if self.several:
                begin = f'"labels": [{", ".join([names[n] for n in chosen])}]'
            else:
                begin = f'"label": {names[chosen[0]] if chosen else "null"}'
            pairs = ", ".join(map(add, map(key, numbers), map(repr, row)))
            lines.append(f'{{{begin}, "probabilities": {{{pairs}}}}}\n')
        return lines

    def tsv(self) -> str:
        r"""A line for each text: label, tab, probability.

        Several labels are joined by '|', none is empty. A line that cannot be read has an empty label, an empty
        probability, and the reason in a third column. Labels are escaped as `shown` does; a '|' among several labels
        is `\x7c`.
        """
        errors = {n: f"\t\t{shown_line(why)}\n" for n, why in self.unreadable.items()}
        return "".join(_merged(self._tsv_lines(), errors))

    def _tsv_lines(self) -> list[str]:
        values = self.probabilities.tolist()
        if self.several:
            names = self.classes.joinable
            return [
                f"{'|'.join([names[n] for n in chosen])}\t{'|'.join([f'{row[n]:.4f}' for n in chosen])}\n"
                for chosen, row in zip(self.chosen, values, strict=True)
            ]
        names = self.classes.plain
        return [
            f"{names[chosen[0]]}\t{row[chosen[0]]:.4f}\n" if chosen else f"\t{max(row):.4f}\n"
            for chosen, row in zip(self.chosen, values, strict=True)
        ]

    def _rows(self) -> Iterator[tuple[list[int], list[int], list[float]]]:
        """For each text its chosen classes, the classes to write, most probable first, and their probabilities."""
        return zip(self.chosen, *most_probable(self.probabilities, self.limit, self.chosen), strict=True)


def _merged(lines: Iterable[T], others: Mapping[int, T]) -> Iterator[T]:
    """Lines in their order, with the others at their places."""
    if not others:
        yield from lines
        return
    place = 0
    for line in lines:
        while place in others:
            yield others[place]
            place += 1
        yield line
        place += 1
    while place in others:
        yield others[place]
        place += 1


def _prepared(classifier: Classifier, chunk: Sequence[str | Unreadable]) -> tuple[Features | None, dict[int, str]]:
    """The features of the texts, None where there is none; and why other lines cannot be read, by their place."""
    texts = [text for text in chunk if isinstance(text, str)]
    unreadable = {n: text.reason for n, text in enumerate(chunk) if isinstance(text, Unreadable)}
    return classifier.features(texts) if texts else None, unreadable


def _answers(
    classifier: Classifier,
    labels: _Labels,
    probabilities: NDArray[np.float32],
    limit: int | None,
    unreadable: Mapping[int, str] | None = None,
) -> Answers:
    decision = classifier.decision
    chosen = decision.chosen(probabilities)
    if decision.multi_label:
        numbers = [np.flatnonzero(row).tolist() for row in chosen]
    else:
        sure = decision.answered(probabilities).tolist()
        numbers = [[n] if yes else [] for n, yes in zip(chosen.tolist(), sure, strict=True)]
    return Answers(labels, numbers, probabilities, decision.multi_label, limit, unreadable or {})
