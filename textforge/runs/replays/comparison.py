"""Compare the results of two runs of one recipe, in the order in which a run makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from textforge.classifiers.bundles.description import DESCRIPTION, MODEL, VECTORIZER
from textforge.errors import BundleError, RecipeError
from textforge.recipes.document import read_document
from textforge.runs import folder as run_folder
from textforge.runs.replays.differences import (
    differing_predictions,
    differing_tensors,
    first_difference,
    read_lines,
    shown_difference,
)

NAMES = ("recipe", "data", "features", "history", "weights", "decision", "predictions", "figures")
"""What is compared of a run, in the order in which the run makes it."""


@dataclass(frozen=True)
class Compared:
    """One kind of result of a run, and whether the replay gave the same."""

    name: str
    """One of `NAMES`, or `folds` of a cross-validation."""
    same: bool | None
    """None if it was not compared, because the run does not have it or an earlier difference ended the replay."""
    detail: str = ""
    """Where the first difference is, or why it was not compared."""

    def __str__(self) -> str:
        differ = "differ" if self.name == "data" or self.name.endswith("s") else "differs"
        said = {True: "same", False: differ, None: "not compared"}[self.same]
        return f"{self.name}: {said}{': ' * bool(self.detail)}{self.detail}"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "same": self.same, "detail": self.detail}


def compare_runs(then: Path, now: Path) -> list[Compared]:
    """Compare two finished runs, of whatever format.

    Raises:
        BundleError: a file is damaged.
    """
    results = [run_folder.read_result(path) for path in (then, now)]
    folders = [path / run_folder.MODEL for path in (then, now)]
    bundles = [run_folder.read_object(folder / DESCRIPTION, f"{folder}: damaged") for folder in folders]
    checks: dict[str, Callable[[], str | None]] = {
        "recipe": lambda: _json_difference(_recipe(then), _recipe(now)),
        "data": lambda: data_difference(then, now),
        "features": lambda: _features(folders, bundles),
        "history": lambda: _history(then, now),
        "weights": lambda: differing_tensors(*(folder / MODEL for folder in folders)),
        "decision": lambda: _json_difference(bundles[0].get("decision") or {}, bundles[1].get("decision") or {}),
        "predictions": lambda: _predictions(then, now),
        "figures": lambda: _json_difference(_figures(results[0]), _figures(results[1])),
    }  # fmt: skip
    return [_checked(name, checks[name]) for name in NAMES]


def compare_folds(then: Path, now: Path) -> list[Compared]:
    """Compare two finished cross-validations.

    Raises:
        BundleError: a file is damaged.
    """
    results = [run_folder.read_object(path / run_folder.FOLDS, f"{path}: damaged") for path in (then, now)]
    return [
        _checked("recipe", lambda: _json_difference(_recipe(then), _recipe(now))),
        _checked("data", lambda: data_difference(then, now)),
        _checked("folds", lambda: _folds(then, now)),
        _checked("predictions", lambda: _predictions(then, now)),
        _checked("figures", lambda: _json_difference(results[0].get("figures"), results[1].get("figures"))),
    ]


class _NotRecordedError(Exception):
    """The run does not have what is to be compared."""


def _checked(name: str, differing: Callable[[], str | None]) -> Compared:
    try:
        found = differing()
    except _NotRecordedError as missing:
        return Compared(name, None, str(missing))
    return Compared(name, found is None, found or "")


def _json_difference(then: Any, now: Any) -> str | None:
    found = first_difference(then, now)
    return None if found is None else shown_difference(found)


def _recipe(run: Path) -> dict[str, Any]:
    """The resolved recipe of a run, without callbacks, which a replay does not call."""
    try:
        found = read_document(run / run_folder.RESOLVED)[1].plain()
    except RecipeError as error:
        raise BundleError(str(error)) from error
    return {key: value for key, value in found.items() if key != "callbacks"} if isinstance(found, dict) else {}


def data_difference(then: Path, now: Path) -> str | None:
    """Compare the digests of two runs' data by their environment.json."""
    described = []
    for run in (then, now):
        try:
            found = run_folder.read_object(run / run_folder.ENVIRONMENT, "damaged").get("data")
        except BundleError:
            found = None
        described.append(found if isinstance(found, dict) else {})
    return differing_data(*described)


