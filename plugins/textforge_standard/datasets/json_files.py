"""Dataset `json`."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from textforge_standard.datasets.blocks import BLOCK, LONGEST
from textforge_standard.datasets.columns import Columns, Table, look_up
from textforge_standard.datasets.files import Files, decoded_pieces, text_of
from textforge_standard.datasets.json_objects import RepeatedKeyError, all_names, decode, parsed, table_of
from textforge_standard.datasets.packed import pieces
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, groups_are_wrong, streams
from textforge_standard.datasets.table_formats import JSON
from textforge_standard.datasets.tables import Format, look_at_files
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

ROWS = "rows {}"
WHITE = " \t\r\n"
SHAPES = (
    'must be an array of objects, [{"text": "…", "label": "…"}, …], or an object of columns, '
    '{"text": ["…"], "label": ["…"]}.'
)


@with_groups(groups_are_wrong)
def json_files(seed: int, files: Files, hold_out: HoldOut, columns: Columns, streaming: Streaming, /) -> Any:
    """JSON: an array of objects, or an object of columns; a dot names a nested field, as in `meta.label`.

    The array may be the value of a key, as in `{"data": […]}`. The layouts of pandas' `to_json` are also accepted.
    """
    return Format(read_json, json_blocks).dataset(seed, files, hold_out, columns, streaming)


def read_json(path: Path, wanted: dict[str, str] | None) -> Table:
    """Read the wanted fields (None: all) of every object.

    Raises:
        DataError: the file is not JSON, is not a table, or lacks a field.
    """
    from textforge import DataError

    text = text_of(path, None).strip(WHITE)
    try:
        value = parsed(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: {not_json(text, error)}") from error
    rows = rows_of(path, value)
    if _has_half_characters(text, rows):
        raise DataError(f"{path}: half a character (\\ud…). Repair the text.")
    table, absent = table_of(path, range(1, len(rows) + 1), rows, list(wanted or all_names(rows)), ROWS)
    if wanted is not None and (absent or not rows):
        look_up(path, all_names(rows), wanted)
    return table


def json_blocks(path: Path, wanted: dict[str, str], *, size: int = BLOCK) -> Iterator[Table]:
    """Yield the rows of `read_json` block by block; an array of objects need not fit in memory, other shapes must.

    Raises:
        DataError: the file is not JSON, is not a table, or lacks a field.
    """
    found = decoded_pieces(path, pieces(path), None)
    start = ""
    for piece in found:
        start += piece.lstrip(WHITE) if not start else piece
        if start:
            break
    if not start.startswith("["):
        found.close()  # type: ignore[attr-defined]  # a generator
        yield read_json(path, wanted)
        return
    lacking, names, number = set(wanted), dict[str, None](), 1
    for rows in _blocks_of_objects(path, start[1:], found, size):
        table, absent = table_of(path, range(number, number + len(rows)), rows, list(wanted), ROWS)
        number, lacking = number + len(rows), lacking & absent
        if lacking:
            names |= dict.fromkeys(all_names(rows))
        yield table
    if lacking:
        look_up(path, list(names), wanted)


def _blocks_of_objects(path: Path, text: str, more: Iterable[str], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield blocks of about `size` characters of the objects of an array; `text`, then `more`, follow its bracket."""
    rows: list[dict[str, Any]] = []
    read = 0
    for written, row in objects_of(path, text, more):
        rows.append(row)
        read += len(written)
        if read >= size:
            yield rows
            rows, read = [], 0
    if rows:
        yield rows


