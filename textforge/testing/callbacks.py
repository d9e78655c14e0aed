"""Contract checks for callbacks."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from textforge.errors import listed, nearest
from textforge.runs.callbacks import EVENTS
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject, exercise

FIGURES = {"loss": 0.5, "accuracy": 0.75, "macro_f1": 0.7, "micro_f1": 0.75, "weighted_f1": 0.72}
UNUSUAL = ("\U0001f680 rocket", "e\u0301te\u0301", "\u05e9\u05dc\u05d5\u05dd", "a/b", "two\nlines", "")
_runs = itertools.count(1)


@exercise("callback")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Follow a run to its end. Only the names of added metrics must repeat: their values may depend on a clock."""
    return {"added figures": names(follow(subject, *a_run()))}


def a_run(labels: tuple[str, ...] = ("ball", "paint", "space"), valid: Any = None) -> tuple[dict[str, Any], ...]:
    """The event data of a short run: `started`, each `epoch_ended`, `finished`."""
    began = {
        "path": "run", "recipe": "probe", "seed": 0, "labels": list(labels), "n_train": 24, "n_features": 40,
        "n_parameters": 123, "epochs": 2,
        "resolved": {
            "seed": 0, "dataset": {"use": "probe"}, "vectorizer": {"use": "probe", "ngrams": [1, 2]},
            "model": {"use": "probe", "hidden": [8], "path": None}, "trainer": {"epochs": 2, "batch_size": 8},
        },
    }  # fmt: skip
    epochs = [
        {"number": n, "train_loss": 1.0 / n, "valid": valid, "best": valid is not None, "steps": 3, "seconds": 0.1}
        for n in (1, 2)
    ]
    per_class = {label: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 8} for label in labels}
    matrix = {"labels": list(labels), "rows": [[4] * len(labels)] * len(labels)}
    test = {**FIGURES, "n": 24, "per_class": per_class, "confusion_matrix": matrix}
    result = {
        "recipe": "probe", "seed": 0, "overrides": {}, "labels": list(labels), "multi_label": False, "n_features": 40,
        "n_parameters": 123, "n_train": 24, "epochs": 2, "best_epoch": None if valid is None else 2, "train_loss": 0.5,
        "valid": valid, "decision": {}, "test": test, "warnings": [], "path": "run",
        "seconds": {"load": 0.1, "train": 0.2, "total": 0.4},
    }  # fmt: skip
    return began, *epochs, result


def follow(subject: Subject, began: dict[str, Any], *events_data: dict[str, Any]) -> list[Any]:
    """Build the callback, send it the events of a run, and return its return values."""
    *epochs, result = events_data
    callback = made(subject)
    path = str(subject.folder)
    events = [("started", {**began, "path": path}), *(("epoch_ended", epoch) for epoch in epochs)]
    return [send(callback, event, data) for event, data in [*events, ("finished", {**result, "path": path})]]


def made(subject: Subject) -> Any:
    """Build a callback with a run folder of its own."""
    folder = subject.folder / f"run-{next(_runs)}"
    folder.mkdir()
    callback = subject.build(run_folder=folder, stop=lambda reason: None)
    methods = [name for name in dir(callback) if not name.startswith("_") and callable(getattr(callback, name))]
    if not set(methods) & set(EVENTS):
        wrong = [name for name in methods if nearest(name, EVENTS)]
        raise subject.breaks(
            f"the factory returned a {type(callback).__name__} with none of the methods {listed(EVENTS)}"
            f"{f'; it has {listed(wrong)}' if wrong else ''}.",
            "Define a method for each event that it handles.",
        )
    return callback


def send(callback: Any, event: str, data: Any) -> Any:
    """Call the method of an event if the callback defines it."""
    method = getattr(callback, event, None)
    return None if method is None else method(data)


def names(added: list[Any]) -> list[list[str]]:
    """The names of the metrics that the callback added at each event."""
    return [[str(name) for name in one] if isinstance(one, Mapping) else [] for one in added]


