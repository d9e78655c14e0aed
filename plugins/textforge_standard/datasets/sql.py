"""Dataset `sql`."""

import hashlib
import importlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator

from textforge import FileUrl
from textforge_standard.datasets.columns import Columns, Table, examples, look_up
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
from textforge_standard.datasets.streamed import Streaming, Tables, groups_are_wrong, streamed, streams
from textforge_standard.datasets.unlabelled import label_set, only_labelled
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

SQLITE = "sqlite:///"
"""What the URL of an SQLite file begins with; a path follows."""
MARK = b"SQLite format 3\0"
"""First bytes of an SQLite file."""
ROWS = 1 << 14
"""Number of rows to fetch at once."""
DRIVERS = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "snowflake": "snowflake",
    "grpc": "flightsql",
    "grpc+tls": "flightsql",
}
"""Name of the ADBC driver of each scheme; other schemes, such as `duckdb`, name their driver."""


def _scheme_is_wrong(*, connection: str, **_: Any) -> str | None:
    if not re.match(r"[A-Za-z][\w+.-]*://|\$", connection):
        return f"connection '{_shown(connection)}' has no scheme. For an SQLite file, write {SQLITE}reviews.db."
    return None


@with_groups(_scheme_is_wrong, groups_are_wrong)
def sql(
    seed: int,
    hold_out: HoldOut,
    columns: Columns,
    streaming: Streaming,
    /,
    *,
    connection: Annotated[str, AfterValidator(FileUrl)],
    query: str,
    valid: str | None = None,
    test: str | None = None,
) -> Any:
    """Rows of an SQLite database, or of one with an ADBC driver, such as PostgreSQL (needs textforge[sql]).

    Options:
        connection: URL of the database, such as sqlite:///reviews.db (relative to the recipe) or
            postgresql://user:${PASSWORD}@host/shop; environment variables are replaced when it is opened.
        query: SELECT statement of the training data.
        valid: SELECT statement of the validation data.
        test: SELECT statement of the test data; without it, test_fraction of train is held out.
    """
    queries = {"train": query} | {name: one for name, one in (("valid", valid), ("test", test)) if one is not None}

    def split(query: str) -> Examples:
        table = _joined(sql_blocks(query, columns.wanted(), connection=connection), columns.wanted())
        return examples(table, columns)

    if streaming.stream:
        others = read_splits({name: one for name, one in queries.items() if name != "train"}, split)
        options = {"connection": connection}
        train = Tables([query], columns, sql_blocks, options, lambda query: _digest(query, columns, connection))
        return streamed(train, others, hold_out, seed)
    splits = read_splits(queries, split)
    return dataset(
        only_labelled(splits, label_set(splits["train"]), columns.missing), hold_out, seed, missing_test="no test query"
    )


def sql_blocks(query: str, wanted: dict[str, str] | None, *, connection: str, size: int = ROWS) -> Iterator[Table]:
    """Yield the wanted columns (None: all) of the rows of a query, block by block.

    Raises:
        PluginError: the driver of the database is not installed.
        DataUnavailable: the database cannot be opened.
        DataError: the query fails, or lacks a column.
    """
    from textforge import DataError

    place = _shown(connection)
    with _opened(connection) as (database, error_type), closing(database.cursor()) as cursor:
        try:
            cursor.execute(query)
            if cursor.description is None:
                raise DataError(
                    f"{place}: the query does not return rows. Use a SELECT statement, instead of: {_short(query)}"
                )
            names = [str(column[0]) for column in cursor.description]
            wanted = wanted if wanted is not None else {name: name for name in names if names.count(name) == 1}
            look_up(f"{place} ({_short(query)})", names, wanted)
            before = 0
            while rows := cursor.fetchmany(size):
                found = {name: [row[names.index(name)] for row in rows] for name in wanted}
                yield Table(place, {name: _plain(values) for name, values in found.items()},
                            numbers=range(before + 1, before + len(rows) + 1))  # fmt: skip
                before += len(rows)
        except error_type as error:
            raise DataError(f"{place}: {_first_line(error)}, in the query: {_short(query)}") from error


def _joined(blocks: Iterator[Table], wanted: dict[str, str]) -> Table:
    tables = list(blocks)
    path = tables[0].path if tables else "the query"
    return Table(path, {name: [*chain.from_iterable(one.columns[name] for one in tables)] for name in wanted})


def _plain(values: list[Any]) -> list[Any]:
    """Decode bytes, and convert values other than text and numbers, such as decimals and UUIDs, to text."""
    if {*map(type, values)} <= {str, int, float, bool, list, type(None)}:
        return values
    return [*map(_plain_value, values)]


