"""Find where the rows of a delimited table begin, in a file or in a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textforge_standard.datasets.csv_reader import LONGEST_HEAD, separator_line
from textforge_standard.datasets.csv_repairs import COMMENTS, FIRST_LINES, lines_above, n_lines_above


@dataclass(frozen=True)
class Head:
    """The beginning of a table, split before its header, or before its first row if it has no header."""

    separator: str
    above: bytes
    """Lines above the header: one such as `sep=;`, comments, titles and blank lines."""
    rest: bytes
    """The bytes read after them."""
    warnings: list[str]


def read_head(
    pieces: Iterator[bytes], *, separator: str, quotes: bool, names: Sequence[str] | None, wanted: Sequence[str],
    live: bool,
) -> Head:  # fmt: skip
    """Read the beginning of a table; it may be longer than the lines above the header.

    Args:
        pieces: the bytes of the table.
        separator: ASCII character between fields, unless a first line sets another.
        quotes: whether a field in quotes may contain separators.
        names: names of the columns of a table without a header.
        wanted: columns that the header probably has.
        live: whether to stop reading at the first line that may be the header.
    """
    data = b"".join(_beginning(pieces, live))
    start = 0
    if names is None and (found := separator_line(data)):
        separator, start = found
    head = data[start : start + LONGEST_HEAD].decode("utf-8", "ignore")
    width = None if names is None else len(names)
    n = n_lines_above(head, separator, quotes, dict.fromkeys(wanted, ""), width, sure=False)
    end = start
    for _ in range(n):
        end = data.index(b"\n", end) + 1
    first = 1 + data.count(b"\n", 0, start)
    warnings = [lines_above(first, first + n - 1, header=names is None)] if n else []
    return Head(separator, data[:end], data[end:], warnings)


def _beginning(pieces: Iterator[bytes], live: bool) -> Iterator[bytes]:
    """Yield the first pieces: enough lines to find the header among them, or all of them."""
    marks = tuple(mark.encode() for mark in COMMENTS)
    found = b""
    for piece in pieces:
        yield piece
        found += piece
        lines = found.split(b"\n")[:-1]
        may_be_header = any(line.strip() and not line.startswith(marks) and not separator_line(line + b"\n")
                            for line in lines)  # fmt: skip
        if (live and may_be_header) or len(lines) > FIRST_LINES or len(found) > LONGEST_HEAD:
            return
