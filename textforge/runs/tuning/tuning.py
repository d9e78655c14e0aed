"""The search of a tuning: generations of trials on growing parts of one fold, within the time that is left for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textforge.errors import RecipeError, TextforgeError, TrainingError, cut
from textforge.recipes.recipe import Recipe
from textforge.recipes.tune_values import value_name
from textforge.runs.interruption import interruption_of
from textforge.runs.progress import Progress
from textforge.runs.tuning.budget import Budget
from textforge.runs.tuning.candidates import Candidate
from textforge.runs.tuning.folds import Folds, Place
from textforge.runs.tuning.measurements import Measurements
from textforge.runs.tuning.metric import Aim
from textforge.runs.tuning.study import FAILED, FIGURES, SECONDS, START, Search, values_of
from textforge.runs.tuning.trial import Laboratory, Measured
from textforge.runs.tuning.workers import CUT, Task, Workers

if TYPE_CHECKING:
    from textforge.runs.tuning.elsewhere import Elsewhere

GENERATION = 8
"""Number of trials that the search proposes at once, whatever the number of workers."""
FEWEST = 2
"""Number of trials below which a generation is not begun."""
SHARES = (5, 2, 1)
"""How many trials of a generation vary the best recipe so far, the second and the third."""
MOST = 1000
"""Largest number of trials."""
KEPT = 0.5
"""Share of the trials of a generation that go from one rung to the next."""
PATIENCE = 4.0
"""A trial is cut when it takes so many times as long as the default,"""
LONGEST = 0.1
"""or this share of the budget, if that is longer."""
FIRST = 64
"""Number of texts of the first measurement, which loads what trials need into this process."""
PROBES = (150, 600)
"""Numbers of texts of two more, by which the time of the default on all texts is estimated."""
WHAT = 90
"""Number of characters of what a trial sets in its line."""
FINAL = 0.45
"""Largest share of the budget that is left for the final run while its time is only estimated."""


@dataclass
class Tuning:
    """What the steps of a tuning share."""

    candidates: list[Candidate]
    folds: Folds
    aim: Aim
    search: Search
    measurements: Measurements
    laboratory: Laboratory
    workers: Workers | Elsewhere
    budget: Budget
    progress: Progress
    most: int | None
    """Number of trials; None as many as the time allows."""
    failed: dict[int, str] = field(default_factory=dict)
    """Why trials have failed."""
    cost: float = 0.0
    """Estimated seconds of the default on all training texts."""

    @property
    def last_rung(self) -> Place:
        return self.folds.rungs()[-1]

    def candidate(self, number: int) -> Candidate:
        """The recipe that a trial varies."""
        name = self.search.trials()[number].params[START]
        return next(one for one in self.candidates if one.name == name)

    def recipe(self, number: int) -> Recipe:
        """The recipe of a trial.

        Raises:
            RecipeError: its values contradict each other.
        """
        candidate, values = self.candidate(number), values_of(self.search.trials()[number])
        return candidate.with_values(values) if values else candidate.recipe

    def what(self, number: int) -> str:
        """A trial in words: the recipe that it varies, and the values that differ from those of the recipe."""
        candidate, values = self.candidate(number), values_of(self.search.trials()[number])
        own = candidate.values
        changed = {key: value for key, value in values.items() if key not in own or own[key] != value}
        return described(candidate.name, changed)

    def goodness(self, number: int, place: Place) -> float:
        """How good a trial is at a place; more is better, and one that failed is worse than any."""
        measured = self.measurements.get(number, place)
        found = self.aim.goodness(measured.figures) if measured and not measured.failed else None
        return float("-inf") if found is None else found

    def seconds(self, number: int) -> float:
        """Estimated seconds of a trial on the texts of one fold."""
        for place in self.folds.rungs()[::-1]:
            measured = self.measurements.get(number, place)
            if measured is not None and not measured.failed:
                return measured.seconds * self.folds.n_kept(self.last_rung) / self.folds.n_kept(place)
        return self.cost

    def final_seconds(self, number: int, margin: float = 1.3) -> float:
        """Estimated seconds of the final run of a trial's recipe, with all that is written, and a margin."""
        return margin * self.seconds(number) * self.folds.n_texts / self.folds.n_kept(self.last_rung) + margin - 0.3

    def probe(self) -> None:
        """Measure the default on a few texts in this process, to load what it needs and to estimate its time."""
        self.progress.stage(f"timing {self.candidates[0].name} on {min(PROBES[1], self.folds.n_texts)} texts")
        sections = self.candidates[0].recipe.resolved()
        sizes = [min(size, self.folds.n_kept(self.last_rung)) for size in (FIRST, *PROBES)]
        _, small, large = (self.laboratory.measure(sections, Place(0, size)).seconds for size in sizes)
        more = max(0.0, large - small) / max(1, sizes[2] - sizes[1])
        self.cost = large + more * max(0, self.folds.n_texts - sizes[2])

    def begin(self) -> None:
        """Measure the recipes as they are written."""
        chosen = self.candidates[: self.most]
        there = len(self.search.trials(0))
        for candidate in chosen[there:]:
            self.search.add_as_written(candidate.name, candidate.values)
        self._climb(0)

    def go_on(self, generation: int, reserve: float) -> bool:
        """Propose and measure another generation; return False if trials or time are used up.

        Args:
            generation: its number, from 1.
            reserve: seconds to leave for the rest.
        """
        before = len([one for one in self.search.trials() if one.user_attrs.get("generation", 0) < generation])
        n = min(GENERATION, (self.most or MOST) - before)
        there = bool(self.search.trials(generation))
        starts = self._starts(n)
        if n <= 0 or not starts:
            return False
        while not there and self.budget.left() - reserve < self._generation_seconds(n, starts):
            n -= 1  # with a budget, the last generation is as large as fits
            if n < FEWEST:
                return False
        starts = starts[:n]
        self.search.propose(generation, starts)
        self._climb(generation, reserve)
        return True

    def _starts(self, n: int) -> list[str]:
        """The recipes to vary: mostly the best so far."""
        best: dict[str, float] = {}
        for trial in self.search.trials():
            if trial.state.is_finished():
                name = trial.params[START]
                best[name] = max(best.get(name, float("-inf")), self.goodness(trial.number, self.last_rung))
        spaces = {one.name for one in self.candidates if one.space.dimensions}
        ranked = [name for name, value in sorted(best.items(), key=lambda one: -one[1])
                  if name in spaces and (value > float("-inf") or len(spaces) == 1)]  # fmt: skip
        names = [name for name, share in zip(ranked, SHARES, strict=False) for _ in range(share)]
        return (names + ranked[:1] * GENERATION)[:n] if ranked else []

    def _generation_seconds(self, n: int, starts: Sequence[str]) -> float:
        """Estimated seconds of a generation."""
        by_name: dict[str, float] = {}
        for trial in self.search.trials(0):
            by_name[trial.params[START]] = self.seconds(trial.number)
        whole = sum(by_name.get(name, self.cost) for name in starts[:n])
        return 1.2 * whole / max(1, self.workers.n)

    def _climb(self, generation: int, reserve: float | None = None) -> None:
        """Measure the trials of a generation on one rung after the other; the better ones go on."""
        going = [trial.number for trial in self.search.trials(generation)]
        rungs = self.folds.rungs()
        for step, place in enumerate(rungs):
            self.measure([(number, place) for number in going], reserve, step)
            ranked = sorted(going, key=lambda number: (-self.goodness(number, place), number))
            whole = [number for number in ranked if self.goodness(number, place) > float("-inf")]
            if place is rungs[-1] or place == rungs[-1]:
                for number in sorted(whole):
                    self.search.finish(number, self._value(number, place))
                break
            kept = whole[: max(2, round(KEPT * len(whole)))]
            if generation == 0 and whole and going[0] in whole and going[0] not in kept:
                kept.append(going[0])  # the default, which others are compared with
            for number in sorted(set(whole) - set(kept)):
                self.search.finish(number, None, pruned=True)
            going = sorted(kept)
        if not any(self.goodness(trial.number, place) > float("-inf") for trial in self.search.trials()):
            self._refuse_failed()

    def _value(self, number: int, place: Place) -> float:
        measured = self.measurements.get(number, place)
        assert measured is not None
        return measured.figures[self.aim.name]

    def _refuse_failed(self) -> None:
        """Raise if every trial has failed, unless a search may still find what works.

        Raises:
            TrainingError: all have failed.
        """
        reasons = [reason for reason in self.failed.values() if reason != CUT]
        if (
            reasons
            and len(reasons) == len(self.failed)
            and len(self.failed) >= min(GENERATION, self.most or GENERATION)
        ):
            self.refuse_all_failed()

    def ran_out(self) -> bool:
        """Whether some trial has no result only because the time was spent."""
        return any(reason == CUT for reason in self.failed.values()) or not self.failed

    def refuse_all_failed(self) -> None:
        """Raise for trials of which none has a result.

        Raises:
            TrainingError: always.
        """
        reasons = [reason for reason in self.failed.values() if reason != CUT] or [CUT]
        raise TrainingError(f"all {len(self.failed)} trials failed. The first: {reasons[0]}")

    def measure(self, wanted: Sequence[tuple[int, Place]], reserve: float | None, step: int | None = None) -> None:
        """Measure trials at places where they have not been measured.

        Args:
            wanted: numbers of trials, each with a place.
            reserve: seconds to leave; None leaves those of the final run of the default.
            step: the rung, if the measurement is a part of the search.
        """
        tasks: list[Task] = []
        for number, place in wanted:
            known = self.measurements.get(number, place)
            if known is not None:
                self._heard(number, place, known, step)
                continue
            try:
                sections = self.recipe(number).resolved()
            except (RecipeError, TextforgeError) as error:
                self._done(number, place, Measured(failed=str(error)), step)
                continue
            tasks.append(Task(number, place, sections, self._limit(place)))
        interruption = interruption_of(self.progress)
        for task, measured in self.workers.results(tasks, lambda: self._time_for_trials(reserve)):
            interruption.check()
            self._done(task.trial, task.place, measured, step)

    def _time_for_trials(self, reserve: float | None) -> float:
        """Seconds that are left for measurements, by default without those of the default's final run."""
        if reserve is None:
            reserve = min(self.cost * 1.3 + 1.0, FINAL * (self.budget.seconds or 0.0))
        return self.budget.left() - reserve

    def _limit(self, place: Place) -> float | None:
        """Seconds after which a measurement is cut; None without a budget, so that results do not depend on time."""
        if self.budget.seconds is None:
            return None
        share = self.folds.n_kept(place) / self.folds.n_texts
        return max(PATIENCE * self.cost * share, LONGEST * self.budget.seconds, 2.0)

    def _done(self, number: int, place: Place, measured: Measured, step: int | None) -> None:
        """Keep a result, and report it."""
        if measured.failed == CUT:
            self.measurements.note_cut(number, place, measured)
        else:
            self.measurements.add(number, place, measured)
        self._heard(number, place, measured, step)
        if step is not None and (place == self.last_rung or measured.failed):
            self.progress.trial(self.line(number, measured))

    def _heard(self, number: int, place: Place, measured: Measured, step: int | None) -> None:
        """Tell the study of a result of the search."""
        if step is None:
            return
        if measured.failed:
            self.failed[number] = measured.failed
            self.search.note(number, FAILED, measured.failed)
            self.search.note(number, SECONDS, round(measured.seconds, 3))
            self.search.finish(number, None)
            return
        if number == 0:
            self.cost = measured.seconds * self.folds.n_texts / self.folds.n_kept(self.folds.rungs()[step])
        self.search.note(number, FIGURES, measured.figures)
        self.search.note(number, SECONDS, round(measured.seconds, 3))
        value = measured.figures.get(self.aim.name)
        if value is not None:
            self.search.report(number, value, step)

    def best(self) -> int | None:
        """The best trial on the last rung; the earliest of several."""
        numbers = [trial.number for trial in self.search.trials()]
        place = self.last_rung
        ranked = sorted(numbers, key=lambda number: (-self.goodness(number, place), number))
        return ranked[0] if ranked and self.goodness(ranked[0], place) > float("-inf") else None

    def line(self, number: int, measured: Measured) -> str:
        """A trial on one line: its value, what it sets, its seconds, the best so far, and the time left."""
        what = cut(self.what(number), WHAT)
        if measured.failed:
            shown = f"failed: {measured.failed.splitlines()[0]}" if measured.failed != CUT else CUT
            found = f"trial {number:>3}  {what}  {shown}"
        else:
            found = f"trial {number:>3}  {self.aim.shown} {measured.figures[self.aim.name]:.4f}  {what}"
        best, left = self.best(), self.budget.left()
        found += f"  {measured.seconds:.1f} s"
        if best is not None:
            found += f"  best {self._value(best, self.last_rung):.4f} (trial {best})"
        return found + (f"  {max(0.0, left):.0f} s left" if left < float("inf") else "")


def described(name: str, values: dict[str, Any]) -> str:
    """A trial in words: the recipe, and the values that it changes."""
    changes = ", ".join(f"{key}: {value_name(value)}" for key, value in values.items())
    return f"{name} ({changes})" if changes else name
