"""Predictions for texts that come one after another, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from textforge.errors import DataError

if TYPE_CHECKING:
    from textforge.classifier import Classifier

CHUNK = 1024
"""Texts that are held at a time."""


def predictions(classifier: Classifier, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """For each text its label (null where the classifier abstains), or its labels where it may have several.

    With them the probability of every class, most probable first.
    """
    several = classifier.decision.multi_label
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        probabilities = classifier.predict_proba(chunk)
        for row, answer in zip(probabilities, classifier.answers(probabilities), strict=True):
            by_label = sorted(zip(classifier.labels, map(float, row), strict=True), key=lambda pair: -pair[1])
            given = {"labels": list(answer)} if several else {"label": answer}
            yield {**given, "probabilities": dict(by_label)}


def as_line(prediction: dict[str, Any]) -> tuple[str, str]:
    """Label and probability as a table shows them; several labels are joined by '|', none is empty."""
    probabilities = prediction["probabilities"]
    if "labels" in prediction:
        labels = prediction["labels"]
        return "|".join(labels), "|".join(f"{probabilities[label]:.4f}" for label in labels)
    label = prediction["label"]
    return label or "", f"{max(probabilities.values()) if label is None else probabilities[label]:.4f}"


def read_lines(stream: BinaryIO, name: str, *, json_lines: bool = False) -> Iterator[str]:
    """One text a line, or with `json_lines` one JSON string, or object with a "text", a line.

    Raises:
        DataError: a line is not UTF-8, or not such JSON; says which.
    """
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{name}: line {number} is not UTF-8: {error.reason}.") from error
        yield _json_text(text, name, number) if json_lines else text


def open_input(path: Path) -> BinaryIO:
    """A file of texts.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _json_text(line: str, name: str, number: int) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: line {number} is not JSON: {error}.") from error
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise DataError(f'{name}: line {number} is neither a JSON string nor an object with a "text".')
    return text
