"""Locate the rows of delimited text and count their fields."""

import re
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 18
"""Bytes compared per step, few enough to stay in the processor cache."""


class Rows:
    """Non-blank rows of UTF-8 text that ends with a newline.

    A separator or newline counts if the number of quotes before it is even. This agrees with `parsed` if
    `quotes_fit`; otherwise `parsed` reports the error.

    Args:
        data: the text.
        separator: ASCII character between fields.
        quotes: whether a field in double quotes may contain separators and newlines.
        line: line number in the file at which the text begins.
        width: number of columns; by default the number of fields of the first row.
    """

    starts: Any
    """int64 [n_rows]: offset of each row's first byte."""

    ends: Any
    """int64 [n_rows]: offset just past each row's newline."""

    widths: Any
    """int64 [n_rows]: number of fields of each row."""

    n_lines: int
    """Number of lines, including lines within rows and blank lines."""

    def __init__(self, data: bytes, separator: str, quotes: bool, line: int = 1, width: int | None = None) -> None:
        import numpy as np

        self.data, self.separator, self.quotes, self.line = data, separator, quotes, line
        self._quoted = quotes and b'"' in data
        self._marks = _offsets(data, separator.encode() + (b'\n"' if self._quoted else b"\n"))
        self._kinds = np.frombuffer(data, np.uint8)[self._marks]
        marks, kinds = self._marks, self._kinds
        self.n_lines = int(np.count_nonzero(kinds == ord("\n")))
        if self._quoted:
            is_quote = kinds == ord('"')
            outside = ~(is_quote | np.logical_xor.accumulate(is_quote))
            marks, kinds = marks[outside], kinds[outside]
        last = np.flatnonzero(kinds == ord("\n"))
        ends, widths = marks[last] + 1, np.diff(last, prepend=-1)
        if not len(ends) or ends[-1] < len(data):  # the last quote is never closed
            ends, widths = np.append(ends, len(data)), np.append(widths, 1)
        starts = np.concatenate([ends[:1] * 0, ends[:-1]])
        self.width = int(widths[0]) if width is None else width
        kept = ~self._blank(starts, ends, widths)
        self.starts, self.ends, self.widths = starts[kept], ends[kept], widths[kept]
        self.has_blank_lines = len(kept) > len(self.starts)

    def _blank(self, starts: Any, ends: Any, widths: Any) -> Any:
        """Mask of rows that are empty lines or, if there are several columns, lines of spaces only."""
        import numpy as np

        blank = np.zeros(len(widths), bool)
        if self.width > 1:
            candidates, space = np.flatnonzero(widths == 1), b" \t\r\n"
        else:
            candidates, space = np.flatnonzero(ends - starts <= 2), b"\r\n"
        for row in candidates.tolist():
            blank[row] = not self.data[starts[row] : ends[row]].strip(space)
        return blank

    def __len__(self) -> int:
        return len(self.starts)

    def line_of(self, row: int) -> int:
        """Line number at which a row begins."""
        return self.line + self.data.count(b"\n", 0, int(self.starts[row]))

    def last_line_of(self, row: int) -> int:
        """Line number at which a row ends."""
        return self.line + self.data.count(b"\n", 0, int(self.ends[row]) - 1)

    def fields(self, row: int) -> list[str]:
        """The fields of a row.

        Raises:
            ValueError: a quote is never closed or is misplaced; names the line.
        """
        text = self.data[self.starts[row] : self.ends[row]].decode()
        return next(parsed(text, self.separator, self.quotes, self.line_of(row)))[1]

    def text(self, first: int) -> bytes:
        """The text of the rows from `first` on, without blank lines."""
        import numpy as np

        if first >= len(self):
            return b""
        if not self.has_blank_lines:
            return self.data[self.starts[first] :]
        starts, ends = self.starts[first:], self.ends[first:]
        cuts = np.flatnonzero(starts[1:] != ends[:-1])
        begin = [starts[0], *starts[cuts + 1]]
        return b"".join(self.data[a:b] for a, b in zip(begin, [*ends[cuts], ends[-1]], strict=True))

    def quotes_fit(self) -> bool:
        """Whether every quote is correctly placed and closed."""
        import numpy as np

        if not self._quoted:
            return True
        quotes = self._marks[self._kinds == ord('"')]
        if len(quotes) % 2:
            return False
        text = np.frombuffer(self.data, np.uint8)
        opened, closed = quotes[0::2], quotes[1::2]
        separator, newline, mark = map(ord, (self.separator, "\n", '"'))
        before, after = text[opened - 1], text[closed + 1]  # the byte before the first is the last, a newline
        begins = (before == separator) | (before == newline) | (before == mark)
        returns = (after == ord("\r")) & (text[np.minimum(closed + 2, len(text) - 1)] == newline)
        finishes = (after == separator) | (after == newline) | (after == mark) | returns
        if begins.all() and finishes.all():
            return True
        return re.fullmatch(rf"(?:{_field(self.separator)})*+".encode(), self.data) is not None

    def of_whole_lines(self) -> list[int]:
        """Indices of multi-line rows whose lines would each be a row if quotes were plain text.

        Such a row is suspicious: a quote meant as text may open it and another, in a later row, close it.
        """
        import numpy as np

        if not self._quoted or self.n_lines <= len(self):
            return []
        at = np.flatnonzero(self._kinds == ord("\n"))
        newlines = self._marks[at]
        first, last = np.searchsorted(newlines, self.starts), np.searchsorted(newlines, self.ends - 1)
        several = np.flatnonzero(last > first)
        n_separators = np.diff(np.cumsum(self._kinds == ord(self.separator), dtype=np.int64)[at], prepend=0)
        lengths = np.diff(newlines, prepend=-1)
        blank = (lengths == 1) | ((lengths == 2) & (np.frombuffer(self.data, np.uint8)[newlines - 1] == ord("\r")))
        unlike = np.cumsum(np.append(0, (n_separators != self.width - 1) & ~blank))
        found: list[int] = several[unlike[last[several] + 1] == unlike[first[several]]].tolist()
        return found


