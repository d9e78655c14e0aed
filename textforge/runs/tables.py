"""The table formats that installed datasets offer, and the text columns that a run's recipe names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.data.given_rows import unread
from textforge.data.tables import COMPRESSED, TableFormat, TableReader, TableStream
from textforge.errors import DataError, PluginError, RecipeError, TextforgeError, did_you_mean, listed
from textforge.runs import folder as run_folder
from textforge.runs.named_tables import NamedFormat
from textforge.runs.own_data import own_dataset, part_for_file


class TextColumnError(DataError):
    """No column, or more than one, of a table is named as texts usually are."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns: list[str] = [*columns]


class TableFormats:
    """The formats of tables by the name of their dataset, from its factory's attribute `tables`."""

    def __init__(self, plugins: PluginManager) -> None:
        self.plugins = plugins
        self._formats: dict[str, TableFormat] = {}
        for name, component in plugins.named("dataset").items():
            try:
                found = component.declared("tables", None)
            except PluginError:  # a broken dataset must not keep others from reading a table
                continue
            if found is not None:
                self._formats[name] = NamedFormat(found, f"{component.label} from {component.origin}")

    def names(self) -> list[str]:
        return list(self._formats)

    def suffixes(self) -> list[str]:
        """All suffixes of tables that can be written."""
        return [suffix for form in self._formats.values() if form.written_as is None for suffix in form.suffixes]

    def of_file(self, path: Path) -> str | None:
        """The name of the format of a file by its suffix, whether the file is compressed or not."""
        return next((name for name, form in self._formats.items() if form.reads(path)), None)

    def named(self, name: str) -> TableFormat:
        """The format of this name.

        Raises:
            RecipeError: there is none.
        """
        if name not in self._formats:
            raise RecipeError(
                f"there is no table format '{name}'. The formats: {listed(self._formats)}."
                f"{did_you_mean(name, self._formats)}"
            )
        return self._formats[name]


@dataclass(frozen=True)
class OpenTable:
    """A table that is open, with its text columns.

    Args:
        reader: its rows.
        texts: names of the text columns.
        join: separator of several texts.
        chosen_by_name: whether nobody named the column, so that its name alone was the reason to choose it.
    """

    reader: TableReader
    texts: tuple[str, ...]
    join: str
    chosen_by_name: bool


def packed(path: Path) -> str:
    """The suffix of a compressed file, or an empty string."""
    return path.suffix.lower() if path.suffix.lower() in COMPRESSED else ""


def open_table(
    formats: TableFormats,
    name: str,
    source: TableStream,
    run: Path | None,
    *,
    texts: Sequence[str] = (),
    options: Iterable[str] = (),
) -> OpenTable:
    """Open a table with the options of the run's own dataset if that reads the same format, and find its texts.

    Args:
        formats: the installed formats.
        name: the name of the table's format.
        source: its bytes.
        run: a finished run folder or a bundle; None for a classifier from neither.
        texts: names of the text columns. By default those that the run's recipe names, if the table has them, else the
            column that is named as texts usually are.
        options: overrides of the dataset's options, as in `["separator=;"]`.

    Raises:
        RecipeError: an option is invalid.
        DataError: the table cannot be read, or has no such text column; the message lists its columns.
        TextColumnError: no text column was named, and none is clear from its name.
    """
    given = [option.removeprefix("dataset.") for option in options]
    home = run
    if run is not None and not (run / run_folder.RESOLVED).is_file() and run_folder.is_finished(run.parent):
        home = run.parent
    part = part_for_file(name, Path(source.name), home, given, formats.plugins)
    named, join = _named_in_recipe(home, part, given)
    known = {"text": list(texts or named)} if texts or named else {}
    reader = formats.named(name).reader(source, {**part.all_options, **known})
    if not reader.columns:  # nothing to read
        return OpenTable(reader, tuple(texts or named or ("text",)), join, False)
    if texts:
        _refuse_missing(source.name, reader.columns, texts)
        return OpenTable(reader, tuple(texts), join, False)
    if named and {*named} <= {*reader.columns}:
        _refuse_missing(source.name, reader.columns, named)
        return OpenTable(reader, tuple(named), join, False)
    if (usual := reader.usual_text()) is None:
        raise TextColumnError(
            f"{source.name}: no column, or more than one, is named as texts usually are. Name it with --text. "
            f"Its columns: {listed(reader.columns)}.",
            reader.columns,
        )
    return OpenTable(reader, (usual,), join, True)


def unread_names(part: Part, path: Path, plugins: PluginManager) -> list[str]:
    """The columns of a file that none of the options of the dataset that reads it names; [] if it is no table."""
    options = part.all_options
    formats = TableFormats(plugins)
    if part.component.name not in formats.names():
        return []
    with path.open("rb") as file, suppress(TextforgeError):
        reader = formats.named(part.component.name).reader(TableStream(file, str(path), packed(path)), options)
        return unread(reader.columns, _texts_within([*options.values()]))
    return []


def _texts_within(values: Iterable[Any]) -> Iterator[str]:
    """Every text in nested lists, and every key of mappings."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, tuple, Mapping)):
            yield from _texts_within(value)


def _named_in_recipe(run: Path | None, part: Part, given: Sequence[str]) -> tuple[Sequence[str], str]:
    """The text columns that the run's recipe names, and how it joins them; overrides count more."""
    own, options = (run and own_dataset(run)) or {}, part.all_options
    overridden = {option.partition("=")[0].strip() for option in given}
    found = {key: options[key] if key in overridden else own.get(key, options.get(key)) for key in ("text", "join")}
    text, join = found["text"], found["join"]
    names = [text] if isinstance(text, str) else list(text or ())
    return (names if "text" in own or "text" in overridden else ()), join if isinstance(join, str) else "\n"


def _refuse_missing(place: str, columns: Sequence[str], texts: Sequence[str]) -> None:
    """Check that a table has each text column exactly once.

    Raises:
        DataError: a column is missing or repeated.
    """
    for name in texts:
        if (count := columns.count(name)) != 1:
            found = f"{count} columns are named" if count else "there is no column"
            raise DataError(f"{place}: {found} '{name}'. Its columns: {listed(columns)}.{did_you_mean(name, columns)}")
