"""Split a file's text into blocks of whole rows, so that it need not fit in memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

BLOCK = 1 << 24
"""Read buffer size, in characters; a row may be longer."""
LONGEST = 1 << 28


def whole_lines(path: Path, text: Iterable[str], size: int) -> Iterator[str]:
    """Yield blocks of whole lines.

    Raises:
        DataError: a line is too long.
    """
    parts: list[str] = []
    length, lines = 0, 1
    for piece in text:
        parts.append(piece)
        length += len(piece)
        if length >= size and "\n" in piece:
            before, _, rest = piece.rpartition("\n")
            block = "".join([*parts[:-1], before, "\n"])
            yield block
            parts, length, lines = [rest], len(rest), lines + block.count("\n")
        elif length > LONGEST + size:
            raise _too_long(path, lines, "Each line must be one JSON object.")
    yield "".join(parts)


def whole_rows(path: Path, text: Iterable[str], quotes: bool, size: int) -> Iterator[str]:
    """Yield blocks of whole rows; the text ends with exactly one newline.

    A newline ends a row if the number of quotes before it is even. The reader of the block validates their places.

    Raises:
        DataError: a row is too long.
    """
    parts: list[str] = []
    length, enough, lines = 0, size, 1
    for piece in text:
        parts.append(piece)
        length += len(piece)
        if length < enough:
            continue
        buffer = "".join(parts)
        end = _last_row_end(buffer, quotes)
        if buffer[:end].isspace():
            end = 0  # keep blank lines with the next block
        if end:
            yield buffer[:end]
            lines += buffer.count("\n", 0, end)
        elif length > LONGEST:
            advice = "Is a quote never closed? If quotes are plain text in this file, set dataset.quotes: false."
            raise _too_long(path, lines, advice)
        parts, length = [buffer[end:]], len(buffer) - end
        enough = size if end else 2 * length
    rest = "".join(parts)
    if lines == 1 and "\n" not in rest:
        rest = rest.replace("\r", "\n")
    yield rest.rstrip("\r\n") + "\n"


def _last_row_end(text: str, quotes: bool) -> int:
    """Offset just past the last newline outside quotes that is followed by more data; 0 if there is none."""
    end = len(text.rstrip("\r\n"))
    inside = quotes and text.count('"', 0, end) % 2 == 1
    while (place := text.rfind("\n", 0, end)) >= 0:
        inside ^= quotes and text.count('"', place, end) % 2 == 1
        if not inside:
            return place + 1
        end = place
    return 0


def _too_long(path: Path, line: int, advice: str) -> Exception:
    from textforge import DataError

    return DataError(
        f"{path}: line {line}: a row of more than {LONGEST >> 20} million characters begins here. {advice}"
    )
