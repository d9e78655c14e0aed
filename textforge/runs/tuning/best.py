"""The recipe that a tuning ends with: plain YAML, with the reasons as comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from textforge.components.kinds import KINDS, LISTED
from textforge.components.options import Options, jsonable
from textforge.components.part import Part
from textforge.components.settings import FITTING, DecisionSettings, TrainerSettings
from textforge.errors import listed, shown_line
from textforge.recipes.recipe import Recipe
from textforge.recipes.yaml12 import to_yaml
from textforge.runs.tuning.finals import Choice
from textforge.runs.tuning.tuning import Tuning


def best_recipe(tuning: Tuning, choice: Choice, dataset: Part, title: str) -> str:
    """The text of best.yaml.

    Args:
        tuning: the search.
        choice: its end.
        dataset: the data, as a part of a recipe.
        title: what was tuned, in a few words.
    """
    recipe = tuning.recipe(choice.trial)
    comments = [*_reasons(tuning, choice, title)]
    lines = [textwrap.fill(shown_line(one), 100, initial_indent="# ", subsequent_indent="# ") for one in comments]
    return "\n#\n".join(lines) + "\n\n" + to_yaml(compact(recipe, dataset))


def compact(recipe: Recipe, dataset: Part) -> dict[str, Any]:
    """A recipe as plain values, without options and settings that have their default values."""
    parts = {**recipe.parts, "dataset": dataset}
    found: dict[str, Any] = {"seed": recipe.seed}
    found |= {kind: _without_defaults(part) for kind, part in parts.items()}
    trainer = _changed(TrainerSettings, "trainer", asdict(recipe.trainer))
    if recipe.model.fits_itself:
        trainer = {name: value for name, value in trainer.items() if name in FITTING}
    decision = _changed(DecisionSettings, "decision", asdict(recipe.decision))
    lists = {KINDS[kind].many: [_without_defaults(part) for part in recipe.listed(kind)] for kind in LISTED}
    rest = {"trainer": trainer, **lists, "decision": decision}
    return found | {name: value for name, value in rest.items() if value}


def _changed(kind: type[Any], name: str, values: dict[str, Any]) -> dict[str, Any]:
    defaults = jsonable(Options(kind, name).defaults())
    return {key: value for key, value in jsonable(values).items() if defaults.get(key) != value}


def _without_defaults(part: Part) -> dict[str, Any]:
    """A section without the options that have their defaults; those of inner parts likewise."""
    defaults = part.component.options.defaults()
    plain = jsonable(defaults)
    written = jsonable(part.options)
    kept = {name: value for name, value in written.items() if name not in plain or plain[name] != value}
    section = {"use": part.component.lasting_name, **kept}
    for path, inner in part.parts:
        if path[0] in kept:
            _set(section, path, _without_defaults(inner))
    return section


def _set(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new


def _reasons(tuning: Tuning, choice: Choice, title: str) -> Iterator[str]:
    """Sentences about how the recipe was chosen."""
    trials, aim = tuning.search.trials(), tuning.aim
    first = tuning.candidates[0].name
    done = len([one for one in trials if one.user_attrs.get("figures")])
    yield f"The best recipe that `textforge tune` found for {title}: {done} trials, compared by {aim.shown}."
    name = tuning.what(choice.trial)
    kept = " The default stays." if choice.trial == choice.default else ""
    yield f"Trial {choice.trial}, {name}. {choice.reason[:1].upper()}{choice.reason[1:]}.{kept}"
    why = tuning.candidate(choice.trial).why
    yield f"{why[:1].upper()}{why[1:]}."
    if figures := choice.figures.get(choice.trial):
        folds = f"{len(choice.places)} fold{'s' * (len(choice.places) > 1)}"
        mean = f"{aim.shown} {figures[aim.name]:.4f}, accuracy {figures['accuracy']:.4f}"
        yield (
            f"Mean over {folds} of the training texts that the search did not see: {mean}."
            + (" Since it is the best of several, expect a little less." if choice.trial != choice.default else "")
        )
    for one in choice.verdicts:
        sign = "better" if one.better else "not clearly better"
        yield (
            f"Trial {one.trial} beside {first}: {aim.shown} {one.difference:+.4f}, standard error {one.error:.4f}, "
            f"accuracy {one.accuracy:+.4f}; needed: {one.needed:.1f} standard errors. So it is {sign}."
        )
    if tuning.failed:
        numbers = listed([str(number) for number in sorted(tuning.failed)])
        yield f"Trials without a result: {numbers}; report.html says why."
    yield "The test split was read once, after the choice. Its figures are in the folder of the run."
