"""Clean the data, and list what was changed.

Only what is safe is changed: spelling of labels, encodings, HTML, empty texts and repeats. Doubtful labels, leaks and
splits need a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from textforge.components.rows import with_text
from textforge.insight.doctor.alike_labels import usual_forms
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.exact_duplicates import equal_groups
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Place
from textforge.insight.doctor.html_remnants import has_html, without_html
from textforge.insight.doctor.lengths import is_empty
from textforge.insight.doctor.mojibake import decoded_well
from textforge.insight.doctor.near_duplicates import similar_groups


@dataclass(frozen=True)
class Change:
    """One change of one text."""

    place: Place
    """The place in the data as they were."""
    change: str
    before: str | list[str]
    after: str | list[str] | None
    """None if the text was removed."""

    def as_json(self) -> dict[str, Any]:
        return {
            "split": self.place.split, "row": self.place.row, "change": self.change,
            "before": self.before, "after": self.after,
        }  # fmt: skip


def cleaned_data(data: Examined) -> tuple[Examined, list[Change]]:
    """Return the data with labels and texts changed, and all changes, removals among them, in the order of the rows."""
    usual = usual_forms(data)
    changes: list[Change] = []
    labels = [tuple(dict.fromkeys(usual[label] for label in own)) for own in data.labels]
    for place, own, joined in zip(data.places, data.labels, labels, strict=True):
        if own != joined:
            changes.append(Change(place, "joined labels that look alike", [*own], [*joined]))
    texts = [*data.texts]
    for what, repair in _repairs():
        for n, before in enumerate(texts):
            if (text := repair(before)) != str(before):
                changes.append(Change(data.places[n], what, before, text))
                texts[n] = with_text(before, text)
    cleaned = replace(data, texts=texts, labels=labels)
    for n, why in sorted(_removed(cleaned).items()):
        changes.append(Change(data.places[n], why, texts[n], None))
    order = {place: n for n, place in enumerate(data.places)}
    return cleaned, sorted(changes, key=lambda change: order[change.place])


def _repairs() -> Iterator[tuple[str, Callable[[str], str]]]:
    """What each repair of a text did, and the repair; only those whose library is installed."""
    if _installed("mojibake"):
        yield "decoded with the right encoding", decoded_well
    yield "removed HTML", lambda text: without_html(text) if has_html(text) else text


def _removed(data: Examined) -> dict[int, str]:
    """The positions of texts to remove, and the reason.

    Of repeats in one split with the same labels the first stays. What train shares with another split is removed from
    train, so that the figures on the other split stay comparable.
    """
    found = {n: "removed an empty text" for n, text in enumerate(data.texts) if is_empty(text)}
    for group in equal_groups(data):
        seen = set[tuple[str, tuple[str, ...]]]()
        for n in group:
            key = (data.places[n].split, data.labels[n])
            if key in seen:
                found.setdefault(n, "removed a repeat")
            seen.add(key)
    across = [*equal_groups(data), *(similar_groups(data) if _installed("near_duplicates") else [])]
    for group in across:
        if {data.places[n].split for n in group} > {"train"}:
            for n in group:
                if data.places[n].split == "train":
                    found.setdefault(n, "removed from train what another split repeats")
    return found


def _installed(module: str) -> bool:
    """Whether the library that a detector needs is installed."""
    return not next(one for one in DETECTORS if one.home.startswith(f"{module}:")).missing()
