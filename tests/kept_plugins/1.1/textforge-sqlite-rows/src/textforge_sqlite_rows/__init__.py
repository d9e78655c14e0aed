"""Labelled texts in a table of a SQLite database, read in chunks."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Lt

TEXTFORGE_API = "1.1"


def sqlite_rows(
    *,
    path: Path,
    table: str = "texts",
    text: str = "text",
    label: str = "label",
    chunk_rows: Annotated[int, Ge(1)] = 2000,
    test_every: Annotated[int, Ge(2)] = 5,
):
    """A table of a SQLite database, as a stream.

    Options:
        path: the database.
        table: the table.
        text: the column of texts.
        label: the column of labels.
        chunk_rows: number of texts in a chunk, approximately.
        test_every: one row of so many is in the test split.
    """
    from textforge import DataError, Dataset, Stream

    def rows(where: str, *values: int):
        query = f'SELECT "{text}", "{label}" FROM "{table}" WHERE {where} ORDER BY rowid'
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            try:
                found = database.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise DataError(f"{path}: {error}.") from None
        return [row[0] for row in found], [row[1] for row in found]

    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            ((last,),) = database.execute(f'SELECT max(rowid) FROM "{table}"').fetchall()
        except sqlite3.Error as error:
            raise DataError(f"{path}: {error}.") from None
    if last is None:
        raise DataError(f"{path}: table '{table}' is empty.")
    chunks = max(1, last // chunk_rows)
    # Rows that follow each other go to different chunks: a table sorted by label is trained on in mixed chunks.
    train = Stream(chunks, lambda chunk: rows(f"rowid / {test_every} % {chunks} = ? AND rowid % {test_every}", chunk))
    return Dataset(train=train, test=rows(f"rowid % {test_every} = 0"))


sqlite_rows.streams = lambda **options: True
