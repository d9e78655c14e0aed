"""Write a cleaned copy of the data to a new folder, with a list of the changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import write_text
from textforge.components.manager import PluginManager
from textforge.components.rows import column_value, kinds_of, values_of
from textforge.data.tables import AnsweredRows, ColumnType, TableFormat, TableReader, TableRows, TableStream
from textforge.errors import RecipeError
from textforge.errors.temporaries import new_folder, storage_errors
from textforge.insight.doctor.cleaning import cleaned_data
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.sources import Source
from textforge.runs.tables import TableFormats

CHANGES = "changes.jsonl"
USUAL = Path("train.csv")


def refuse_existing(out: Path) -> None:
    """Refuse a folder that exists.

    Raises:
        RecipeError: there is a file or a folder of this name.
    """
    if out.exists():
        raise RecipeError(f"{out}: exists already, and --fix overwrites nothing. Name a new folder.")


def clean(data: Examined, source: Source, out: Path, plugins: PluginManager) -> dict[str, Any]:
    """Write a file for each split and `changes.jsonl` into a new folder.

    The files have the columns `text` and `label`, `group` and `weight` if the data have groups or weights, and the
    columns that the texts bring. They are in the format of the data if that is a format of tables, else CSV.

    Returns:
        JSON values: `path`, `files`, `changes` (the number of each kind), and `texts` of each split.

    Raises:
        StorageError: a file cannot be written.
    """
    cleaned, changes = cleaned_data(data)
    removed = {change.place for change in changes if change.after is None}
    form = _format(source, TableFormats(plugins))
    files, texts = [], {}
    with new_folder(out) as made:
        for split in data.splits:
            rows = [n for n in cleaned.rows_of(split) if cleaned.places[n] not in removed]
            texts[split] = len(rows)
            if not rows:
                continue
            path = made / f"{split}{form.suffixes[0]}"
            files.append(path.name)
            added, types = _added(cleaned, rows, source)
            answered = [AnsweredRows(_Rows([cleaned.texts[n] for n in rows]), added)]
            with storage_errors(path), path.open("wb") as stream:
                form.write(TableStream(stream, str(out / path.name)), _Reader(str(path)), answered, types)
        lines = [json.dumps(change.as_json(), ensure_ascii=False) for change in changes]
        write_text(made / CHANGES, "".join(f"{line}\n" for line in lines))
    kinds = [change.change for change in changes]
    return {
        "path": str(out), "files": [*files, CHANGES], "texts": texts,
        "changes": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
    }  # fmt: skip


def _format(source: Source, formats: TableFormats) -> TableFormat:
    """The format of the data, or the one that is written in its place; CSV for data that are no tables.

    Raises:
        RecipeError: no installed dataset writes CSV.
    """
    name = source.component if source.component in formats.names() else formats.of_file(USUAL)
    if name is None:
        raise RecipeError(f"no installed dataset writes {USUAL.suffix} files, so no cleaned copy can be written.")
    form = formats.named(name)
    return form if form.written_as is None else formats.named(form.written_as)


def _added(data: Examined, rows: list[int], source: Source) -> tuple[dict[str, list[Any]], dict[str, ColumnType]]:
    """The columns of a split beside the text, and their types."""
    several = data.multi_label
    columns: dict[str, list[Any]] = {"label": [[*data.labels[n]] if several else data.labels[n][0] for n in rows]}
    if source.dataset.groups is not None and data.places[rows[0]].split == "train":
        columns["group"] = [source.dataset.groups[data.places[n].row] for n in rows]
    if (weights := source.dataset.weights_of(data.places[rows[0]].split)) is not None:
        columns["weight"] = [float(weights[data.places[n].row]) for n in rows]
    types: dict[str, ColumnType] = {"label": "texts" if several else "text", "group": "text", "weight": "number"}
    texts = [data.texts[n] for n in rows]
    for name in kinds_of(texts):
        own = f"column_{name}" if name in ("text", *columns) else name
        # Numbers as text: formats of delimited files write those of answers with few digits.
        columns[own] = [column_value(value, "text") for value in values_of(texts, name)]
        types[own] = "text"
    return columns, {name: types[name] for name in columns}


class _Reader(TableReader):
    """A table of the column `text`, to which the other columns of the cleaned copy are added."""

    def __init__(self, name: str) -> None:
        self.name, self.columns, self.names, self.warnings = name, ["text"], ("text",), ()

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
