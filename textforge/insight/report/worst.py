"""The section of the worst mistakes: the most confident wrong answers, with their texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textforge.insight.own_texts import texts_or_warning
from textforge.insight.report.pool import Pool
from textforge.insight.report.reasons import Piece, Reasons, cut_pieces
from textforge.insight.report.sources import Sources

MOST, PER_PAIR = 24, 4
"""Number of mistakes, and of those between the same two labels."""
LONGEST = 3000
"""Number of characters of a text that a report has."""


@dataclass(frozen=True)
class _Mistake:
    """A text that one or more runs got wrong."""

    answer: int
    """The place in the pool of its most confident wrong answer."""
    runs: list[int]
    """The runs that got it wrong."""
    confidence: float
    """The mean confidence of the wrong answers."""


def worst_mistakes(sources: Sources, pool: Pool, reasons: Reasons | None) -> tuple[dict[str, Any], list[str]]:
    """Return the worst mistakes, and warnings if texts cannot be shown.

    The texts that most runs got wrong come first, then those with the most confident wrong answers; at most `PER_PAIR`
    have the same gold label and answer. Abstentions are no mistakes.

    Returns:
        `wrong`, the number of wrong answers of all runs, and `rows`. A row has `row`, its number in the split; `run`
        and `runs_wrong`, the number of runs that got it wrong; gold and predicted label, confidence, `text` (None if it
        cannot be read) of at most `LONGEST` characters, `cut`, the number of characters left out, and `pieces`, the
        text in marked pieces (None without reasons).
    """
    wrong = np.flatnonzero(~pool.right & pool.answered)
    chosen = [*_chosen(pool, _mistakes(sources, pool, wrong.tolist()))]
    texts, warnings = _texts(sources, pool, [one.answer for one in chosen])
    pieces = _pieces(pool, chosen, texts, reasons)
    rows = []
    for number, one in enumerate(chosen):
        at, run = int(pool.position[one.answer]), int(pool.run[one.answer])
        gold, predicted = _labels(pool, one.answer)
        text = texts.get(one.answer)
        rows.append({
            "run": sources.names[run] if sources.kind == "seeds" else None,
            "row": int(pool.runs[run].rows[at]),
            "runs_wrong": len(one.runs),
            "gold": gold,
            "predicted": predicted,
            "confidence": None if np.isnan(one.confidence) else one.confidence,
            "text": text and text[:LONGEST],
            "cut": max(0, len(text or "") - LONGEST),
            "pieces": pieces.get(number),
        })  # fmt: skip
    return {"wrong": len(wrong), "answers": len(pool.right), "rows": rows}, warnings


def _mistakes(sources: Sources, pool: Pool, wrong: Sequence[int]) -> list[_Mistake]:
    """Join the wrong answers to the same text, where the runs had the same texts."""
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    together = len(pool.runs) == 1 or sources.same_texts
    for answer in wrong:
        groups[0 if together else int(pool.run[answer]), int(pool.position[answer])].append(answer)
    sure = np.nan_to_num(pool.confidence)
    return [
        _Mistake(max(answers, key=lambda one: sure[one]), [int(pool.run[one]) for one in answers],
                 float(np.mean(pool.confidence[answers])))
        for answers in groups.values()
    ]  # fmt: skip


def _chosen(pool: Pool, mistakes: Sequence[_Mistake]) -> Iterator[_Mistake]:
    """The worst mistakes, at most `PER_PAIR` between the same labels."""
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    found = 0
    for one in sorted(mistakes, key=lambda one: (-len(one.runs), -np.nan_to_num(one.confidence), one.answer)):
        pair = (pool.gold[one.answer].tobytes(), pool.predicted[one.answer].tobytes())
        pairs[pair] += 1
        if pairs[pair] <= PER_PAIR and found < MOST:
            found += 1
            yield one


def _labels(pool: Pool, answer: int) -> tuple[Any, Any]:
    """Gold and predicted label of an answer; for sets of labels two lists."""
    if pool.multi_label:
        sets = [[pool.names[n] for n in np.flatnonzero(which[answer])] for which in (pool.gold, pool.predicted)]
        return sets[0], sets[1]
    return pool.names[pool.gold[answer]], pool.names[pool.predicted[answer]]


def _texts(sources: Sources, pool: Pool, answers: Sequence[int]) -> tuple[dict[int, str], list[str]]:
    """The texts of answers, as far as they can be read, and warnings."""
    found: dict[int, str] = {}
    warnings: dict[str, None] = {}
    for number, own in enumerate(sources.own_texts):
        of_run = [answer for answer in answers if pool.run[answer] == number]
        texts, said = texts_or_warning(own, [int(pool.position[answer]) for answer in of_run])
        found |= {answer: texts[at] for answer in of_run if (at := int(pool.position[answer])) in texts}
        warnings |= dict.fromkeys(said)
    return found, [*warnings]


def _pieces(
    pool: Pool, chosen: Sequence[_Mistake], texts: dict[int, str], reasons: Reasons | None
) -> dict[int, list[Piece]]:
    """The marked pieces of each mistake whose text is known, by its place in the list, cut as the text is."""
    known = [number for number, one in enumerate(chosen) if one.answer in texts]
    if reasons is None or not known:
        return {}
    answers = [chosen[number].answer for number in known]
    marked = reasons.marked([texts[one] for one in answers], [_labels(pool, one)[1] for one in answers])
    return {number: [*cut_pieces(pieces, LONGEST)] for number, pieces in zip(known, marked, strict=True)}
