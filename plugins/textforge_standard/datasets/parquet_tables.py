"""Read and write Parquet tables for `textforge predict`: the types of columns stay as they are."""

import inspect
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from textforge.errors import Scratch
from textforge_standard.datasets.columns import as_text, joined
from textforge_standard.datasets.parquet import ROWS, data_errors, field_expression, field_paths, metadata
from textforge_standard.datasets.table_bytes import as_file
from textforge_standard.datasets.usual_names import usual_text_column

CHUNK = 1024
"""Rows to answer at a time."""
ARROW_SCHEMA = "ARROW:schema"
"""Metadata key of the columns' types, which every writer sets itself."""


class ParquetRows:
    """Some rows of a table as a polars data frame."""

    faults: Mapping[int, str] = {}

    def __init__(self, frame: Any, texts: list[str | None]) -> None:
        self.frame, self.texts = frame, texts

    def columns(self) -> dict[str, list[Any]]:
        return {column.name: column.to_list() for column in self.frame}


class ParquetTable:
    """A Parquet file.

    Raises:
        DataError: the file cannot be read.
    """

    form: Any
    """The table format that opened it."""
    warnings: Sequence[str] = ()

    def __init__(self, source: Any, **_: Any) -> None:
        from textforge_standard.checked_polars import pl

        self.name = source.name
        self._file, self._copy = as_file(source, ".parquet")
        with data_errors(self.name):
            self.schema = pl.read_parquet_schema(self._file)
            self.metadata = {key: value for key, value in metadata(self._file).items() if key != ARROW_SCHEMA}
            """Metadata of the file, such as the class names of the Hugging Face library."""
        self._paths = dict(field_paths(self.schema))
        self.columns = list(self._paths)
        self.names = list(self.schema)

    def usual_text(self) -> str | None:
        return usual_text_column(self.columns)

    def rows(self, texts: Sequence[str], *, join: str, everything: bool, mark: bool) -> Iterator[ParquetRows]:
        from textforge import DataError
        from textforge_standard.checked_polars import pl

        fields = [field_expression(self._paths[name]) for name in texts]
        scan, start = pl.scan_parquet(self._file, glob=False), 0
        for name, kind in zip(texts, scan.select(*fields).head(0).collect().dtypes if fields else (), strict=True):
            if not (kind in (pl.String, pl.Boolean, pl.Categorical, pl.Enum, pl.Null) or kind.is_numeric()):
                raise DataError(f"{self.name}: column '{name}' holds {kind}, which is not text.")
        while True:
            with data_errors(self.name):
                frame = scan.slice(start, ROWS).collect()
            for chunk in frame.iter_slices(CHUNK):
                parts = [["" if v is None or v != v else as_text(v) for v in chunk.select(one).to_series()]
                         for one in fields]  # fmt: skip
                whole = parts[0] if len(parts) == 1 else joined(parts, join)
                yield ParquetRows(chunk, [text if text.strip() else None for text in whole])
            start += len(frame)
            if len(frame) < ROWS:
                return


def write_parquet(stream: Any, reader: Any, answered: Iterable[Any], added: Mapping[str, str]) -> None:
    """Write row groups to temporary files, and then all of them as one: polars cannot append to a file."""
    from textforge_standard.checked_polars import pl

    kinds = {"text": pl.String(), "number": pl.Float32(), "texts": pl.List(pl.String()),
             "numbers": pl.List(pl.Float32())}  # fmt: skip
    more = {name: kinds[kind] for name, kind in added.items()}
    with Scratch() as scratch:
        parts: list[Path] = []
        for frame in _gathered(_frames(reader, answered, more)):
            parts.append(scratch.path / f"{len(parts)}.parquet")
            with scratch.writing():
                frame.write_parquet(parts[-1])
        whole, kept = parts[0], _metadata(reader, pl.read_parquet_schema(parts[0]))
        if len(parts) > 1 or kept:
            whole = scratch.path / "whole.parquet"
            with scratch.writing():
                pl.scan_parquet(parts, glob=False).sink_parquet(whole, **kept)
        with whole.open("rb") as file:
            shutil.copyfileobj(file, stream, 1 << 20)


def _metadata(reader: Any, schema: Any) -> dict[str, Any]:
    """The arguments of `sink_parquet` that keep the metadata of a Parquet file.

    PyArrow, and with it the Hugging Face library, reads metadata from the Arrow schema only. polars takes a schema with
    metadata from PyArrow alone, so without PyArrow only the metadata of the file are kept.
    """
    from textforge_standard.checked_polars import pl

    found = reader.metadata if isinstance(reader, ParquetTable) else {}
    if not found:
        return {}
    kept: dict[str, Any] = {"metadata": found}
    if "arrow_schema" in inspect.signature(pl.LazyFrame.sink_parquet).parameters:
        with suppress(ImportError, ValueError):  # a type that Arrow lacks
            kept["arrow_schema"] = pl.DataFrame(schema=schema).to_arrow().schema.with_metadata(found)
    return kept


def _gathered(frames: Iterator[Any]) -> Iterator[Any]:
    """Frames of about `ROWS` rows; at least one, even without rows."""
    from textforge_standard.checked_polars import pl

    waiting, n, none = [], 0, True
    for frame in frames:
        waiting.append(frame)
        n += len(frame)
        if n >= ROWS:
            yield pl.concat(waiting)
            waiting, n, none = [], 0, False
    if waiting and (n or none):
        yield pl.concat(waiting)


def _frames(reader: Any, answered: Iterable[Any], more: Mapping[str, Any]) -> Iterator[Any]:
    from textforge_standard.checked_polars import pl

    own = isinstance(reader, ParquetTable)
    schema = dict(reader.schema) if own else None
    if own:
        yield pl.DataFrame(schema={**reader.schema, **more})
    for one in answered:
        new = pl.DataFrame(one.added, schema=dict(more))
        if own:
            yield one.rows.frame.hstack(new)
            continue
        with _fitting(reader.name):
            frame = pl.DataFrame(one.rows.columns(), schema=schema, strict=True, infer_schema_length=None)
        schema = schema or dict(frame.schema)
        yield frame.hstack(new) if frame.width else new
    if schema is None:
        yield pl.DataFrame(schema={**dict.fromkeys(reader.names, pl.String()), **more})


@contextmanager
def _fitting(name: str) -> Iterator[None]:
    from textforge import DataError
    from textforge_standard.checked_polars import pl

    try:
        yield
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise DataError(
            f"{name}: its values do not fit into the columns of a Parquet file, where all values of a column have one "
            f"type: {str(error).splitlines()[0]}. Write to a .jsonl file instead."
        ) from error
