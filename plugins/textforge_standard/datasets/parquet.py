"""Dataset `parquet`."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import COMPRESSED, Files, content
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.tables import from_files, look_at_files
from textforge_standard.option_groups import with_groups


@with_groups()
def parquet(seed: int, files: Files, hold_out: HoldOut, columns: Columns, /):
    """Parquet files; a field within a struct is named with a dot, as in `meta.label`."""
    return from_files(files, hold_out, columns, seed, read_parquet)


def read_parquet(path: Path, wanted: dict[str, str] | None) -> Table:
    """The columns wanted (None: all).

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    import polars as pl

    from textforge import DataError

    packed = path.suffix.lower() in COMPRESSED
    try:
        if not packed:
            path.open("rb").close()  # polars tells less of what it cannot open
        source = io.BytesIO(content(path)) if packed else path
        schema = pl.read_parquet_schema(source)
        paths = dict(_paths(schema))
        if wanted is not None:
            look_up(path, [*paths, *(name for name in schema if name in wanted and name not in paths)], wanted)
        chosen = {name: paths.get(name, (name,)) for name in (wanted if wanted is not None else paths)}
        if packed:
            source.seek(0)
        frame = pl.read_parquet(source, columns=sorted({steps[0] for steps in chosen.values()}), glob=False)
        expressions = [_field(steps).alias(name) for name, steps in chosen.items()]
        columns = {column.name: column.to_list() for column in frame.select(expressions)}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: is no Parquet file, or damaged: {str(error).splitlines()[0]}.") from error
    return Table(path, columns)


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


parquet.look_at = look_at_files(
    ".parquet", ".pq", read=lambda path: (read_parquet(path, None), {}, {}), read_with=read_parquet
)