def objects_of(path: Path | str, text: str, more: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of an array as written and as parsed; `text`, then `more`, follow the array's bracket.

    Raises:
        DataError: the text is not such an array.
    """
    from textforge import DataError

    at = done = 0
    more = iter(more)
    while True:
        at = _after_white(text, at)
        comma = bool(done) and text[at : at + 1] == ","
        begin = _after_white(text, at + 1) if comma else at
        if text[at : at + 1] == "]":
            if rest := (text[at + 1 :] + "".join(more)).strip(WHITE):
                raise DataError(f"{path}: {len(rest):,} characters follow the end of the array. The file {SHAPES}")
            break
        try:
            if done and not comma:
                raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
            row, end = decode(text, begin)
            if end == len(text):  # a number may continue in the next piece
                raise json.JSONDecodeError("the end of the file is missing", text, begin)
        except (ValueError, RecursionError) as error:
            piece = (
                "" if isinstance(error, RepeatedKeyError) or len(text) - at > LONGEST else _next(more, len(text) - at)
            )
            if not piece:
                raise DataError(f"{path}: row {done + 1}: {not_json(text, error, with_place=False)}") from error
            text, at = text[at:] + piece, 0
            continue
        rows_of(path, [row], done)  # raises if it is no object
        done += 1
        if _has_half_characters(text[begin:end], row):
            raise DataError(f"{path}: row {done}: half a character (\\ud…). Repair the text.")
        yield text[begin:end], row
        at = end


def _next(more: Iterator[str], n: int) -> str:
    """The next pieces, at least `n` characters: doubling the text keeps the total time of repeated parsing linear."""
    found, length = [], 0
    for piece in more:
        found.append(piece)
        if (length := length + len(piece)) >= n:
            break
    return "".join(found)


def _after_white(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITE:
        at += 1
    return at


def _has_half_characters(text: str, value: Any) -> bool:
    """Whether an escape is a lone surrogate."""
    halves = "\\ud" in text or "\\uD" in text
    return halves and any("\ud800" <= c <= "\udfff" for c in json.dumps(value, ensure_ascii=False))


def rows_of(path: Path | str, value: Any, before: int = 0) -> list[dict[str, Any]]:
    """The objects of a parsed file, or of elements of an array after `before` others.

    Raises:
        DataError: the value is not a table.
    """
    from textforge import DataError
    from textforge.errors import listed

    if isinstance(value, list):
        wrong = next((number for number, row in enumerate(value, start=1) if not isinstance(row, dict)), None)
        if wrong is not None:
            raise DataError(f"{path}: row {before + wrong} is not an object. The file {SHAPES}")
        return value
    if not isinstance(value, dict) or not value:
        raise DataError(f"{path}: {SHAPES}")
    if {"columns", "data"} <= {*value} and all(isinstance(row, list) for row in value["data"]):  # orient="split"
        return [dict(zip(map(str, value["columns"]), row, strict=False)) for row in value["data"]]
    # pandas' to_json has these layouts.
    arrays = {name: column for name, column in value.items() if isinstance(column, list)}
    if len(arrays) == 1 and all(isinstance(row, dict) for row in next(iter(arrays.values()))):
        return rows_of(path, next(iter(arrays.values())))
    if all(isinstance(one, dict) for one in value.values()):
        if all(key.isdigit() for one in value.values() for key in one):  # orient="columns"
            keys = dict.fromkeys(key for one in value.values() for key in one)
            return [{name: column.get(key) for name, column in value.items()} for key in keys]
        return list(value.values())  # orient="index"
    if len(arrays) < len(value):
        raise DataError(f"{path}: is one object with the keys {listed(value)}; it {SHAPES}")
    lengths = {name: len(column) for name, column in value.items()}
    if len({*lengths.values()}) > 1:
        named = listed(f"'{name}' {n:,}" for name, n in lengths.items())
        raise DataError(f"{path}: its columns have different lengths: {named}. Each must have one value per row.")
    return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]


def not_json(text: str, error: Exception, *, with_place: bool = True) -> str:
    """The error message for text that is not JSON."""
    if not text:
        return f"is empty; it {SHAPES}"
    if isinstance(error, RepeatedKeyError):
        return f"the key '{error}' occurs twice in one object. Remove or rename one of the two."
    if isinstance(error, json.JSONDecodeError):
        lines = error.msg == "Extra data" and text.startswith("{")
        advice = " One object per line is JSON Lines; read it with dataset.use: jsonl." if lines else ""
        place = f" at line {error.lineno}, column {error.colno}" if with_place else ""
        return f"not JSON: {error.msg}{place}.{advice}"
    if isinstance(error, RecursionError):
        return "lists or objects are nested too deeply to read."
    return "a whole number is too long to read. Put it in quotes, or leave it out."


declare(
    json_files,
    streams=streams,
    tables=JSON,
    look_at=look_at_files(".json", read=lambda path: (read_json(path, None), {}, {}), read_with=read_json),
)
