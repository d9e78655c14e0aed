"""Limits of a classifier that its figures show: weak classes, few texts, unsure figures, wrong confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textforge.insight.handover.rendering import Markdown, count, escape, figure, label, percent

WEAK = 0.1
"""A class is weak if its F1 is this much below the mean over classes."""
FEW_TEST, FEW_TRAIN = 30, 50
"""Numbers of texts of a class below which its figures are unsure, and below which little was learnt of it."""
OFF = 0.05
"""Calibration error above which probabilities should not be taken as such."""
NAMED = 8
"""Number of classes that a sentence names."""


def limits(found: Mapping[str, Any]) -> list[Markdown]:
    """Return a sentence in Markdown for each limit that the values of a report show."""
    return [Markdown(sentence) for sentence in _limits(found)]


def _limits(found: Mapping[str, Any]) -> Iterator[str]:
    if found["figures"] is None:
        yield "There was no test split, so nothing is known of the quality on new texts."
    else:
        yield from _of_classes(found["classes"])
        yield from _of_figures(found)
    yield from _of_data(found["data"])


def _of_classes(classes: list[dict[str, Any]]) -> Iterator[str]:
    tested = [one for one in classes if one["support"]]
    if not tested:
        return
    mean = sum(one["f1"] for one in tested) / len(tested)
    weak = sorted((one for one in tested if one["f1"] <= mean - WEAK), key=lambda one: float(one["f1"]))
    if weak:
        yield f"Weak classes, whose F1 is at least {WEAK:g} below the mean of {figure(mean)}: " + _named(
            [f"{escape(label(one['label']))} ({figure(one['f1'])})" for one in weak]
        )
    few = sorted((one for one in tested if one["support"] < FEW_TEST), key=lambda one: float(one["support"]))
    if few:
        yield f"Fewer than {FEW_TEST} test texts, so these figures are unsure: " + _named(
            [f"{escape(label(one['label']))} ({count(one['support'])})" for one in few]
        )
    if untested := [one for one in classes if not one["support"]]:
        yield "No test texts at all: " + _named([escape(label(one["label"])) for one in untested])


def _of_figures(found: Mapping[str, Any]) -> Iterator[str]:
    figures = found["figures"]
    first, *_ = figures["metrics"]
    best = max((one["accuracy"] for one in figures["baselines"]), default=None)
    if first["interval"] and best is not None and first["interval"][0] <= best:
        yield (
            "The accuracy may be no better than that of a baseline: its interval begins at "
            f"{percent(first['interval'][0])}, and the baseline has {percent(best)}."
        )
    if found["kind"] == "run":
        yield "The figures are of one training: the intervals cover the choice of test texts, not the luck of the seed."
    calibration = found["calibration"]
    if calibration and calibration["ece"] > OFF:
        more = calibration["mean_confidence"] > calibration["accuracy"]
        yield (
            f"Probabilities are {'too high' if more else 'too low'} on average: mean confidence "
            f"{percent(calibration['mean_confidence'])}, right {percent(calibration['accuracy'])}. "
            "Do not read them as chances of being right without calibration (`decision: {calibrate: temperature}`)."
        )
    if figures["answered"] and figures["answered"]["share"] < 1:
        yield f"It abstains: {percent(figures['answered']['share'])} of the test texts got an answer."


def _of_data(data: Mapping[str, Any]) -> Iterator[str]:
    few = [one for one in data["classes"] if 0 < one.get("train", 0) < FEW_TRAIN]
    if few:
        yield f"Fewer than {FEW_TRAIN} training texts: " + _named(
            [
                f"{escape(label(one['label']))} ({count(one['train'])})"
                for one in sorted(few, key=lambda one: int(one["train"]))
            ]
        )
    train = next((one for one in data["splits"] if one["name"] == "train" and "words" in one), None)
    if train:
        words = train["words"]
        yield (
            f"The training texts have a median of {words['median']:,} words, and 95 % of them up to {words['p95']:,}. "
            "Nothing is known of much shorter or longer texts."
        )


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more + "."
