"""Dataset `csv`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.columns import Columns
from textforge_standard.datasets.csv_reader import names_are_wrong, read_separated, separated_blocks, separator_is_wrong
from textforge_standard.datasets.csv_sniffer import is_table, read_unknown
from textforge_standard.datasets.files import Files, data_files, no_such_encoding
from textforge_standard.datasets.packed import content
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import CSV
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

SUFFIXES = (".txt", ".text", ".data", ".dat", "")
"""Suffixes of text files of any format."""


@with_groups(separator_is_wrong, names_are_wrong, no_such_encoding, groups_are_wrong)
def csv_files(
    seed: int,
    files: Files,
    hold_out: HoldOut,
    columns: Columns,
    streaming: Streaming,
    /,
    *,
    separator: str = ",",
    quotes: bool = True,
    names: Annotated[list[str], MinLen(1)] | None = None,
    encoding: str = "utf-8",
    malformed: Literal["error", "drop"] = "error",
) -> Any:
    """Comma-separated files with a header, a text column and a label column.

    Options:
        separator: one ASCII character that separates columns.
        quotes: true lets a field in double quotes contain separators and line breaks; false reads quotes as text.
        names: column names, for files without a header.
        encoding: character encoding of the files.
        malformed: treat rows with more or fewer fields than columns as an error, or drop and count them.
    """
    own = {"separator": separator, "quotes": quotes, "names": names, "encoding": encoding, "malformed": malformed}
    return Format(read_separated, separated_blocks, own).dataset(seed, files, hold_out, columns, streaming)


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a `.csv` file, and for any other text file that has columns."""
    found = _look_at_csv(path)
    if found is None and (paths := data_files(path, SUFFIXES)):
        head = content(paths["train"])[: 1 << 16].decode("utf-8", "replace")
        return _look_at_text(path) if "__label__" not in head and is_table(head) else None
    return found


_look_at_csv, _look_at_text = (
    look_at_files(*suffixes, read=lambda path: read_unknown(path, ",;\t|"), read_with=read_separated)
    for suffixes in ((".csv",), SUFFIXES)
)
declare(csv_files, streams=streams, tables=CSV, look_at=_look_at)
