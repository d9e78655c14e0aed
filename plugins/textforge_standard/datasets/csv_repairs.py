"""Repair stray quotes in delimited text, and find the lines above its header."""

import re
from dataclasses import dataclass, field

from textforge_standard.datasets.blocks import LONGEST_FIELD
from textforge_standard.datasets.csv_rows import parsed
from textforge_standard.datasets.guess import GROUP_NAMES, LABEL_NAMES, TEXT_NAMES, Column
from textforge_standard.datasets.table import SHOWN

COMMENTS = ("#", "//", "%", "--")
FIRST_LINES = 20
"""Number of lines to search for a header."""
NAMES = (TEXT_NAMES, GROUP_NAMES, *LABEL_NAMES)


@dataclass
class StrayQuotes:
    """Rows with a misplaced or unclosed quote, which is read as text.

    Args:
        separator: ASCII character between fields.
    """

    separator: str
    count: int = 0
    first: list[int] = field(default_factory=list)
    """Line numbers of the first such rows."""
    errors: dict[int, str] = field(default_factory=dict)
    """Error messages for the first rows that still have the wrong number of fields, by line number."""

    def __post_init__(self) -> None:
        plain = rf'[^"\n{re.escape(self.separator)}]*+'
        one = rf'(?>"(?:[^"]++|"")*+"|(?!"){plain}(?:"{plain}"{plain})*+)'
        end = re.escape(self.separator)
        self._row = re.compile(rf"((?:{one}{end})*+)({one})\r?\n")
        self._complete = re.compile(rf"(?:{one}{end})*+")
        self._quoted = re.compile(r'"(?:[^"]++|"")*+"')
        self._field = re.compile(rf'(?:"((?:[^"\n]|"")*+)"(?={end}|\r?\Z)|([^{end}]*+))(?:{end}|\r?\Z)')

    def repaired(self, text: str, width: int, line: int, final: bool) -> tuple[str, str]:
        """Quote the fields of such rows and double the quotes in them; line numbers do not change.

        Args:
            text: whole lines, the first of which begins a row.
            width: number of columns.
            line: line number of the first line.
            final: whether the file ends with this text; if not, an open quote may close in the next one.

        Returns:
            The text with valid quotes, and the incomplete row at its end.
        """
        found: list[str] = []
        at = kept = 0
        while at < len(text):
            row = self._row.match(text, at)
            if row is not None:
                at = row.end()
                continue
            if not final and self._is_open(text, at):
                return "".join([*found, text[kept:at]]), text[at:]
            end = text.index("\n", at) + 1
            fields = self._fields(text[at : end - 1])
            line += text.count("\n", kept, at)
            if len(fields) == width:
                self.count += 1
                self.first += [line] if len(self.first) < SHOWN else []
            elif len(self.errors) <= SHOWN:
                self.errors[line] = self._error(text[at:], line)
            quoted = (f'"{one}"' for one in (one.replace('"', '""') for one in fields))
            line_end = "\r\n" if text.endswith("\r\n", at, end) else "\n"
            found += [text[kept:at], self.separator.join(quoted), line_end]
            at = kept = end
            line += 1
        return "".join([*found, text[kept:]]), ""

    def _error(self, text: str, line: int) -> str:
        """The error message for a text's first row, which has a misplaced quote."""
        try:
            next(parsed(text, self.separator, True, line))
        except ValueError as error:
            return str(error)
        return ""

    def _is_open(self, text: str, at: int) -> bool:
        """Whether a field of the row at this offset opens a quote that the text does not close."""
        complete = self._complete.match(text, at)
        end = complete.end() if complete is not None else at
        unclosed = text[end : end + 1] == '"' and self._quoted.match(text, end) is None
        return unclosed and len(text) - at < LONGEST_FIELD

    def _fields(self, line: str) -> list[str]:
        """The fields of a line; in fields that are not quoted, quotes are text."""
        found, at = [], 0
        while (one := self._field.match(line, at)) is not None:
            text = one[2].removesuffix("\r") if one[1] is None else one[1].replace('""', '"')
            found.append(text)
            if one.end() == len(line) and not one[0].endswith(self.separator):
                break
            at = one.end()
        return found

    def warnings(self) -> list[str]:
        """The warning; empty if no row was repaired."""
        from textforge.errors import listed

        if not self.count:
            return []
        lines = listed([*map(str, self.first), *[""] * (self.count - len(self.first))], limit=SHOWN)
        where, has = (f"line {lines}", "has") if self.count == 1 else (f"lines {lines}", "have")
        return [
            f"{where} {has} a misplaced quote, which is read as text. Put the whole field in quotes and double those "
            'inside it, as in "5"" wide", or set dataset.quotes: false if the file puts no fields in quotes.'
        ]