def _plain_value(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return value if value is None or isinstance(value, (str, int, float, list)) else str(value)


def _digest(query: str, columns: Columns, connection: str) -> str:
    """Digest of the rows of a query, because a database may have no file to hash."""
    digest = hashlib.sha256()
    for table in sql_blocks(query, columns.wanted(), connection=connection):
        digest.update(repr(table.columns).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@contextmanager
def _opened(connection: str) -> Iterator[tuple[Any, type[Exception]]]:
    """Open a database; yield its connection (PEP 249) and the type of its errors."""
    from textforge import DataUnavailable

    url = os.path.expandvars(connection)
    driver: Any = sqlite3 if url.startswith(SQLITE) else _driver(url)
    try:
        if driver is sqlite3:
            path = Path(url.removeprefix(SQLITE)).expanduser()
            _refuse_no_sqlite(path)
            database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
        else:
            database = driver.connect(url)
    except driver.Error as error:
        raise DataUnavailable(f"{_shown(connection)}: cannot be opened: {_first_line(error)}.") from error
    with closing(database):
        yield database, driver.Error


def _refuse_no_sqlite(path: Path) -> None:
    from textforge import DataError

    try:
        with path.open("rb") as file:
            if file.read(len(MARK)) not in (MARK, b""):
                raise DataError(f"{path}: is not an SQLite database, or is damaged.")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _driver(url: str) -> Any:
    from textforge import PluginError

    scheme = url.partition("://")[0].lower()
    name = DRIVERS.get(scheme, re.sub(r"\W", "_", scheme))
    try:
        return importlib.import_module(f"adbc_driver_{name}.dbapi")
    except ImportError as error:
        raise PluginError(
            f"dataset 'sql': '{scheme}://' needs its ADBC driver, which is not installed: {error}. "
            f"Install it: pip install 'textforge[sql]' adbc-driver-{name.replace('_', '-')}."
        ) from error


def _shown(connection: str) -> str:
    """The connection without user, password and options, for messages."""
    scheme, found, rest = connection.partition("://")
    if not found:
        return connection if connection.startswith("$") else "(no URL)"
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _short(query: str) -> str:
    flat = " ".join(query.split())
    return flat if len(flat) <= 200 else f"{flat[:200]}…"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


SAMPLE = 50_000
"""Number of rows of a table that `init` looks at."""


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for an SQLite file; the query reads its largest table with texts and labels."""
    from textforge import DataError
    from textforge_standard.datasets.guess import guess

    try:
        with path.open("rb") as file:
            if file.read(len(MARK)) != MARK:
                return None
    except OSError:
        return None
    connection = FileUrl(f"{SQLITE}{path}")
    names = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' order by name"
    tables = _joined(sql_blocks(names, {"name": ""}, connection=connection), {"name": ""}).columns["name"]
    found, errors = [], [DataError(f"{path}: the database has no tables.")]
    for name in tables:
        blocks = sql_blocks(f"select * from {_quoted(name)} limit {SAMPLE}", None, connection=connection)  # noqa: S608
        first = next(blocks, None)
        if first is None:
            continue
        try:
            table = _joined(chain([first], blocks), dict.fromkeys(first.columns, ""))
            found.append((len(table), name, guess(Table(f"{path}: table {name}", table.columns))))
        except DataError as error:
            errors.append(error)
    if not found:
        raise errors[-1]
    _, name, guessed = max(found, key=lambda one: one[0])
    columns = Columns(**guessed.options, missing="drop")
    query = f"select {', '.join(map(_quoted, columns.wanted()))} from {_quoted(name)}"  # noqa: S608
    remarks = guessed.remarks
    if len(tables) > 1:
        remarks.append(
            f"The query reads '{name}', one of the tables {', '.join(tables)}. Change 'query' to read another."
        )
    rows = _joined(sql_blocks(f"{query} limit {SAMPLE}", columns.wanted(), connection=connection), columns.wanted())
    kept = examples(rows, columns)
    options: dict[str, Any] = {"connection": connection, "query": query, **guessed.options}
    if incomplete := len(rows) - len(kept.texts):
        options["missing"], guessed.why["missing"] = "drop", f"{incomplete} rows have no text or no label"
    return {
        "options": options, "why": guessed.why, "remarks": remarks, "multi_label": isinstance(kept.labels[0], list),
    }  # fmt: skip


def _quoted(name: str) -> str:
    """An SQL identifier in quotes."""
    return '"{}"'.format(name.replace('"', '""'))


declare(sql, streams=streams, look_at=_look_at)
