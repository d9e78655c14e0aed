"""The test texts that a run got wrong, grouped by gold and predicted label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.errors import RecipeError, did_you_mean, listed
from textforge.insight.answers import TestedRun, read_run
from textforge.insight.own_texts import OwnTexts, texts_or_warning
from textforge.runs import folder as run_folder


@dataclass(frozen=True)
class LabelFilter:
    """Labels that a mistake must have; None accepts any.

    For sets of labels, `gold` is a label that the answer lacks, and `predicted` a label that it has too many.
    """

    gold: str | None = None
    predicted: str | None = None
    either: str | None = None
    """A label that is in gold or predicted."""

    def refuse_unknown(self, run: TestedRun) -> None:
        """Raise a RecipeError if the run does not know a label."""
        for label in (self.gold, self.predicted, self.either):
            if label is not None and label not in run.names:
                hint = did_you_mean(label, run.names)
                raise RecipeError(f"no label '{label}' in this run.{hint} Its labels: {listed(run.names)}.")

    def accepts(self, gold: Sequence[str], predicted: Sequence[str]) -> bool:
        """Whether a mistake between these labels has the wanted ones."""
        return (
            (self.gold is None or self.gold in gold)
            and (self.predicted is None or self.predicted in predicted)
            and (self.either is None or self.either in (*gold, *predicted))
        )


def mistakes(
    path: str | Path,
    *,
    gold: str | None = None,
    predicted: str | None = None,
    label: str | None = None,
    limit: int | None = None,
    plugins: PluginManager | None = None,
) -> dict[str, Any]:
    """Return the test texts that a run got wrong, the most confident errors first, in groups, the largest first.

    A group has the texts with one pair of gold and predicted label. For sets of labels, a group has the texts whose
    answers lack the same labels and have the same labels too many; a text is wrong if its set is not exactly right.
    Texts that the run did not answer come last, in groups without a predicted label.

    Args:
        path: a finished run or a cross-validation.
        gold: keep mistakes with this gold label; for sets of labels, with this label missing in the answer.
        predicted: keep mistakes with this predicted label; for sets of labels, with this label too many.
        label: keep mistakes with this label as gold or predicted.
        limit: the largest number of texts in each group; None for all.
        plugins: the plugin manager that looks up the dataset. Defaults to everything installed.

    Returns:
        JSON values: `n`, the number of test texts; `wrong` and `abstained`, numbers of all texts before any filter;
        `groups`, each with `gold`, `predicted` (None for abstentions), `texts` (their number) and `rows`; and
        `warnings`. A row has the row number in the split from 0, `text` (None if the data cannot be read), `gold`,
        `predicted`, and `confidence`, the probability of the wrong answer; for an abstention, `predicted` is None and
        `withheld` is the likeliest label.

    Raises:
        BundleError: the run is unfinished or damaged, or has no test split.
        RecipeError: the run does not know a label, the limit is below 1, or `path` is a folder of several runs.
    """
    if limit is not None and limit < 1:
        raise RecipeError(f"limit must be a whole number from 1, not {limit!r}.")
    if (Path(path) / run_folder.SEEDS).is_file():
        raise RecipeError(f"{path}: holds the runs of several seeds. Name one of them, such as {path}/seed-0.")
    run = read_run(path)
    wanted = LabelFilter(gold, predicted, label)
    wanted.refuse_unknown(run)
    groups = _groups(run, wanted)
    chosen = [positions[:limit] for _, _, positions in groups]
    own = OwnTexts(run, plugins or PluginManager())
    texts, warnings = texts_or_warning(own, [position for positions in chosen for position in positions])
    return {
        "run": str(path),
        "split": run.split,
        "n": len(run.rows),
        "wrong": int((~run.right & run.answered).sum()),
        "abstained": int((~run.answered).sum()),
        "multi_label": run.multi_label,
        "groups": [
            {
                "gold": between[0],
                "predicted": between[1],
                "texts": len(positions),
                "rows": [_row(run, position, texts.get(position)) for position in shown],
            }
            for (_, between, positions), shown in zip(groups, chosen, strict=True)
        ],
        "warnings": warnings,
    }


_ABSTAINED = (-1,)
_Group = tuple[tuple[tuple[int, ...], ...], tuple[Any, Any], list[int]]
"""The class numbers of a group, its gold and predicted labels, and the positions of its texts, most confident first."""


def _groups(run: TestedRun, wanted: LabelFilter) -> list[_Group]:
    """The groups of mistakes, the largest first, then those of abstentions; equally large ones by their labels."""
    found: dict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
    wrong = np.flatnonzero(~(run.right & run.answered))
    for position in wrong[np.argsort(-run.confidence[wrong], kind="stable")].tolist():
        key = _between(run, position)
        if wanted.accepts(*([run.names[n] for n in labels] for labels in key[:2])):
            found[key].append(position)
    ordered = sorted(found.items(), key=lambda group: (_ABSTAINED in group[0], -len(group[1]), group[0]))
    return [(key, _shown(run, key), positions) for key, positions in ordered]


def _between(run: TestedRun, position: int) -> tuple[tuple[int, ...], ...]:
    """The class numbers that tell gold and answer apart: of gold, of the answer, and -1 for an abstention."""
    gold, predicted = run.gold[position], run.predicted[position]
    if run.multi_label:
        return _numbers((gold == 1) & (predicted == 0)), _numbers((gold == 0) & (predicted == 1))
    if not run.answered[position]:
        return (int(gold),), (), _ABSTAINED
    return (int(gold),), (int(predicted),)


def _numbers(which: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(which).tolist())


def _shown(run: TestedRun, key: tuple[tuple[int, ...], ...]) -> tuple[Any, Any]:
    """Gold and predicted label of a group; lists of labels for sets, and no predicted label for abstentions."""
    gold, predicted = ([run.labels[n] for n in numbers] for numbers in key[:2])
    if run.multi_label:
        return gold, predicted
    return gold[0], predicted[0] if predicted else None


def _row(run: TestedRun, position: int, text: str | None) -> dict[str, Any]:
    """A mistake as JSON values."""
    gold, predicted = (run.label_sets(which, position) for which in (run.gold, run.predicted))
    answered = bool(run.answered[position])
    confidence = float(run.confidence[position])
    return {
        "row": int(run.rows[position]),
        "text": text,
        "gold": gold if run.multi_label else gold[0],
        "predicted": predicted if run.multi_label else predicted[0] if answered else None,
        **({} if answered else {"withheld": predicted[0]}),
        "confidence": None if np.isnan(confidence) else confidence,
    }
