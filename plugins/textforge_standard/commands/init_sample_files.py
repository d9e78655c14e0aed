"""Write a sample of one large file in the same format."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from textforge_standard.commands.init_sample_columns import sample_columns
from textforge_standard.commands.init_sample_sheets import sample_sheet
from textforge_standard.datasets.table_formats import SPREADSHEET

PIECES = 16
"""Number of places to read from a file."""
PIECE = 1 << 19
"""Bytes to read at each place."""
MOST_UNPACKED = 1 << 28
"""Maximum number of bytes to decompress; later rows are ignored."""
ROWS = 50_000
"""Number of rows to take from a binary table."""
PLACES = 6
"""Number of places to read from a Parquet file; each decodes a whole row group."""
TABLES = (".csv", ".tsv", ".tab")
LINES = (".txt", ".text", ".data", ".dat", "", ".jsonl", ".ndjson", ".ft", ".fasttext", ".train", ".valid", ".test")
TRIED = 200
"""Maximum number of line starts in a piece to try as the start of a row."""
ENOUGH = 1 << 15
"""Number of characters that decide whether a row starts at an offset."""


def write_sample(path: Path, to: Path) -> Path | None:
    """Write a sample of a file, decompressed, to a path without the suffix of a compression.

    Returns:
        The path of the sample, or None for a format that is not sampled.
    """
    from textforge_standard.datasets.packed import COMPRESSED, suffix

    kind = suffix(path)
    with path.open("rb") as file:
        head = file.read(16)
    if head == b"SQLite format 3\0":
        _sample_database(path, to)
        return to
    if kind in (".parquet", ".pq") and head.startswith(b"PAR1"):
        _sample_parquet(path, to)
        return to
    if kind in SPREADSHEET.suffixes:
        return sample_sheet(path, to.with_suffix(".xlsx"))
    if kind not in (*TABLES, *LINES, ".json"):
        return None
    packed = path.suffix.lower() in COMPRESSED
    if kind == ".json" and not packed and (columns := sample_columns(path, to)) is not None:
        return columns
    pieces = _unpacked_pieces(path) if packed else _pieces(path)
    encoding, texts = _decoded(pieces)
    rows = _json_rows(texts) if kind == ".json" else _table_rows(texts) if kind in TABLES else _lines(texts)
    if rows is None:
        return None
    sample = to.with_suffix(kind) if packed and to.with_suffix("").suffix.lower() != kind else to
    sample = sample.with_suffix("") if sample.suffix.lower() in COMPRESSED else sample
    with sample.open("w", encoding=encoding, newline="") as file:
        file.writelines(rows)
    return sample


def _pieces(path: Path) -> list[bytes]:
    """Pieces of a file from places spread evenly over it; the first is its beginning."""
    size = path.stat().st_size
    found = []
    with path.open("rb") as file:
        for number in range(PIECES):
            file.seek((size - PIECE) * number // (PIECES - 1) // 4 * 4)  # whole characters of UTF-16 and UTF-32
            found.append(file.read(PIECE))
    return found


def _unpacked_pieces(path: Path) -> list[bytes]:
    """Pieces of a compressed file, of unknown length, from places spread evenly over it."""
    from textforge_standard.datasets.packed import pieces

    found: list[bytes] = []
    step = read = 0
    for number, piece in enumerate(pieces(path)):
        if number % (1 << step) == 0:
            found.append(piece[:PIECE])
        if len(found) > 2 * PIECES:
            found, step = found[::2], step + 1
        read += len(piece)
        if read > MOST_UNPACKED:
            break
    return found


def _decoded(pieces: list[bytes]) -> tuple[str, list[str]]:
    """The encoding of the sample and the text of each piece; Latin-1 for any encoding but UTF-16 and UTF-32."""
    from textforge_standard.datasets.encodings import detect

    found = detect(pieces[0][: len(pieces[0]) // 4 * 4]) if b"\0" in pieces[0][:1024] else None
    if found is None:  # Latin-1 keeps every byte
        return "latin-1", [piece.decode("latin-1") for piece in pieces]
    wide = found.name if found.name.endswith(("le", "be")) else None
    little = pieces[0].startswith(b"\xff\xfe")
    order = wide or f"{found.name}-{'le' if little else 'be'}"
    first = pieces[0].decode(found.name, "ignore")
    return found.name, [first, *(piece.decode(order, "ignore") for piece in pieces[1:])]


def _lines(texts: list[str]) -> Iterator[str]:
    """Yield the whole lines of each text."""
    for number, text in enumerate(texts):
        begin = text.find("\n") + 1 if number else 0
        yield text[begin : text.rfind("\n") + 1]


def _table_rows(texts: list[str]) -> Iterator[str]:
    """Yield the whole rows of each text; the first text starts with a row, the others may start within one."""
    from textforge_standard.datasets.blocks import last_row_end
    from textforge_standard.datasets.csv_oddities import SEPARATORS
    from textforge_standard.datasets.csv_rows import Rows
    from textforge_standard.datasets.csv_sniffer import separator_of

    separator = separator_of(texts[0], SEPARATORS)[0]

    def fit(text: str, quotes: bool, width: int | None) -> bool:
        """Whether a text starts with a row: its quotes are valid, and nearly all rows have the same width."""
        part = text[:ENOUGH]
        rows = Rows(part[: last_row_end(part, quotes)].encode() or b"\n", separator, quotes)
        same = int((rows.widths == (rows.width if width is None else width)).sum())
        return len(rows) > 0 and rows.quotes_fit() and same >= 0.9 * len(rows)

    quotes = fit(texts[0], True, None) or not fit(texts[0], False, None)
    head = texts[0][: last_row_end(texts[0], quotes)]
    widths = Rows(head[:ENOUGH].rpartition("\n")[0].encode() + b"\n", separator, quotes).widths.tolist()
    width = max({*widths}, key=widths.count)
    yield head
    for text in texts[1:]:
        starts = (line.end() for line, _ in zip(re.finditer("\n", text), range(TRIED), strict=False))
        begin = next((start for start in starts if fit(text[start : start + ENOUGH], quotes, width)), len(text))
        yield text[begin : begin + last_row_end(text[begin:], quotes)]


def _json_rows(texts: list[str]) -> Iterator[str] | None:
    """The objects of each text, as an array; whole lines of JSON Lines; None for any other file."""
    from textforge_standard.datasets.json_objects import decode

    begin = re.match(r"(?:\xef\xbb\xbf|\ufeff)?\s*\[\s*(?=\{)", texts[0])
    if begin is None:
        first = texts[0].partition("\n")[0]
        try:
            decode(first)
        except ValueError:
            return None
        return _lines(texts) if "\n" in texts[0] else None

    def objects(text: str, at: int, keys: set[str] | None) -> Iterator[str]:
        """Yield the text of each object from an offset on, if they have these keys."""
        while True:
            try:
                row, end = decode(text, at)
            except (ValueError, RecursionError):
                return
            if not isinstance(row, dict) or (keys is not None and not keys & {*row}):
                return
            yield text[at:end]
            following = re.compile(r"\s*,\s*(?=\{)").match(text, end)
            if following is None:
                return
            at = following.end()

    def rows() -> Iterator[str]:
        keys = {*decode(next(objects(texts[0], begin.end(), None), "{}"))[0]}
        found: list[str] = []
        for number, text in enumerate(texts):
            starts = [begin.end()] if not number else [one.start() for one in re.finditer(r"\{", text)][:TRIED]
            for start in starts:
                some = list(objects(text, start, keys))
                if len(some) > 1 or (some and not number):
                    found += some
                    break
        yield "[" + ",\n".join(found) + "]"

    return rows()


def _sample_parquet(path: Path, to: Path) -> None:
    from textforge_standard.checked_polars import pl

    rows = pl.scan_parquet(path, glob=False)
    n = int(rows.select(pl.len()).collect().item())
    part = ROWS // PLACES
    starts = [max(0, n - part) * number // (PLACES - 1) for number in range(PLACES)]
    frame = pl.concat([rows.slice(start, part).collect() for start in sorted({*starts})])
    metadata = {name: value for name, value in pl.read_parquet_metadata(path).items() if name == "huggingface"}
    frame.write_parquet(to, metadata=metadata or None)


def _sample_database(path: Path, to: Path) -> None:
    """Copy evenly spaced rows of every table of an SQLite file."""
    names = "select name from source.sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
    with closing(sqlite3.connect(f"file:{quote(str(to))}", uri=True)) as database:
        database.execute("attach ? as source", (f"file:{quote(str(path.absolute()))}?mode=ro",))
        for (name,) in database.execute(names).fetchall():
            table = '"{}"'.format(name.replace('"', '""'))
            copy = f"create table main.{table} as select * from source.{table}"  # noqa: S608
            try:
                most = database.execute(f"select max(rowid) from source.{table}").fetchone()[0] or 0  # noqa: S608
                database.execute(f"{copy} where rowid % {max(1, most // ROWS)} = 0")
            except sqlite3.Error:  # a view, or a table without row numbers
                database.execute(f"{copy} limit {ROWS}")
        database.commit()
