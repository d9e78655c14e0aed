"""The result of a tuning as JSON values."""

from __future__ import annotations

from typing import Any

from textforge.data.labels import label_value
from textforge.runs.tuning.finals import Choice
from textforge.runs.tuning.study import FAILED, FIGURES, GENERATION, SECONDS, START, values_of
from textforge.runs.tuning.tuning import Tuning

UNTRIED = "not measured before the budget was spent"


def outcome(tuning: Tuning, choice: Choice, run: dict[str, Any]) -> dict[str, Any]:
    """Describe the trials, the choice and the figures of the final run.

    Args:
        tuning: the search.
        choice: its end.
        run: the content of result.json of the final run.
    """
    return {
        "metric": tuning.aim.name,
        "maximize": tuning.aim.maximize,
        "seed": tuning.folds.seed,
        "labels": [label_value(label) for label in tuning.folds.labels],
        "n_train": tuning.folds.n_texts,
        "folds": len(tuning.folds.held_out),
        "workers": tuning.workers.n,
        "starts": [{"name": one.name, "why": one.why} for one in tuning.candidates],
        "trials": [_trial(tuning, number) for number in range(len(tuning.search.trials()))],
        "chosen": {
            "trial": choice.trial,
            "default": choice.default,
            "reason": choice.reason,
            "folds": [place.fold for place in choice.places],
            "figures": {str(number): figures for number, figures in choice.figures.items()},
            "verdicts": [one.as_json() for one in choice.verdicts],
        },
        "importance": importance(tuning),
        "test": run["test"],
    }


def _trial(tuning: Tuning, number: int) -> dict[str, Any]:
    trial = tuning.search.trials()[number]
    known = trial.user_attrs
    values = values_of(trial)
    name = trial.params[START]
    state = trial.state.name.lower()
    place = tuning.last_rung
    measured = tuning.measurements.get(number, place)
    return {
        "number": number,
        "start": name,
        "generation": known.get(GENERATION),
        "values": values,
        "parameters": {key.removeprefix(f"{name}: "): value for key, value in trial.params.items() if key != START},
        "what": tuning.what(number),
        "state": {"complete": "done", "fail": "failed", "pruned": "stopped early"}.get(state, "unfinished"),
        "value": trial.value if trial.state.name == "COMPLETE" else None,
        "rungs": [value for _, value in sorted(trial.intermediate_values.items())],
        "figures": measured.figures if measured and not measured.failed else known.get(FIGURES),
        "seconds": known.get(SECONDS),
        "failed": known.get(FAILED) or (UNTRIED if state == "running" else None),
    }


def importance(tuning: Tuning) -> dict[str, float]:
    """How much each parameter mattered, as Optuna estimates it (PED-ANOVA, Watanabe et al. 2023); they sum to 1.

    Empty if there are too few trials.
    """
    import optuna

    done = [one for one in tuning.search.trials() if one.state.name == "COMPLETE"]
    if len(done) < 4 or len({one.value for one in done}) < 2:
        return {}
    try:
        found = optuna.importance.get_param_importances(tuning.search.study)
    except (ValueError, RuntimeError):
        return {}
    return {name: round(float(value), 4) for name, value in found.items() if value == value}
