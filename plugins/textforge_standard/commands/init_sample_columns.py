"""Write a sample of a large JSON object of columns: `{"text": ["…", …], "label": ["…", …]}`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

EVERY = 32
"""Number of consecutive rows that are taken or left out together."""
RUNS = 400
"""Number of such runs to take, spread evenly over the columns."""
CHUNK = 1 << 20
BACKSLASH = ord("\\")


def sample_columns(path: Path, to: Path) -> Path | None:
    """Write rows from places all over an object of columns, one pass over its bytes; None for any other layout.

    Columns that are objects, as pandas' `to_json` writes them, count as well.
    """
    with path.open("rb") as file:
        begin = re.match(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*[\[{]', file.read(CHUNK))
        if begin is None:
            return None
        file.seek(0)
        columns = list(_columns(iter(lambda: file.read(CHUNK), b"")))
        starts = columns[0].starts if columns else []
        if len(starts) < 2 * RUNS or len({len(column.starts) for column in columns}) != 1:
            return None
        step = max(1, len(starts) // RUNS)
        with to.open("wb") as sample:
            for number, column in enumerate(columns):
                file.seek(column.key[0])
                key = file.read(column.key[1] - column.key[0])
                sample.write((b"{" if not number else b",\n") + key + column.opens)
                ends = [*column.starts[1:], column.end]
                for run in range(0, len(starts), step):
                    file.seek(column.starts[run])
                    written = file.read(ends[run] - column.starts[run]).strip(b", \t\r\n")
                    sample.write((b",\n" if run else b"") + written)
                sample.write(b"]" if column.opens == b"[" else b"}")
            sample.write(b"}")
    return to


class _Column:
    """Where a column is in its file."""

    def __init__(self, key: tuple[int, int], opens: bytes) -> None:
        self.key, self.opens = key, opens
        """Offsets of the column's name with its colon; the bracket or brace that opens the column."""
        self.starts = [key[1] + 1]
        """Offset of every `EVERY`th element."""
        self.n_commas = 0
        self.end = 0
        """Offset of the bracket or brace that closes the column."""


def _columns(chunks: Iterable[bytes]) -> Iterator[_Column]:
    """Find the columns, which are at depth 2, and their elements by the commas at that depth."""
    import numpy as np

    change = np.zeros(256, np.int8)
    change[[ord("["), ord("{")]], change[[ord("]"), ord("}")]] = 1, -1
    depth, key, column = 0, 0, None
    for places, kinds in _structure(chunks):
        depths = depth + np.cumsum(change[kinds], dtype=np.int64)
        depth = int(depths[-1]) if len(depths) else depth
        commas = places[(kinds == ord(",")) & (depths == 2)]
        outer = np.flatnonzero((depths <= 2) & ((kinds != ord(",")) | (depths < 2)) & (depths - change[kinds] < 3))
        taken = 0
        for at in outer.tolist():
            place, kind, now = int(places[at]), int(kinds[at]), int(depths[at])
            if column is not None and now == 1 and change[kind] < 0:
                taken = _take(column, commas, taken, place)
                column.end = place
                yield column
                column = None
            elif now == 2 and change[kind] > 0:
                column = _Column((key, place), bytes([kind]))
                taken = int(np.searchsorted(commas, place))
            elif now == 1:
                key = place + 1  # after the brace of the object, or after a comma between columns
        if column is not None:
            _take(column, commas, taken, None)


def _take(column: _Column, commas: Any, first: int, end: int | None) -> int:
    """Add the elements after some commas to a column; return the number of commas before `end`."""
    import numpy as np

    last = len(commas) if end is None else int(np.searchsorted(commas, end))
    skip = -(column.n_commas + 1) % EVERY
    column.starts += commas[first + skip : last : EVERY].tolist()
    column.n_commas += last - first
    return last


def _structure(chunks: Iterable[bytes]) -> Iterator[tuple[Any, Any]]:
    """Offset and byte of each comma, bracket and brace outside strings."""
    import numpy as np

    wanted = np.zeros(256, bool)
    wanted[list(b'"[]{},')] = True
    start, inside, rest = 0, False, b""
    for chunk in chunks:
        data = rest + chunk
        body = data.rstrip(b"\\")  # a backslash at the end belongs to the next byte
        rest = data[len(body) :]
        text = np.frombuffer(body, np.uint8)
        places = np.flatnonzero(wanted[text])
        kinds = text[places]
        is_quote = kinds == ord('"')
        after = is_quote & (places > 0)
        after[after] = text[places[after] - 1] == BACKSLASH
        for at in np.flatnonzero(after).tolist():
            before = body[: int(places[at])]
            n = len(before[-64:]) - len(before[-64:].rstrip(b"\\"))
            is_quote[at] = n % 2 == 0
            kinds[at] = kinds[at] if is_quote[at] else 0
        within = np.logical_xor.accumulate(is_quote) ^ inside
        outside = ~within & ~is_quote & (kinds != 0)
        inside = bool(within[-1]) if len(within) else inside
        yield places[outside] + start, kinds[outside]
        start += len(body)
