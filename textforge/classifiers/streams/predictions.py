"""Predictions for a stream of texts, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import add
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.streams.line_reader import CHUNK as CHUNK, Ahead, Unreadable, chunked
from textforge.classifiers.streams.probabilities import MOST, as_limit, most_probable
from textforge.data.labels import label_names, label_value
from textforge.errors.escapes import shown, shown_json, shown_line

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.features.ragged import Features

T = TypeVar("T")


class ChunkStream(Protocol):
    """Chunks of texts to read ahead, such as a `LineReader`."""

    def __iter__(self) -> Iterator[list[str | Unreadable]]:
        """Iterate over the chunks."""

    def close(self) -> None:
        """Stop reading."""


def predictions(
    classifier: Classifier, texts: Iterable[str], *, probabilities: int | str = MOST
) -> Iterator[dict[str, Any]]:
    """Iterate over the predictions for texts, as dicts.

    Each dict has "label" (None where the classifier abstains), or "labels" for a multi-label classifier, and
    "probabilities", a dict from label to probability in descending order.

    Args:
        classifier: the classifier.
        texts: the texts; consumed lazily, in chunks.
        probabilities: the number of most probable labels to include, or 'all'. Predicted labels are always included.

    Raises:
        RecipeError: `probabilities` is neither a whole number from 1 nor 'all'.
    """
    for answers in answered(classifier, chunked(texts), limit=as_limit(probabilities)):
        yield from answers.dicts()


def answered(classifier: Classifier, chunks: Iterable[list[str]], *, limit: int | None = MOST) -> Iterator[Answers]:
    """Iterate over the predictions for each chunk. A chunk is taken only when its predictions are requested."""
    labels = _Labels(classifier.labels)
    for chunk in chunks:
        yield _answers(classifier, labels, classifier.predict_proba(chunk), limit)


def answered_ahead(
    classifier: Classifier, stream: ChunkStream, *, limit: int | None = MOST
) -> Generator[Answers, None, None]:
    """Like `answered`, but a thread reads and vectorizes the next chunks in the background.

    Unreadable lines keep their place and their reason. At most four chunks are in memory: one being read, two
    waiting, one being predicted. The stream is closed when the generator ends or is closed.
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
    """The labels in the escaped forms of each output format, computed on first use."""

    def __init__(self, labels: tuple[Any, ...]) -> None:
        self.labels = labels

    @cached_property
    def json(self) -> list[str]:
        return [_as_json(label_value(label)) for label in self.labels]

    @cached_property
    def names(self) -> list[str]:
        return label_names(self.labels)

    @cached_property
    def keys(self) -> list[str]:
        return [f"{_as_json(name)}: " for name in self.names]

    @cached_property
    def plain(self) -> list[str]:
        return [shown(name) for name in self.names]

    @cached_property
    def joinable(self) -> list[str]:
        """The plain names, with '|' escaped because it separates several labels."""
        return [label.replace("|", "\\x7c") for label in self.plain]


@dataclass(frozen=True)
class Answers:
    """The predictions for a chunk of texts.

    Args:
        classes: the class names.
        chosen: the class numbers predicted for each text; empty if there are none or the classifier abstains.
        probabilities: float32, shape (texts, labels).
        several: whether a text may have several labels.
        limit: maximum number of labels to output with their probability, in addition to the predicted ones; None
            for all.
        unreadable: the reason for each line that could not be read, by its position in the chunk. Such lines have
            no entry in `chosen` and `probabilities`.
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
        """Iterate over the predictions as dicts (see `predictions`); an unreadable line gives `{"error": reason}`."""
        yield from _interleaved(self._dicts(), {n: {"error": why} for n, why in self.unreadable.items()})

    def _dicts(self) -> Iterator[dict[str, Any]]:
        labels = self.classes.labels
        for chosen, numbers, row in self._rows():
            by_label = {labels[n]: value for n, value in zip(numbers, row, strict=True)}
            if self.several:
                yield {"labels": [labels[n] for n in chosen], "probabilities": by_label}
            else:
                yield {"label": labels[chosen[0]] if chosen else None, "probabilities": by_label}

    def most_probable(self, top: int) -> tuple[list[list[int]], list[list[float]]]:
        """The `top` most probable classes of each readable text, and their probabilities, in descending order."""
        return most_probable(self.probabilities, top, ())

    def jsonl(self) -> str:
        """Format each dict of `dicts` as one line of JSON."""
        errors = {n: _as_json({"error": why}) for n, why in self.unreadable.items()}
        return "\n".join([*_interleaved(self.json_lines(), errors), ""])

    def json_lines(self) -> list[str]:
        """Each prediction as a line of JSON, without its end; unreadable lines have none."""
        names, key = self.classes.json, self.classes.keys.__getitem__
        lines = []
        for chosen, numbers, row in self._rows():
            if self.several:
                begin = f'"labels": [{", ".join([names[n] for n in chosen])}]'
            else:
                begin = f'"label": {names[chosen[0]] if chosen else "null"}'
            pairs = ", ".join(map(add, map(key, numbers), map(repr, row)))
            lines.append(f'{{{begin}, "probabilities": {{{pairs}}}}}')
        return lines

    def tsv(self) -> str:
        r"""Format each text as one line: label, tab, probability.

        Several labels, and their probabilities, are joined by '|'; the label is empty if there is none. An unreadable
        line has an empty label, an empty probability, and the reason in a third column. Labels are escaped by
        `shown`; in a multi-label classifier, a '|' within a label becomes `\x7c`.
        """
        errors = {n: f"\t\t{shown_line(why)}\n" for n, why in self.unreadable.items()}
        return "".join(_interleaved(self._tsv_lines(), errors))

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
        """Iterate over texts: predicted classes, classes to output (most probable first), and their probabilities."""
        return zip(self.chosen, *most_probable(self.probabilities, self.limit, self.chosen), strict=True)


def _as_json(value: Any) -> str:
    return shown_json(json.dumps(value, ensure_ascii=False))


def _interleaved(lines: Iterable[T], others: Mapping[int, T]) -> Iterator[T]:
    """Insert the other lines at their positions in the result, and keep the order of `lines`."""
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
    """Vectorize the texts of a chunk; return the features, or None without texts, and `Answers.unreadable`."""
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
