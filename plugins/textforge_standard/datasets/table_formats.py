"""The table formats that `textforge predict` reads and writes: CSV, TSV, JSON Lines and Parquet."""

from collections.abc import Iterable, Mapping
from typing import Any


class CsvFormat:
    """A `textforge.data.TableFormat` of delimited text."""

    lines = False

    def __init__(self, *suffixes: str, separator: str) -> None:
        self.suffixes, self.separator = suffixes, separator

    def reader(self, source: Any, options: Mapping[str, Any]) -> Any:
        from textforge_standard.datasets.csv_tables import CsvTable

        return CsvTable(self, source, **{"separator": self.separator, **options})

    def write(self, target: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
        from textforge_standard.datasets.csv_tables import CsvTable
        from textforge_standard.datasets.csv_writer import append_fields, write_separated
        from textforge_standard.datasets.table_bytes import packed

        with packed(target) as stream:
            if isinstance(reader, CsvTable) and reader.form is self:
                append_fields(stream, reader, answered, added)
            else:
                write_separated(stream, reader, answered, added, self.separator)


class JsonFormat:
    """A `textforge.data.TableFormat` of JSON Lines."""

    suffixes = (".jsonl", ".ndjson", ".json")
    lines = True

    def reader(self, source: Any, options: Mapping[str, Any]) -> Any:
        from textforge_standard.datasets.jsonl_tables import JsonTable

        return JsonTable(source)

    def write(self, target: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
        from textforge_standard.datasets.jsonl_tables import write_lines
        from textforge_standard.datasets.table_bytes import packed

        with packed(target) as stream:
            write_lines(stream, reader, answered, added)


class ParquetFormat:
    """A `textforge.data.TableFormat` of Parquet files."""

    suffixes = (".parquet", ".pq")
    lines = False

    def reader(self, source: Any, options: Mapping[str, Any]) -> Any:
        from textforge_standard.datasets.parquet_tables import ParquetTable

        return ParquetTable(source)

    def write(self, target: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
        from textforge_standard.datasets.parquet_tables import write_parquet
        from textforge_standard.datasets.table_bytes import packed

        with packed(target) as stream:
            write_parquet(stream, reader, answered, added)
