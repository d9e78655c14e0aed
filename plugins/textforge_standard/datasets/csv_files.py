"""Dataset `csv`."""

from typing import Annotated, Any

from annotated_types import MinLen

from textforge_standard.datasets.columns import Columns
from textforge_standard.datasets.csv_reader import names_are_wrong, read_separated, separated_blocks, separator_is_wrong
from textforge_standard.datasets.csv_sniffer import read_unknown
from textforge_standard.datasets.files import Files, no_such_encoding
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import CsvFormat
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups


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
) -> Any:
    """Comma-separated files with a header, a text column and a label column.

    Options:
        separator: one ASCII character that separates columns.
        quotes: true lets a field in double quotes contain separators and line breaks; false reads quotes as text.
        names: column names, for files without a header.
        encoding: character encoding of the files.
    """
    own = {"separator": separator, "quotes": quotes, "names": names, "encoding": encoding}
    return Format(read_separated, separated_blocks, own).dataset(seed, files, hold_out, columns, streaming)


declare(
    csv_files,
    streams=streams,
    tables=CsvFormat(".csv", separator=","),
    look_at=look_at_files(".csv", read=lambda path: read_unknown(path, ",;\t|"), read_with=read_separated),
)
