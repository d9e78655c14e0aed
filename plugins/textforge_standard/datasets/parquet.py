"""Dataset `parquet`."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from textforge_standard.datasets.class_names import named, names_in_metadata
from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import data_files
from textforge_standard.datasets.packed import unpacked_file
from textforge_standard.datasets.panics import is_panic_over_data
from textforge_standard.datasets.part_files import PARTS, PartFiles, parts_of, split_globs
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import PARQUET
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

ROWS = 1 << 16
"""Rows per block when a file need not fit in memory."""
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""The value in a folder name that stands for null."""


@with_groups(groups_are_wrong)
def parquet(seed: int, files: PartFiles, hold_out: HoldOut, columns: Columns, streaming: Streaming, /) -> Any:
    """Parquet files, or folders of them; a dot names a field of a struct, as in `meta.label`.

    A folder named `key=value` (Hive partition) adds a column `key` to the files below it. In files written by the
    Hugging Face library, class numbers become class names.
    """
    return Format(read_parquet, parquet_blocks).dataset(seed, files, hold_out, columns, streaming)


def read_parquet(path: Path, wanted: dict[str, str] | None) -> Table:
    """Read the wanted columns (None: all).

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    from textforge_standard.checked_polars import pl

    with data_errors(path), unpacked_file(path, ".parquet", (b"PAR1",), "a Parquet file") as file:
        fields = _Fields(path, file, wanted)
        return Table(path, fields.values(pl.read_parquet(file, columns=fields.columns, glob=False)))


def parquet_blocks(path: Path, wanted: dict[str, str], *, size: int = ROWS) -> Iterator[Table]:
    """Yield the rows of `read_parquet` block by block; only a row group must fit in memory.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    from textforge_standard.checked_polars import pl

    with data_errors(path), unpacked_file(path, ".parquet", (b"PAR1",), "a Parquet file") as file:
        fields = _Fields(path, file, wanted)
        rows, start = pl.scan_parquet(file, glob=False).select(fields.columns), 0
        while len(frame := rows.slice(start, size).collect()):
            yield Table(path, fields.values(frame, start), numbers=range(start + 1, start + len(frame) + 1))
            start += len(frame)


@contextmanager
def data_errors(path: Path | str) -> Iterator[None]:
    """Re-raise errors of the file system and of polars as `DataError`."""
    from textforge import DataError
    from textforge_standard.checked_polars import pl

    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: is no Parquet file, or damaged: {str(error).splitlines()[0]}.") from error
    except BaseException as error:
        if not is_panic_over_data(error):
            raise
        raise DataError(f"{path}: is no Parquet file, or damaged: {str(error).splitlines()[0]}.") from error


class _Fields:
    """The wanted fields of a file, by dotted name.

    Raises:
        DataError: the file lacks a wanted field.
    """

    def __init__(self, path: Path, file: Path, wanted: dict[str, str] | None) -> None:
        from textforge_standard.checked_polars import pl

        schema = pl.read_parquet_schema(file)
        paths, self._partitions = dict(field_paths(schema)), partitions(path)
        if wanted is not None:
            lone = [name for name in schema if name in wanted and name not in paths]
            look_up(path, [*paths, *lone, *(self._partitions.keys() - paths.keys())], wanted)
        names = wanted if wanted is not None else dict.fromkeys([*paths, *self._partitions])
        self._path, self._classes = path, names_in_metadata(metadata(file))
        self._steps = {name: paths.get(name, (name,)) for name in names if name in paths or name in schema}
        self._names = list(names)
        self.columns = sorted({steps[0] for steps in self._steps.values()})
        """Top-level columns to read from the file."""

    def values(self, frame: Any, before: int = 0) -> dict[str, list[Any]]:
        """The values of each field in a frame that starts after `before` rows of the file."""
        found = {column.name: column.to_list() for column in
                 frame.select(field_expression(steps).alias(name) for name, steps in self._steps.items())}  # fmt: skip
        for name, names in self._classes.items():
            if name in found:
                found[name] = named(str(self._path), name, found[name], names, before)
        return {name: found[name] if name in found else [self._partitions[name]] * len(frame) for name in self._names}


def metadata(file: Path) -> dict[str, str]:
    """The metadata of a file, by key."""
    from textforge_standard.checked_polars import pl

    read = getattr(pl, "read_parquet_metadata", None)  # polars marks it as experimental
    return read(file) if read is not None else {}


def partitions(path: Path) -> dict[str, str | None]:
    """The columns that the folders of a file add by their names `key=value` (Hive partitions)."""
    parts = takewhile(lambda part: "=" in part, reversed(path.parent.parts))
    pairs = [part.partition("=")[::2] for part in parts]
    return {unquote(key): None if value == HIVE_NULL else unquote(value) for key, value in reversed(pairs)}


def field_paths(schema: Any, lead: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the dotted name and the path of every field that is not a struct."""
    from textforge_standard.checked_polars import pl

    for name, kind in dict(schema).items():
        if isinstance(kind, pl.Struct):
            yield from field_paths(kind, (*lead, name))
        else:
            yield ".".join((*lead, name)), (*lead, name)


def field_expression(steps: tuple[str, ...]) -> Any:
    """The polars expression of a field, given its path."""
    from textforge_standard.checked_polars import pl

    found = pl.col(steps[0])
    for step in steps[1:]:
        found = found.struct.field(step)
    return found


def _look_at_parts(path: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Do as `data_files`; for a folder of parts, return globs by split name, or the folder itself as train."""
    if (found := data_files(path, suffixes)) or not path.is_dir() or not parts_of(path):
        return found
    splits = split_globs(path)
    return splits if "train" in splits else {"train": path}


def _read_parts(path: Path, wanted: dict[str, str] | None) -> Table:
    """Concatenate the columns of all files of a path."""
    first, *others = [read_parquet(one, wanted) for one in PartFiles(train=path).splits()["train"]]
    for other in others:
        n_rows = len(next(iter(other.columns.values())))
        for name in first.columns:
            first.columns[name] += other.columns.get(name, [None] * n_rows)
    return first


declare(
    parquet,
    streams=streams,
    tables=PARQUET,
    look_at=look_at_files(
        *PARTS, read=lambda path: (_read_parts(path, None), {}, {}), read_with=_read_parts, find=_look_at_parts
    ),
)
