"""The systems that a comparison is about, and their answers to the same texts over the same classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.data.labels import label_names
from textforge.errors import DataError, RecipeError, TextforgeError
from textforge.insight.answers import TestedRun, read_runs
from textforge.insight.own_texts import OwnTexts, recorded_digest
from textforge.runs import folder as run_folder

MOST = len(ascii_uppercase)
"""Maximum number of systems in one comparison; each has a letter."""


@dataclass(frozen=True)
class System:
    """One run, or the runs of one recipe with several seeds."""

    letter: str
    path: Path
    runs: list[TestedRun]
    answers: list[NDArray[Any]]
    """The answers of each run to the texts of the comparison, in the form of `Tested.gold`."""
    right: NDArray[np.float64]
    """The share of its runs that answer each text right, shape (texts,)."""
    confidence: NDArray[np.float64]
    """The mean confidence of its runs in their answers (`TestedRun.confidence`), shape (texts,)."""
    places: slice
    """Its runs among all runs of the comparison."""

    @cached_property
    def usually_right(self) -> NDArray[np.bool_]:
        """Whether more than half of its runs answer each text right, shape (texts,)."""
        usually: NDArray[np.bool_] = self.right > 0.5
        return usually

    def usual_answer(self, position: int) -> NDArray[Any]:
        """The answer to a text that most of its runs give; of equally frequent ones the first."""
        keys = [answer[position].tobytes() for answer in self.answers]
        most = Counter(keys).most_common(1)[0][0]
        usual: NDArray[Any] = self.answers[keys.index(most)][position]
        return usual


@dataclass(frozen=True)
class Tested:
    """The texts that all systems were tested on, and the systems."""

    systems: list[System]
    labels: tuple[Any, ...]
    gold: NDArray[Any]
    """Class numbers, int64, shape (texts,); for sets of labels 0 and 1, uint8, shape (texts, len(labels))."""
    rows: NDArray[np.int64]
    """The row of each text in its split, shape (texts,)."""
    weights: NDArray[np.float64] | None
    warnings: list[str]

    @property
    def runs(self) -> list[TestedRun]:
        return [run for system in self.systems for run in system.runs]

    def names_of(self, answer: Any) -> Any:
        """Return the value of the label of an answer, or the values of its labels in a list."""
        if self.gold.ndim == 2:
            return [self.labels[n] for n in np.flatnonzero(answer)]
        return self.labels[int(answer)]


def read_systems(paths: Sequence[str | Path], plugins: PluginManager) -> Tested:
    """Read runs and `--seeds` folders, and align their answers.

    Raises:
        BundleError: a run is unfinished, or has no answers to test texts.
        DataError: two runs were tested on different texts.
        RecipeError: the number of paths is below 2 or above 26, or a path is given twice.
    """
    if not 2 <= len(paths) <= MOST:
        raise RecipeError(f"compare needs from 2 to {MOST} runs, not {len(paths)}.")
    resolved = [Path(path).resolve() for path in paths]
    if twice := [path for n, path in enumerate(paths) if resolved[n] in resolved[:n]]:
        raise RecipeError(f"{twice[0]}: the same run is given twice.")
    groups = [read_runs(path) for path in paths]
    for path, group in zip(paths, groups, strict=True):
        _refuse_other_texts_of_seeds(Path(path), group, plugins)
    runs = [run for group in groups for run in group]
    warnings = _refuse_other_texts(runs, plugins)
    labels = tuple(dict.fromkeys(label for run in runs for label in run.labels))
    rows = reduce(np.intersect1d, [run.rows for run in runs])
    if any(len(run.rows) > len(rows) for run in runs):
        warnings.append(f"some runs left out texts with unknown labels; compared are the {len(rows):,} common ones.")
    if (weights := runs[0].weights) is not None:
        rows = rows[weights[np.searchsorted(runs[0].rows, rows)] > 0]  # as in the metrics of a run
    kept = [np.searchsorted(run.rows, rows) for run in runs]
    golds = [renumbered(run.gold, run.labels, labels)[at] for run, at in zip(runs, kept, strict=True)]
    for run, gold in zip(runs, golds, strict=True):
        if not len(rows) or not np.array_equal(gold, golds[0]):
            raise DataError(_other_texts(runs[0], run))
    answers = [renumbered(run.predicted, run.labels, labels)[at] for run, at in zip(runs, kept, strict=True)]
    systems: list[System] = []
    first = 0
    for letter, path, group in zip(ascii_uppercase, paths, groups, strict=False):
        places = slice(first, first + len(group))
        at = kept[places]
        right = np.mean([run.right[rows_of] for run, rows_of in zip(group, at, strict=True)], axis=0)
        sure = np.mean([run.confidence[rows_of] for run, rows_of in zip(group, at, strict=True)], axis=0)
        systems.append(System(letter, Path(path), group, answers[places], right, sure, places))
        first += len(group)
    return Tested(systems, labels, golds[0], rows, None if weights is None else weights[kept[0]], warnings)


def renumbered(encoded: NDArray[Any], labels: Sequence[Any], wanted: Sequence[Any]) -> NDArray[Any]:
    """Encode answers over other labels, which include these."""
    place = {name: n for n, name in enumerate(label_names(wanted))}
    at = np.array([place[name] for name in label_names(labels)], dtype=np.int64)
    if encoded.ndim == 1:
        numbers: NDArray[Any] = at[encoded]
        return numbers
    wider = np.zeros((len(encoded), len(wanted)), dtype=encoded.dtype)
    wider[:, at] = encoded
    return wider


def _refuse_other_texts_of_seeds(path: Path, runs: Sequence[TestedRun], plugins: PluginManager) -> None:
    """Refuse the runs of several seeds if each seed has its own test texts.

    The texts that all seeds have in common are few (of a fifth that three seeds hold out, 1 text in 125), and every
    other text was a training text of some seed. So no set of texts is left that a mean over seeds could be about.

    Raises:
        DataError: the texts differ.
    """
    first = OwnTexts(runs[0], plugins)
    for run in runs[1:]:
        if _same_texts(first, OwnTexts(run, plugins)) is False:
            raise DataError(
                f"{path}: its seeds were tested on different texts, because the recipe holds out other test texts for "
                "each seed, so there is no one set of texts to compare on. Give the dataset a test file of its own and "
                f"run the seeds again, or compare seed by seed, as in: textforge compare {runs[0].path} "
                f"OTHER/{runs[0].path.name}."
            )


def _refuse_other_texts(runs: Sequence[TestedRun], plugins: PluginManager) -> list[str]:
    """Compare the test texts of every run with those of the first one; return a warning if that is not possible.

    Raises:
        DataError: the texts differ.
    """
    first, unsure = OwnTexts(runs[0], plugins), []
    for run in runs[1:]:
        same = run.split == runs[0].split and run.multi_label == runs[0].multi_label
        known = same and _same_texts(first, OwnTexts(run, plugins))
        if known is None:
            unsure.append(str(run.path))
        if known is False:
            raise DataError(_other_texts(runs[0], run))
    if not unsure:
        return []
    return [
        f"whether the test texts are the same is not recorded, and the data cannot be read as they were, for "
        f"{', '.join(unsure)}: only the labels were compared."
    ]


def _same_texts(first: OwnTexts, other: OwnTexts) -> bool | None:
    """Whether two runs were tested on the same texts and labels; None if nobody can tell."""
    digests = [recorded_digest(own.run) for own in (first, other)]
    if None not in digests:
        return digests[0] == digests[1]
    whole = [run_folder.data_fingerprint(own.run.path) for own in (first, other)]
    if whole[0] is not None and whole[0] == whole[1]:
        return True
    try:  # runs made before digests of splits were recorded
        return first.digest() == other.digest() if first.unchanged() and other.unchanged() else None
    except TextforgeError:
        return None


def _other_texts(first: TestedRun, other: TestedRun) -> str:
    sizes = [len(run.rows) for run in (first, other)]
    if first.multi_label != other.multi_label:
        why = "one has single labels, the other sets of labels"
    elif first.split != other.split:
        why = "one is a cross-validation, the other is not"
    elif sizes[0] != sizes[1]:
        why = f"{sizes[0]:,} and {sizes[1]:,} texts"
    else:
        why = f"{sizes[0]:,} texts each, but other texts or other labels"
    return (
        f"{first.path} and {other.path} were tested on different texts ({why}). A comparison needs the same test texts."
    )
