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
    """For each text its label, and the probability of every class, most probable first."""
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        for row in classifier.predict_proba(chunk):
            by_label = sorted(zip(classifier.labels, map(float, row), strict=True), key=lambda pair: -pair[1])
            yield {"label": by_label[0][0], "probabilities": dict(by_label)}


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