def n_lines_above(
    text: str, separator: str, quotes: bool, wanted: dict[str, str] | None, width: int | None, *, sure: bool = True
) -> int:
    """The number of lines above the header: comments, titles and blank lines.

    Args:
        text: the beginning of the file.
        separator: ASCII character between fields.
        quotes: whether a field in quotes may contain separators.
        wanted: the wanted columns, which identify the header; None if unknown.
        width: number of columns of a file without a header, which may have only comments above its rows.
        sure: whether the header has the wanted columns; if not, and it lacks them, only comments may be above it.
    """
    lines = text.split("\n", FIRST_LINES)[:FIRST_LINES]
    rows = [_split(line, separator, quotes) for line in lines]
    if width is not None:
        above = 0
        while above < len(lines) and _is_above(lines[above], rows[above], comments=True) and len(rows[above]) != width:
            above += 1
        return above if above < len(lines) and any(map(str.strip, lines[:above])) else 0
    header = _likely_header(lines, rows) if wanted is None else _named_header(rows, wanted)
    comments = header is None and not sure
    if comments:
        header = _likely_header(lines, rows)
    if header is None:
        return 0
    skipped = zip(lines[:header], rows[:header], strict=True)
    return header if all(_is_above(line, row, comments) for line, row in skipped) else 0


def lines_above(first: int, last: int, *, header: bool) -> str:
    """The warning about skipped lines above the header, or above the rows of a file without one."""
    lines, was = (f"line {first} is", "was") if first == last else (f"lines {first} to {last} are", "were")
    return f"{lines} above {'the header' if header else 'the rows'} and {was} skipped."


def _split(line: str, separator: str, quotes: bool) -> list[str]:
    try:
        return next(iter(parsed(line, separator, quotes)), (0, [""]))[1]
    except ValueError:
        return line.split(separator)


def _is_above(line: str, row: list[str], comments: bool = False) -> bool:
    """Whether a line may precede a header: a comment, a blank line or, unless `comments`, a title."""
    return not line.strip() or line.startswith(COMMENTS) or (not comments and not any(map(str.strip, row[1:])))


def _named_header(rows: list[list[str]], wanted: dict[str, str]) -> int | None:
    return next((number for number, row in enumerate(rows) if wanted and {*wanted} <= {*row}), None)


def _likely_header(lines: list[str], rows: list[list[str]]) -> int | None:
    """The first row with several names. It may look like a comment, as in `#id,text`, if the next row is no header."""
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        if len(row) < 2 or not all(map(str.strip, row)):
            if _is_above(line, row):
                continue
            return None
        following = next((later for later in range(number + 1, len(lines)) if lines[later].strip()), None)
        if not line.startswith(COMMENTS):
            return number
        if following is not None and len(rows[following]) == len(row) and not _has_usual_name(rows[following]):
            return number
    return None


def _has_usual_name(row: list[str]) -> bool:
    columns = [Column(name, []) for name in row]
    return any(len(one.name_words) < 4 and any(map(one.named, NAMES)) for one in columns)
