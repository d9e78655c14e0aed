"""Bytes of tables for `textforge predict`: compression, encodings, and blocks that end with a row."""

import codecs
import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textforge.errors import Scratch
from textforge_standard.datasets.blocks import LONGEST
from textforge_standard.datasets.files import decoded_pieces
from textforge_standard.datasets.packed import unpacked

BLOCK = 1 << 20
"""Bytes to read before rows are cut off; a row may be longer."""
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte-order marks; a longer one precedes those that it starts with."""
WIDE = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


class TableBytes:
    """The bytes of a table as UTF-8 without byte-order mark, and the way back to the bytes as they were.

    Args:
        source: a `textforge.data.TableStream`.
        encoding: encoding of the table.
    """

    mark: bytes
    """The byte-order mark, or nothing."""

    def __init__(self, source: Any, encoding: str = "utf-8") -> None:
        self.name, self.live = source.name, source.live
        pieces = unpacked(source.stream, source.name, source.packed)
        first = b""
        while len(first) < 4 and (piece := next(pieces, b"")):
            first += piece
        self.encoding = codecs.lookup(encoding).name
        unicode = self.encoding.startswith("utf")
        self.mark = next((mark for mark in MARKS if first.startswith(mark)), b"") if unicode else b""
        every = _chain(first, pieces)
        if self.encoding in ("utf-8", "utf-8-sig"):
            self.encoding = "utf-8"
            self.pieces: Iterator[bytes] = _chain(first.removeprefix(codecs.BOM_UTF8), pieces)
        else:
            self.pieces = (text.encode() for text in decoded_pieces(self.name, every, encoding) if text)
            self.encoding = WIDE.get(self.mark, self.encoding)

    def encoded(self, data: bytes) -> bytes:
        """Bytes of UTF-8 in the encoding of the table.

        Raises:
            DataError: a character does not exist in it.
        """
        from textforge import DataError

        if self.encoding == "utf-8":
            return data
        try:
            return data.decode().encode(self.encoding)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.name}: a label has {error.object[error.start]!r}, which does not exist in {self.encoding}, the "
                "encoding of the table. Convert the table to UTF-8 first, or write it as .jsonl or .parquet."
            ) from error


def _chain(first: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from pieces


def row_blocks(table: TableBytes, pieces: Iterable[bytes], end: Callable[[bytes], int]) -> Iterator[bytes]:
    """Cut bytes into blocks of whole rows, whose concatenation is the bytes; only the last may end without a newline.

    Args:
        table: the table, whose rows are cut off as soon as possible if it is live.
        pieces: its bytes.
        end: gives the offset just past the last newline that ends a row; 0 if there is none.

    Raises:
        DataError: a row is too long.
    """
    from textforge import DataError

    size = 1 if table.live else BLOCK
    buffer, enough = b"", size
    for piece in pieces:
        buffer += piece
        if len(buffer) < enough:
            continue
        if cut := end(buffer):
            yield buffer[:cut]
            buffer = buffer[cut:]
        elif len(buffer) > LONGEST:
            raise DataError(
                f"{table.name}: a row is longer than {LONGEST >> 20} million bytes. Is a quote never closed? Where no "
                "text is in quotes, set dataset.quotes: false."
            )
        enough = size if len(buffer) < BLOCK else 2 * len(buffer)
    if buffer:
        yield buffer


def last_line_end(data: bytes) -> int:
    """The offset just past the last newline."""
    return data.rfind(b"\n") + 1


def last_row_end(data: bytes) -> int:
    """The offset just past the last newline with an even number of quotes before it."""
    end, inside = len(data), data.count(b'"') % 2 == 1
    while (place := data.rfind(b"\n", 0, end)) >= 0:
        inside ^= data.count(b'"', place, end) % 2 == 1
        if not inside:
            return place + 1
        end = place
    return 0


def as_file(source: Any, suffix: str) -> tuple[Path, Any]:
    """The file of a table, for formats that need random access; anything but a plain file is copied.

    Returns:
        The path, and what to keep while the path is in use and to close afterwards; None if there is none.

    Raises:
        DataError: the bytes cannot be decompressed.
    """
    path = getattr(source.stream, "name", None)
    if not source.packed and not source.live and isinstance(path, str) and Path(path).is_file():
        return Path(path), None
    copy = Scratch()
    whole = copy.path / f"whole{suffix}"
    with copy.writing(), whole.open("wb") as file:
        file.writelines(unpacked(source.stream, source.name, source.packed))
    return whole, copy


@contextmanager
def packed(target: Any) -> Iterator[Any]:
    """Yield a binary stream that compresses as the `packed` of a `textforge.data.TableStream` says."""
    if target.packed == ".gz":
        with gzip.GzipFile(fileobj=target.stream, mode="wb", filename="", mtime=0) as stream:
            yield stream
    elif target.packed == ".zst":
        import zstandard

        with zstandard.ZstdCompressor().stream_writer(target.stream, closefd=False) as stream:
            yield stream
    else:
        yield target.stream