def differing_data(then: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Compare two descriptions of data, from environment.json; say which splits differ.

    Raises:
        _NotRecordedError: the run has no digest of its data.
    """
    if "sha256" not in then:
        raise _NotRecordedError("the run has no digest of its data")
    if then["sha256"] == now.get("sha256"):
        return None
    before, after = then.get("splits") or {}, now.get("splits") or {}
    changed = [
        f"{name} has {after[name]['texts']:,} texts, had {before[name]['texts']:,}"
        if before[name]["texts"] != after[name]["texts"] else f"texts or labels of {name} differ"
        for name in before if name in after and before[name]["sha256"] != after[name]["sha256"]
    ]  # fmt: skip
    changed += [f"there is no {name} split" for name in before if name not in after]
    if "train" in then and "train" in now and then["train"] != now["train"]:
        changed.insert(0, f"train has {now['train']:,} texts, had {then['train']:,}")
    elif not changed and before:
        changed.append("texts or labels of train differ")
    return "; ".join(changed) or "by their SHA-256"


def _features(folders: list[Path], bundles: list[dict[str, Any]]) -> str | None:
    """Compare the number of features and the state of the fitted vectorizer of two bundles.

    Args:
        folders: their folders.
        bundles: their descriptions.
    """
    facts = [bundle.get("facts") for bundle in bundles]
    parts = [bundle.get("vectorizer") for bundle in bundles]
    states = [part.get("state") if isinstance(part, dict) else part for part in parts]
    return (
        _json_difference(facts[0], facts[1])
        or _json_difference(states[0], states[1])
        or differing_tensors(*(folder / VECTORIZER for folder in folders))
    )


def _history(then: Path, now: Path) -> str | None:
    """The first epoch whose losses or metrics differ."""
    if not (then / run_folder.METRICS).is_file():
        raise _NotRecordedError(f"the run has no {run_folder.METRICS}")
    for one, other in zip_longest(read_lines(then / run_folder.METRICS), read_lines(now / run_folder.METRICS)):
        if one is None or other is None:
            epochs = [sum(1 for _ in read_lines(run / run_folder.METRICS)) for run in (then, now)]
            return f"had {epochs[0]} epochs, has {epochs[1]}"
        if (found := first_difference(one, other)) is not None:
            return f"from epoch {one.get('number', '(unknown)')} on: {shown_difference(found)}"
    return None


def _folds(then: Path, now: Path) -> str | None:
    for one, other in zip_longest(read_lines(then / run_folder.PER_FOLD), read_lines(now / run_folder.PER_FOLD)):
        if one is None or other is None:
            return "the number of folds differs"
        if (found := first_difference(one, other)) is not None:
            return f"first in fold {one.get('fold', '(unknown)')}: {shown_difference(found)}"
    return None


def _predictions(then: Path, now: Path) -> str | None:
    if not (then / run_folder.PREDICTIONS).is_file():
        raise _NotRecordedError("the run has no test split")
    if not (now / run_folder.PREDICTIONS).is_file():
        return "there are none"
    return differing_predictions(then / run_folder.PREDICTIONS, now / run_folder.PREDICTIONS)


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    """The part of result.json that a replay repeats."""
    keys = ("labels", "n_features", "n_parameters", "n_train", "epochs", "best_epoch", "train_loss", "valid", "test",
            "baselines")  # fmt: skip
    return {key: result[key] for key in keys if key in result}


def located_weights(compared: list[Compared]) -> Iterator[Compared]:
    """Say of differing weights from which epoch on they differ, as the history shows."""
    by_name = {one.name: one for one in compared}
    for one in compared:
        if one.name != "weights" or one.same is not False:
            yield one
            continue
        history = by_name["history"]
        if history.same is False and history.detail.startswith("from epoch"):
            yield Compared(one.name, False, f"{history.detail.partition(':')[0]}; {one.detail}")
        elif history.same:
            yield Compared(one.name, False, f"after the losses of the last epoch, which are the same; {one.detail}")
        else:
            yield one
