"""The table formats that `textforge predict` reads and writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from textforge_standard.datasets.packed import suffix


@dataclass(frozen=True)
class FileFormat:
    """A `textforge.data.TableFormat` whose code is imported when a table is read or written.

    Functions and classes are named as in `csv_tables:CsvTable`, a module of this folder and one of its attributes.
    """

    suffixes: tuple[str, ...]
    opens: str
    """The reader: takes the source, and options by name."""
    appends: str = ""
    """Writes the rows of a reader of this format, with columns added."""
    converts: str = ""
    """Writes the rows of any reader, with columns added; takes `options` by name."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of this format; those of a dataset count more."""
    lines: str = ""
    """Whether a file may be lines of single texts, given its path."""
    written_as: str | None = None

    def reads(self, path: Path) -> bool:
        return suffix(path) in self.suffixes

    def may_be_lines(self, path: Path) -> bool:
        return bool(self.lines) and _named(self.lines)(path)

    def reader(self, source: Any, options: Mapping[str, Any]) -> Any:
        reader = _named(self.opens)(source, **{**self.options, **options})
        reader.form = self
        return reader

    def write(self, target: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
        from textforge_standard.datasets.table_bytes import packed

        with packed(target) as stream:
            if getattr(reader, "form", None) is self:  # a plugin's reader has no form
                _named(self.appends)(stream, reader, answered, added)
            else:
                _named(self.converts)(stream, reader, answered, added, **self.options)


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), name)


def _separated(separator: str, *suffixes: str) -> FileFormat:
    return FileFormat(
        suffixes,
        opens="csv_tables:CsvTable",
        appends="csv_writer:append_fields",
        converts="csv_writer:write_separated",
        options={"separator": separator},
    )


CSV = _separated(",", ".csv")
TSV = _separated("\t", ".tsv", ".tab")
JSONL = FileFormat(
    (".jsonl", ".ndjson"),
    opens="jsonl_tables:JsonTable",
    appends="jsonl_tables:append_keys",
    converts="jsonl_tables:write_lines",
    lines="jsonl_tables:may_be_lines",
)
JSON = FileFormat(
    (".json",),
    opens="json_tables:open_json",
    appends="json_tables:append_keys",
    converts="json_tables:write_array",
    lines="json_tables:may_be_lines",
)
PARQUET = FileFormat(
    (".parquet", ".pq"),
    opens="parquet_tables:ParquetTable",
    appends="parquet_tables:write_parquet",
    converts="parquet_tables:write_parquet",
)
SPREADSHEET = FileFormat((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), opens="excel_tables:SheetTable", written_as="csv")
