"""A file's text in blocks that end where a row does, so that it need not fit in memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

BLOCK = 1 << 24
"""Characters of a file that are read at once; a row may be longer."""
LONGEST = 1 << 28


def whole_lines(path: Path, text: Iterable[str], size: int) -> Iterator[str]:
    """Text in blocks that end where a line does.

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
            raise _too_long(path, lines, "One JSON object a line is needed.")
    yield "".join(parts)


def whole_rows(path: Path, text: Iterable[str], quotes: bool, size: int) -> Iterator[str]:
    """A file's text in blocks of whole rows, the line ends at its end left out but for one, as `_lines` does.

    Where all quotes are closed before a line end, their number is even; whether they stand where they may is
    for the reader of the block to say.

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
            end = 0  # lines that are empty go with what follows
        if end:
            yield buffer[:end]
            lines += buffer.count("\n", 0, end)
        elif length > LONGEST:
            advice = "Is a quote never closed? Where no text is in quotes, set dataset.quotes: false."
            raise _too_long(path, lines, advice)
        parts, length = [buffer[end:]], len(buffer) - end
        enough = size if end else 2 * length
    rest = "".join(parts)
    if lines == 1 and "\n" not in rest:
        rest = rest.replace("\r", "\n")
    yield rest.rstrip("\r\n") + "\n"


def _last_row_end(text: str, quotes: bool) -> int:
    """Behind the last line end outside of quotes that something other than line ends follows; 0 where there is none."""
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