def _offsets(data: bytes, of: bytes) -> Any:
    """Ascending offsets (int64) of all occurrences of these bytes."""
    import numpy as np

    text, found = np.frombuffer(data, np.uint8), []
    for start in range(0, len(text), CHUNK):
        part = text[start : start + CHUNK]
        hit = part == of[0]
        for other in of[1:]:
            hit |= part == other
        found.append(np.flatnonzero(hit) + start)
    return np.concatenate(found)


def _field(separator: str, quotes: bool = True) -> str:
    """The regular expression of a field and its end; a field is quoted as a whole, or contains pairs of quotes."""
    end = rf"({re.escape(separator)}|\r?\n|\Z)"
    if not quotes:
        return rf"((?!))?([^\n{re.escape(separator)}]*+){end}"
    plain = rf'[^"\n{re.escape(separator)}]*+'
    bare = rf'(?!"){plain}(?:"{plain}"{plain})*+'
    return rf'(?:"((?:[^"]++|"")*+)"|({bare})){end}'


def parsed(text: str, separator: str, quotes: bool, line: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Parse every row, including blank lines; yield its first line number and its fields. The text begins at `line`.

    The reader of the standard library limits the length of a field by a global setting.

    Raises:
        ValueError: a quote is never closed or is misplaced; names the line.
    """
    field = re.compile(_field(separator, quotes))
    row: list[str] = []
    place, begun = 0, line
    while place < len(text) or row:
        found = field.match(text, place)
        if found is None:
            closes = text[place] != '"' or re.compile(r'"(?:[^"]++|"")*+"').match(text, place)
            raise ValueError(
                f"line {line}: a quote inside a text that is not entirely in quotes. Put all of it in quotes and "
                'double those inside: "5"" wide". If quotes are plain text in this file, set dataset.quotes: false.'
                if closes
                else f'line {line}: a quote opens here and is never closed. Close it, or double it: "5"" wide". '
                "If quotes are plain text in this file, set dataset.quotes: false."
            )
        row.append(found[2].removesuffix("\r") if found[1] is None else found[1].replace('""', '"'))
        place, line = found.end(), line + found[0].count("\n")
        if found[3] != separator:
            yield begun, row
            begun, row = line, []
