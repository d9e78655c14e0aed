"""Read the answers of a run on the texts that it was tested on, from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.labels import label_name, label_names, sorted_labels
from textforge.errors import BundleError, listed
from textforge.runs import folder as run_folder

Scores = Mapping[str, float]
"""The stored probabilities of a text by the name of the label: all labels, or the most probable ones."""


@dataclass(frozen=True)
class TestedRun:
    """The answers of a finished run, or of a cross-validation, on the texts that it was tested on."""

    path: Path
    result: dict[str, Any]
    """The content of result.json or cross-validation.json."""
    split: str
    """The split of the dataset that the texts come from: 'test', or 'train' for a cross-validation."""
    labels: tuple[Any, ...]
    """The values of the labels: those of the classifier, then those that only gold has."""
    multi_label: bool
    rows: NDArray[np.int64]
    """The row of each text in its split, from 0, shape (n,). A run may leave out texts with unknown labels."""
    gold: NDArray[Any]
    """Class numbers, int64, shape (n,); for sets of labels 0 and 1, uint8, shape (n, len(labels))."""
    predicted: NDArray[Any]
    """The likeliest answers in the form of `gold`; an abstention counts as the answer that the run withheld."""
    answered: NDArray[np.bool_]
    """Whether the run answered each text instead of abstaining, shape (n,)."""
    scores: Sequence[Scores]
    """The probabilities that the run stored for each text."""
    weights: NDArray[np.float64] | None = None
    """How often each text counts in the metrics, shape (n,); None if each counts once."""

    __test__ = False  # the name begins as those of test classes do

    @property
    def names(self) -> list[str]:
        """The names of the labels, as tables and `scores` have them."""
        return label_names(self.labels)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is entirely right, shape (n,)."""
        same: NDArray[np.bool_] = (self.gold == self.predicted).reshape(len(self.rows), -1).all(axis=1)
        return same

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of each answer, shape (n,).

        For sets of labels, the probability of the most confident error in the set: the probability of a label that is
        too many, or of the absence of one that is missing; 0 if the answer is right.
        """
        names = self.names
        if not self.multi_label:
            answers = (names[n] for n in self.predicted)
            return np.array([scores.get(name, np.nan) for scores, name in zip(self.scores, answers, strict=True)])
        found = np.zeros(len(self.rows))
        for row in np.flatnonzero(~self.right).tolist():
            wrong = np.flatnonzero(self.gold[row] != self.predicted[row])
            present = [(self.scores[row].get(names[n], np.nan), self.predicted[row][n]) for n in wrong]
            found[row] = max(p if predicted else 1 - p for p, predicted in present)
        return found

    def probabilities(self) -> NDArray[np.float32]:
        """Return the stored probabilities, float32, shape (n, len(labels)); NaN for labels that were not stored."""
        number = {name: n for n, name in enumerate(self.names)}
        found = np.full((len(self.rows), len(self.labels)), np.nan, np.float32)
        for row, scores in enumerate(self.scores):
            found[row, [number[name] for name in scores]] = [*scores.values()]
        return found

    def label_sets(self, which: NDArray[Any], row: int) -> list[Any]:
        """Return the label or labels of a text in `gold` or `predicted`, as values, in a list."""
        chosen = np.flatnonzero(which[row]) if self.multi_label else [which[row]]
        return [self.labels[n] for n in chosen]


def read_runs(path: str | Path) -> list[TestedRun]:
    """Read the runs of a `--seeds` folder, or the one run at `path`.

    Raises:
        BundleError: as `read_run`.
    """
    path = Path(path)
    if not (path / run_folder.SEEDS).is_file():
        return [read_run(path)]
    names = read_json(path / run_folder.SEEDS).get("runs")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BundleError(f"{path}: its {run_folder.SEEDS} is damaged: it names no runs.")
    return [read_run(path / name) for name in names]


def read_run(path: str | Path) -> TestedRun:
    """Read the answers of a finished run or cross-validation.

    Raises:
        BundleError: there is no finished run at `path`, it has no test split, or a file of it is damaged. The message
            names the file and the line.
    """
    path = Path(path)
    folds = (path / run_folder.FOLDS).is_file()
    if (path / "bundle.json").is_file():
        raise BundleError(f"{path}: a bundle contains no answers to test texts. Name the run folder that it is in.")
    result = read_json(path / run_folder.FOLDS) if folds else run_folder.read_result(path)
    file = path / run_folder.PREDICTIONS
    if not file.is_file():
        why = "its recipe has no test split" if result.get("test") is None and not folds else "it was deleted"
        raise BundleError(f"{path}: the run has no {run_folder.PREDICTIONS}: {why}.")
    lines = list(_lines(file))
    if not lines:
        raise BundleError(f"{file}: the file is empty.")
    several = isinstance(lines[0]["gold"], list)
    labels = _labels(result, lines, several)
    scores = [line["probabilities"] for line in lines]
    if strange := {*chain.from_iterable(scores)} - {*label_names(labels)}:
        raise BundleError(f"{file}: it has probabilities of labels that the run does not know: {listed(strange)}.")
    answered = np.array([line["predicted"] is not None for line in lines])
    encode = _Encoder(labels, several, file)
    chosen = [_likeliest(line, result, labels) for line in lines]
    weights = np.array([line.get("weight", 1.0) for line in lines], dtype=np.float64)
    return TestedRun(
        path, result, "train" if folds else "test", labels, several,
        np.array([line["row"] for line in lines], dtype=np.int64),
        encode([line["gold"] for line in lines]), encode(chosen), answered, scores,
        weights if any("weight" in line for line in lines) else None,
    )  # fmt: skip


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Parse the lines of predictions.jsonl.

    Raises:
        BundleError: a line is damaged, or the file cannot be read.
    """
    number = 1
    try:
        with file.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):  # noqa: B007  (the message needs it)
                line = json.loads(text)
                if not _is_answer(line):
                    raise ValueError("it is not the answer to a text.")
                yield line
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{file}:{number}: the line is damaged: {error}") from error


