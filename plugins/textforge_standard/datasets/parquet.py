"""Dataset `parquet`."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import COMPRESSED, Files, content, pieces
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.tables import from_files, look_at_files
from textforge_standard.option_groups import with_groups

ROWS = 1 << 16
"""Rows that are read at once where a file need not fit in memory."""


@with_groups(groups_are_wrong)
def parquet(seed: int, files: Files, hold_out: HoldOut, columns: Columns, streaming: Streaming, /):
    """Parquet files; a field within a struct is named with a dot, as in `meta.label`."""
    return from_files(files, hold_out, columns, streaming, seed, read_parquet, parquet_blocks)


def read_parquet(path: Path, wanted: dict[str, str] | None) -> Table:
    """The columns wanted (None: all).

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    import polars as pl

    with _told(path):
        source = io.BytesIO(content(path)) if path.suffix.lower() in COMPRESSED else _opened(path)
        chosen, expressions = _chosen(path, pl.read_parquet_schema(source), wanted)
        if isinstance(source, io.BytesIO):
            source.seek(0)
        frame = pl.read_parquet(source, columns=chosen, glob=False)
        columns = {column.name: column.to_list() for column in frame.select(expressions)}
    return Table(path, columns)


def parquet_blocks(path: Path, wanted: dict[str, str], *, size: int = ROWS) -> Iterator[Table]:
    """The rows of `read_parquet`, some after the other, so that a file need not fit in memory; its row groups must.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    import polars as pl

    with _unpacked(path) as file, _told(path):
        chosen, expressions = _chosen(path, pl.read_parquet_schema(file), wanted)
        rows, start = pl.scan_parquet(file, glob=False).select(chosen), 0
        while len(frame := rows.slice(start, size).collect()):
            columns = {column.name: column.to_list() for column in frame.select(expressions)}
            yield Table(path, columns, numbers=range(start + 1, start + len(frame) + 1))
            start += len(frame)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The file, or a temporary one of what is packed in it: Parquet is read from its end."""
    if path.suffix.lower() not in COMPRESSED:
        yield _opened(path)
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        for piece in pieces(path):
            file.write(piece)
        file.flush()
        yield Path(file.name)


def _opened(path: Path) -> Path:
    path.open("rb").close()  # polars tells less of what it cannot open
    return path


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what cannot be read."""
    import polars as pl

    from textforge import DataError

    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: is no Parquet file, or damaged: {str(error).splitlines()[0]}.") from error


def _chosen(path: Path, schema: Any, wanted: dict[str, str] | None) -> tuple[list[str], list[Any]]:
    """The columns to read, and what of them is taken under which name."""
    paths = dict(_paths(schema))
    if wanted is not None:
        look_up(path, [*paths, *(name for name in schema if name in wanted and name not in paths)], wanted)
    chosen = {name: paths.get(name, (name,)) for name in (wanted if wanted is not None else paths)}
    return sorted({steps[0] for steps in chosen.values()}), [
        _field(steps).alias(name) for name, steps in chosen.items()
    ]


def _paths(schema: Any, lead: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every field that is no struct, by its dotted name, and the steps to it."""
    import polars as pl

    for name, kind in dict(schema).items():
        if isinstance(kind, pl.Struct):
            yield from _paths(kind, (*lead, name))
        else:
            yield ".".join((*lead, name)), (*lead, name)


def _field(steps: tuple[str, ...]) -> Any:
    import polars as pl

    found = pl.col(steps[0])
    for step in steps[1:]:
        found = found.struct.field(step)
    return found


parquet.streams = streams
parquet.look_at = look_at_files(
    ".parquet", ".pq", read=lambda path: (read_parquet(path, None), {}, {}), read_with=read_parquet
)