@rule("callback")
def adds_numbers_or_nothing(subject: Subject) -> None:
    """`epoch_ended` and `finished` return None or a dict of names to finite numbers; other methods return None."""
    began, *epochs, result = a_run(valid=FIGURES)
    callback = made(subject)
    for event, data in (("started", began), *(("epoch_ended", epoch) for epoch in epochs), ("finished", result)):
        found = send(callback, event, copy.deepcopy(data))
        if found is None or (event != "started" and isinstance(found, Mapping) and all(map(_is_figure, found.items()))):
            continue
        expected = "return nothing" if event == "started" else "return None, or a dict such as {'name': 0.5}"
        raise subject.breaks(f"{event} returned {found!r:.100}.", f"Let it {expected}.")


@rule("callback")
def takes_unusual_labels(subject: Subject) -> None:
    """It accepts labels with emoji, combining marks, slashes, newlines, and the empty label."""
    with as_contract_error(
        subject.label, "where labels have unusual characters", "Escape characters that file names or tags cannot hold."
    ):
        follow(subject, *a_run(UNUSUAL, FIGURES))


@rule("callback")
def takes_figures_that_are_none(subject: Subject) -> None:
    """It accepts None for metrics: no validation, no test split, or an undefined metric."""
    advice = "valid and test are None without such a split; a single metric is None where it is undefined."
    began, *epochs, result = a_run()
    with as_contract_error(subject.label, "where a run has neither validation nor test", advice):
        follow(subject, began, *epochs, {**result, "test": None, "valid": None})
    with as_contract_error(subject.label, "where a figure is None", advice):
        follow(subject, *a_run(valid={**FIGURES, "roc_auc": None}))


@rule("callback")
def takes_figures_of_others(subject: Subject) -> None:
    """It accepts epochs and results with metrics of earlier callbacks, under `added`, by the callback's name."""
    began, *later = a_run(valid=FIGURES)
    advice = "Read known fields by name; 'added' maps names of callbacks to their metrics."
    with as_contract_error(subject.label, "where another callback had added figures", advice):
        follow(subject, began, *({**one, "added": {"another": {"speed": 1.5}}} for one in later))


@rule("callback")
def accepts_failures_at_any_time(subject: Subject) -> None:
    """It accepts `failed` before `started`, after it, and between epochs."""
    began, *epochs, _ = a_run()
    error = {"type": "TrainingError", "message": "the loss became nan in epoch 1, step 2 of 3.", "path": "run"}
    for before in ([], [("started", began)], [("started", began), ("epoch_ended", epochs[0])]):
        callback = made(subject)
        where = f"at 'failed' after {before[-1][0] if before else 'nothing'}"
        for event, data in before:
            send(callback, event, copy.deepcopy(data))
        with as_contract_error(subject.label, where, "Close only what has been opened."):
            send(callback, "failed", dict(error))


@rule("callback")
def two_at_once_do_not_meet(subject: Subject) -> None:
    """Two interleaved runs in one process do not affect each other."""
    alone, again = (follow(subject, *a_run(valid=FIGURES)) for _ in range(2))
    pair = [made(subject), made(subject)]
    began, *epochs, result = a_run(valid=FIGURES)
    added: list[list[Any]] = [[], []]
    with as_contract_error(
        subject.label, "while two runs were followed in turns", "Store the state of a run on the callback object."
    ):
        for event, data in (("started", began), *(("epoch_ended", epoch) for epoch in epochs), ("finished", result)):
            for mine, callback in zip(added, pair, strict=True):
                mine.append(send(callback, event, copy.deepcopy(data)))
    shown = repr if repr(alone) == repr(again) else names  # metrics that depend on a clock always differ
    if any(shown(alone) != shown(mine) for mine in added):
        raise subject.breaks(
            f"alone it adds {alone!r:.100}, beside another run {added[1]!r:.100}.",
            "Store the state of a run on the callback object, not at module level.",
        )


def _is_figure(item: tuple[Any, Any]) -> bool:
    name, value = item
    return isinstance(name, str) and type(value) is not bool and isinstance(value, Real) and math.isfinite(value)
