"""The end of a tuning: measure the best trials on folds that the search has not seen, and choose."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textforge.data.gold import encode_labels
from textforge.data.streams import Stream
from textforge.runs.tuning.choice import Outcomes, Verdict, compared, spread_over_folds, verdict
from textforge.runs.tuning.folds import Place
from textforge.runs.tuning.tuning import Tuning

CHALLENGERS = 3
"""Largest number of trials that are compared with the default."""
ALIKE = 0.998
"""Two trials that give the same answers to this share of the texts are one challenger."""


@dataclass(frozen=True)
class Choice:
    """The chosen trial, and why."""

    trial: int
    default: int | None
    """The trial of the default; None if it has no result."""
    places: list[Place] = field(default_factory=list)
    """The folds that decided."""
    verdicts: list[Verdict] = field(default_factory=list)
    figures: dict[int, dict[str, float]] = field(default_factory=dict)
    """Mean figures of the finalists on the folds that decided."""
    reason: str = ""


def challengers(tuning: Tuning) -> list[int]:
    """The trials that are better than the default on the fold of the search, the best first, no two alike."""
    place = tuning.last_rung
    numbers = [trial.number for trial in tuning.search.trials()]
    default = tuning.goodness(0, place)
    left = tuning.budget.left()
    better = [
        number
        for number in sorted(numbers, key=lambda number: (-tuning.goodness(number, place), number))
        if number and tuning.goodness(number, place) > default and tuning.final_seconds(number) < left
    ]
    found: list[int] = []
    for number in better:
        if len(found) == CHALLENGERS:
            break
        if not any(_agreement(tuning, number, other) >= ALIKE for other in found):
            found.append(number)
    return found


def _agreement(tuning: Tuning, one: int, other: int) -> float:
    """The share of the texts of the search's fold to which two trials give the same answer."""
    first, second = (tuning.measurements.get(number, tuning.last_rung) for number in (one, other))
    assert first is not None
    assert second is not None
    same = np.asarray(first.chosen) == np.asarray(second.chosen)
    return float((same if same.ndim == 1 else same.all(axis=1)).mean())


def reserve(tuning: Tuning, n_challengers: int = CHALLENGERS) -> float:
    """Seconds that the finals and the final run need, by what is known so far."""
    ranked = challengers(tuning)[:n_challengers]
    numbers = [0, *ranked]
    numbers += [ranked[0] if ranked else 0] * (1 + n_challengers - len(numbers))
    folds = len(tuning.folds.fresh()) / max(1, tuning.workers.n)
    measured = 1.15 * folds * sum(tuning.seconds(number) for number in numbers)
    return measured + final_reserve(tuning, ranked)


def final_reserve(tuning: Tuning, ranked: list[int]) -> float:
    """Seconds that the final run and what is written after it need."""
    return max(tuning.final_seconds(number) for number in [0, *ranked]) + 1.0


def choose(tuning: Tuning) -> Choice:
    """Measure the finalists on the fresh folds, and choose one of them."""
    ranked = challengers(tuning)
    has_default = tuning.goodness(0, tuning.last_rung) > -math.inf
    if tuning.best() is None:
        if not tuning.ran_out():
            tuning.refuse_all_failed()
        return _unmeasured(tuning)
    while len(ranked) > 1 and tuning.budget.left() < reserve(tuning, len(ranked)):
        ranked.pop()
    finalists = [*([0] if has_default else []), *ranked]
    shown = ", ".join(map(str, finalists))
    places = tuning.folds.fresh()
    tuning.progress.stage(f"measuring trial{'s' * (len(finalists) > 1)} {shown} on {len(places)} more folds")
    wanted = [(number, place) for place in places for number in finalists]
    tuning.measure(wanted, final_reserve(tuning, ranked))
    whole = [place for place in places if all(tuning.goodness(one, place) > -math.inf for one in finalists)]
    figures = {number: _mean_figures(tuning, number, whole) for number in finalists} if whole else {}
    if not has_default:
        best = max(ranked, key=lambda number: (_mean(tuning, number, whole), -number))
        return Choice(best, None, whole, [], figures, "the default has no result, and this is the best of the others")
    if not ranked:
        return Choice(0, 0, whole, [], figures, "no trial was better than the default on the fold of the search")
    if not whole:
        return Choice(0, 0, reason="the budget was too short to measure challengers on folds that no search had seen")
    verdicts = [_verdict(tuning, number, len(ranked), whole) for number in ranked]
    better = [one for one in verdicts if one.better]
    if not better:
        return Choice(0, 0, whole, verdicts, figures, "no challenger was better than the default by more than chance")
    winner = max(better, key=lambda one: one.difference)
    return Choice(winner.trial, 0, whole, verdicts, figures, "it was better than the default by more than chance")


def _unmeasured(tuning: Tuning) -> Choice:
    """The choice without any measurement: the default, or a quick recipe if the default takes longer than is left."""
    quick = [one.number for one in tuning.search.trials(0) if tuning.candidate(one.number).quick]
    if quick and tuning.final_seconds(0, margin=1.0) > 1.25 * tuning.budget.left():  # estimates are rather too long
        return Choice(quick[0], None, reason="the budget was too short for the default, and this recipe is quick")
    return Choice(0, 0, reason="the budget was too short to compare recipes")


def _mean(tuning: Tuning, number: int, places: list[Place]) -> float:
    found = [tuning.goodness(number, place) for place in places or [tuning.last_rung]]
    return sum(found) / len(found)


def _mean_figures(tuning: Tuning, number: int, places: list[Place]) -> dict[str, float]:
    found = [measured.figures for place in places if (measured := tuning.measurements.get(number, place))]
    names = [name for name in found[0] if all(name in one for one in found)]
    return {name: sum(one[name] for one in found) / len(found) for name in names}


def _verdict(tuning: Tuning, number: int, n_challengers: int, places: list[Place]) -> Verdict:
    """Compare a challenger with the default: by texts where the metric allows it, else by folds."""
    aim, seed = tuning.aim, tuning.folds.seed
    default, challenger = (_outcomes(tuning, one, places) for one in (0, number))
    differences, errors = compared(default, challenger, seed, _groups(tuning, places))
    by_name = {"accuracy": 0, "macro_f1": 1}
    if aim.name in by_name:
        which = by_name[aim.name]
        mine, error = float(differences[which]), float(errors[which])
    else:
        gains = [tuning.goodness(number, place) - tuning.goodness(0, place) for place in places]
        mine, error = sum(gains) / len(gains), spread_over_folds(gains)
    return verdict(number, (mine, float(differences[0])), error, n_challengers, guarded=aim.guarded)


def _outcomes(tuning: Tuning, number: int, places: list[Place]) -> Outcomes:
    dataset, labels = tuning.folds.dataset, tuning.folds.labels
    assert not isinstance(dataset.train, Stream)
    rows = np.concatenate([tuning.folds.held_out[place.fold] for place in places])
    gold = encode_labels([dataset.train[1][row] for row in rows.tolist()], labels, "train").astype(np.int64)
    chosen: list[Any] = []
    for place in places:
        measured = tuning.measurements.get(number, place)
        assert measured is not None
        chosen += measured.chosen
    return Outcomes(gold, np.asarray(chosen, dtype=np.int64), len(labels))


def _groups(tuning: Tuning, places: list[Place]) -> list[Any] | None:
    groups = tuning.folds.dataset.groups
    if groups is None:
        return None
    return [groups[row] for place in places for row in tuning.folds.held_out[place.fold].tolist()]