def _is_answer(line: Mapping[str, Any]) -> bool:
    """Whether a line has a row, labels of one form and probabilities, of the types that a run writes."""
    gold, predicted, scores = line["gold"], line["predicted"], line["probabilities"]
    labels = [*gold, *predicted] if isinstance(gold, list) else [gold, gold if predicted is None else predicted]
    numbers = [line["row"], line.get("weight", 1.0), *scores.values()]
    return (
        isinstance(line["row"], int)
        and isinstance(predicted, list) is isinstance(gold, list)
        and len(scores) > 0
        and all(isinstance(label, (str, int)) for label in labels)
        and all(isinstance(number, (int, float)) for number in numbers)
    )


def _labels(result: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], several: bool) -> tuple[Any, ...]:
    """The labels of the classifier in their order, then those that only gold has."""
    known = result.get("labels") or ()
    gold = chain.from_iterable(line["gold"] for line in lines) if several else (line["gold"] for line in lines)
    return (*known, *sorted_labels({*gold} - {*known}))


def _likeliest(line: Mapping[str, Any], result: Mapping[str, Any], labels: Sequence[Any]) -> Any:
    """The predicted label or labels of a text; for an abstention, the label that was withheld."""
    if line["predicted"] is not None:
        return line["predicted"]
    scores: Scores = line["probabilities"]
    by_name = {label_name(label): label for label in labels}
    thresholds = (result.get("decision") or {}).get("thresholds")
    if thresholds and len(thresholds) == 2:
        first, second = list(by_name)[:2]
        probability = scores[second] if second in scores else 1 - scores.get(first, 0)
        return labels[int(np.float32(probability) >= np.float32(thresholds[1]))]
    return by_name.get(max(scores, key=lambda name: scores[name]))


class _Encoder:
    """Encode labels as class numbers, or sets of labels as rows of 0 and 1."""

    def __init__(self, labels: Sequence[Any], several: bool, file: Path) -> None:
        self._number = {label_name(label): n for n, label in enumerate(labels)}
        self._several, self._file = several, file

    def __call__(self, answers: Sequence[Any]) -> NDArray[Any]:
        try:
            if not self._several:
                return np.array([self._number[label_name(label)] for label in answers], dtype=np.int64)
            found = np.zeros((len(answers), len(self._number)), dtype=np.uint8)
            for row, answer in enumerate(answers):
                found[row, [self._number[label_name(label)] for label in answer]] = 1
        except (LookupError, TypeError, ValueError) as error:
            raise BundleError(f"{self._file}: an answer has a label that the run does not know: {error}.") from error
        return found


def read_json(path: Path) -> dict[str, Any]:
    """Read a summary of runs.

    Raises:
        BundleError: the file cannot be read, or is damaged.
    """
    return run_folder.read_object(path, f"{path}: the file is damaged")
