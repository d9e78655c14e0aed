"""The trials of a tuning as an Optuna study in a journal, which is complete after SIGKILL, too.

The search proposes trials in generations of constant size, and learns only from whole generations. The seed of a draw
depends on the number of the trial alone. So the same seed and number of trials give the same trials, whatever the
number of workers, and also if the tuning was killed and continued.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from textforge.recipes.tune_values import Dimension, TuneChoice, TuneSpace, value_name

NAME = "textforge tune"
START, GENERATION, VALUES = "start", "generation", "values"
"""Parameter that names the recipe that a trial varies, and attributes of a trial."""
FIGURES, SECONDS, FAILED = "figures", "seconds", "failed"


class _NoLock(JournalFileOpenLock):
    """The folder of a tuning is locked as a whole. A lock file would outlive a process that is killed."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's log and its warnings from the terminal; the caller's level is restored."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(path: Path, *, maximize: bool) -> optuna.Study:
    """Open the study in a journal, or create it. A line that was not written to its end is removed first."""
    if path.is_file():
        whole = path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with path.open("r+b") as file:
                file.truncate(end)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path), _NoLock(str(path))))
    direction = optuna.study.StudyDirection.MAXIMIZE if maximize else optuna.study.StudyDirection.MINIMIZE
    return optuna.create_study(storage=storage, study_name=NAME, direction=direction, load_if_exists=True)


def distribution(dimension: Dimension) -> BaseDistribution:
    """The dimension as Optuna knows it; values that are no numbers by their names."""
    if isinstance(dimension, TuneChoice):
        return CategoricalDistribution(dimension.names)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(float(dimension.low), float(dimension.high), log=dimension.log)


class Search:
    """Proposes trials and keeps their results.

    Args:
        study: the study.
        spaces: the values to search around each recipe, by its name.
        seed: the seed of all draws.
    """

    def __init__(self, study: optuna.Study, spaces: Mapping[str, TuneSpace], seed: int) -> None:
        self.study: optuna.Study = study
        self._spaces, self._seed = spaces, seed
        self._starts = CategoricalDistribution([*spaces])

    def trials(self, generation: int | None = None) -> list[FrozenTrial]:
        """All trials, or those of a generation, by number."""
        found = self.study.get_trials(deepcopy=False)
        return [one for one in found if generation is None or one.user_attrs.get(GENERATION) == generation]

    def add_as_written(self, name: str, values: Mapping[str, Any]) -> None:
        """Add a trial of a recipe as it is written to generation 0.

        Args:
            name: the name of the recipe.
            values: the values of its dimensions; those outside of the space are left out.
        """
        dimensions = [one for one in self._spaces[name].active(values) if one.key in values]
        parameters = {self._parameter(name, one): _stored(one, values[one.key]) for one in dimensions}
        known: dict[str, BaseDistribution] = {self._parameter(name, one): distribution(one) for one in dimensions}
        trial = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params={START: name, **parameters},
            distributions={START: self._starts, **known},
            user_attrs={GENERATION: 0, VALUES: "{}"},
        )
        self.study.add_trial(trial)

    def propose(self, generation: int, starts: Sequence[str]) -> None:
        """Add the trials of a generation that are not there yet.

        Args:
            generation: its number, from 1.
            starts: the name of the recipe that each trial varies.
        """
        for number, trial in enumerate(self.trials(generation)):
            if VALUES not in trial.user_attrs:  # killed while it was proposed
                self._draw(optuna.Trial(self.study, trial._trial_id), starts[number])
        for name in starts[len(self.trials(generation)) :]:
            if not self.study.get_trials(deepcopy=False, states=[TrialState.WAITING]):
                self.study.enqueue_trial({START: name}, user_attrs={GENERATION: generation})
            self._draw(self.study.ask(), name)

    def _draw(self, trial: optuna.Trial, name: str) -> None:
        trial.suggest_categorical(START, [*self._spaces])
        values: dict[str, Any] = {}
        for number, one in enumerate(self._spaces[name].active(values)):
            seed = hash_seed(self._seed, trial.number, number)  # so that a draw that was killed can go on
            self.study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
            values[one.key] = _suggested(trial, self._parameter(name, one), one)
        trial.set_user_attr(VALUES, json.dumps(values))

    def _parameter(self, name: str, dimension: Dimension) -> str:
        """The name of a parameter; recipes of a portfolio have parameters of their own."""
        return dimension.key if len(self._spaces) == 1 else f"{name}: {dimension.key}"

    def report(self, number: int, value: float, step: int) -> None:
        """Keep the value of a trial on a rung."""
        trial = optuna.Trial(self.study, self.trials()[number]._trial_id)
        if step not in self.trials()[number].intermediate_values:
            trial.report(value, step)

    def note(self, number: int, key: str, value: Any) -> None:
        """Keep something about a trial; a later value replaces an earlier one."""
        trial = self.trials()[number]
        if trial.user_attrs.get(key) != value:
            if trial.state.is_finished():  # Optuna changes no finished trial
                return
            optuna.Trial(self.study, trial._trial_id).set_user_attr(key, value)

    def finish(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """End a trial with its value on the last rung; without one it was pruned or has failed."""
        if self.trials()[number].state.is_finished():
            return
        if value is not None:
            self.study.tell(number, value)
        else:
            self.study.tell(number, state=TrialState.PRUNED if pruned else TrialState.FAIL)


def values_of(trial: FrozenTrial) -> dict[str, Any]:
    """The values that a trial sets, by key; none for a recipe as it is written."""
    found: dict[str, Any] = json.loads(trial.user_attrs.get(VALUES, "{}"))
    return found


def hash_seed(*numbers: int) -> int:
    """A seed of 32 bits from several numbers."""
    import numpy as np

    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _suggested(trial: optuna.Trial, name: str, dimension: Dimension) -> Any:
    if isinstance(dimension, TuneChoice):
        chosen = trial.suggest_categorical(name, dimension.names)
        return dimension.values[dimension.names.index(str(chosen))]
    if dimension.whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
    low, high = float(dimension.low), float(dimension.high)
    drawn = trial.suggest_float(name, low, high, log=dimension.log)
    return min(max(float(f"{drawn:.4g}"), low), high)  # four digits are easier to read


def _stored(dimension: Dimension, value: Any) -> Any:
    return value_name(value) if isinstance(dimension, TuneChoice) else value
