"""Write a cleaned copy of the data, and a list of what was changed.

Only what is safe is changed: spelling of labels, encodings, HTML, empty texts and repeats. Doubtful labels, leaks and
splits need a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import replaced, write_text
from textforge.components.manager import PluginManager
from textforge.data.tables import AnsweredRows, ColumnType, TableReader, TableRows, TableStream
from textforge.errors import RecipeError, StorageError
from textforge.insight.doctor.alike_labels import usual_forms
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.exact_duplicates import equal_groups
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Place
from textforge.insight.doctor.html_remnants import has_html, without_html
from textforge.insight.doctor.lengths import is_empty
from textforge.insight.doctor.mojibake import decoded_well
from textforge.insight.doctor.near_duplicates import similar_groups
from textforge.insight.doctor.sources import Source
from textforge.runs.tables import TableFormats

CHANGES = "changes.jsonl"
USUAL_SUFFIX = ".csv"


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


def refuse_existing(out: Path) -> None:
    """Refuse a folder that exists.

    Raises:
        RecipeError: there is a file or a folder of this name.
    """
    if out.exists():
        raise RecipeError(f"{out}: exists already, and --fix overwrites nothing. Name a new folder.")


def clean(data: Examined, source: Source, out: Path, plugins: PluginManager) -> dict[str, Any]:
    """Write a file for each split and `changes.jsonl` into a new folder.

    The files have the columns `text` and `label`, and `group` for train if the data have groups. They are in the format
    of the data if that is a format of tables, else CSV.

    Returns:
        JSON values: `folder`, `files`, `changes` (the number of each kind), and `texts` of each split.

    Raises:
        StorageError: a file cannot be written.
    """
    cleaned, changes = cleaned_data(data)
    removed = {change.place for change in changes if change.after is None}
    formats = TableFormats(plugins)
    suffix = USUAL_SUFFIX
    if source.component in formats.names():
        suffix = formats.named(source.component).suffixes[0]
    name = formats.of_file(Path(f"train{suffix}"))
    if name is None:
        raise RecipeError(f"no installed dataset writes {suffix} files, so no cleaned copy can be written.")
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror}.") from error
    files, texts = [], {}
    for split in data.splits:
        rows = [n for n in cleaned.rows_of(split) if cleaned.places[n] not in removed]
        texts[split] = len(rows)
        if not rows:
            continue
        path = out / f"{split}{suffix}"
        files.append(path.name)
        added, types = _added(cleaned, rows, source)
        answered = [AnsweredRows(_Rows([cleaned.texts[n] for n in rows]), added)]
        with replaced(path) as temporary, temporary.open("wb") as stream:
            formats.named(name).write(TableStream(stream, str(path)), _Reader(str(path)), answered, types)
    lines = [json.dumps(change.as_json(), ensure_ascii=False) for change in changes]
    write_text(out / CHANGES, "".join(f"{line}\n" for line in lines))
    kinds = [change.change for change in changes]
    return {
        "folder": str(out), "files": [*files, CHANGES], "texts": texts,
        "changes": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
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
            if (text := repair(before)) != before:
                changes.append(Change(data.places[n], what, before, text))
                texts[n] = text
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


def _added(data: Examined, rows: list[int], source: Source) -> tuple[dict[str, list[Any]], dict[str, ColumnType]]:
    """The columns of a split beside the text, and their types."""
    several = data.multi_label
    columns: dict[str, list[Any]] = {"label": [[*data.labels[n]] if several else data.labels[n][0] for n in rows]}
    if source.dataset.groups is not None and data.places[rows[0]].split == "train":
        columns["group"] = [source.dataset.groups[data.places[n].row] for n in rows]
    types: dict[str, ColumnType] = {"label": "texts" if several else "text", "group": "text"}
    return columns, {name: types[name] for name in columns}


class _Reader(TableReader):
    """A table of the column `text`, to which the other columns of the cleaned copy are added."""

    def __init__(self, name: str) -> None:
        self.name, self.columns, self.names = name, ["text"], ("text",)

    def usual_text(self) -> str:
        return "text"

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[TableRows]:
        return iter(())


class _Rows(TableRows):
    """The texts of the cleaned copy."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.faults = texts, {}

    def columns(self) -> dict[str, list[Any]]:
        return {"text": [*self.texts]}
