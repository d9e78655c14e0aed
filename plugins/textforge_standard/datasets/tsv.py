"""Dataset `tsv`."""

from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.columns import Columns
from textforge_standard.datasets.csv_reader import names_are_wrong, read_separated, separated_blocks
from textforge_standard.datasets.csv_sniffer import read_unknown
from textforge_standard.datasets.files import Files, no_such_encoding
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import TSV
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups


@with_groups(names_are_wrong, no_such_encoding, groups_are_wrong)
def tsv(
    seed: int,
    files: Files,
    hold_out: HoldOut,
    columns: Columns,
    streaming: Streaming,
    /,
    *,
    quotes: bool = True,
    names: Annotated[list[str], MinLen(1)] | None = None,
    encoding: str = "utf-8",
    malformed: Literal["error", "drop"] = "error",
) -> Any:
    """Tab-separated files with a header, a text column and a label column.

    Options:
        quotes: true lets a field in double quotes contain tabs and line breaks; false reads quotes as text.
        names: column names, for files without a header.
        encoding: character encoding of the files.
        malformed: treat rows with more or fewer fields than columns as an error, or drop and count them.
    """
    own = {"separator": "\t", "quotes": quotes, "names": names, "encoding": encoding, "malformed": malformed}
    return Format(read_separated, separated_blocks, own).dataset(seed, files, hold_out, columns, streaming)


declare(
    tsv,
    streams=streams,
    tables=TSV,
    look_at=look_at_files(
        ".tsv", ".tab", read=lambda path: read_unknown(path, "\t"), read_with=partial(read_separated, separator="\t")
    ),
)
