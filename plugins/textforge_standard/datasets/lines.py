"""Dataset `lines`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from textforge_standard.datasets.blocks import BLOCK, whole_lines
from textforge_standard.datasets.columns import Columns, Table
from textforge_standard.datasets.csv_files import SUFFIXES
from textforge_standard.datasets.csv_reader import separator_is_wrong
from textforge_standard.datasets.csv_sniffer import is_table
from textforge_standard.datasets.encodings import UTF_8, detect
from textforge_standard.datasets.files import Files, data_files, decoded_pieces, no_such_encoding, text_of
from textforge_standard.datasets.guess import Column
from textforge_standard.datasets.label_forms import SimilarLabels
from textforge_standard.datasets.packed import content, pieces
from textforge_standard.datasets.splits import HoldOut
from textforge_standard.datasets.streamed import Streaming, streams
from textforge_standard.datasets.tables import Format, Looked
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

Side = Literal["first", "last"]

HEAD = 1 << 16
"""Bytes at the start of a file that decide whether it is a table."""
SEPARATORS = "\t;|,"
"""Separators that `init` tries, most certain first."""
LOOSE = ": "
"""Separators after a first label that it tries next. They occur in any text, so such labels must be frequent."""
FREQUENT = 10
"""Least number of lines per label, on average, for a separator of `LOOSE`."""


@with_groups(separator_is_wrong, no_such_encoding)
def lines(
    seed: int,
    files: Files,
    hold_out: HoldOut,
    streaming: Streaming,
    /,
    *,
    separator: str = "\t",
    label: Side = "last",
    missing: Literal["error", "drop"] = "error",
    similar_labels: SimilarLabels = "keep",
    encoding: str = "utf-8",
) -> Any:
    """Lines of a text and its label, such as `i feel fine;joy`; quotes are text, and there is no header.

    The text may contain the separator: `label` chooses whether a line is split at the first or the last one.

    Options:
        separator: one ASCII character that separates the text from the label.
        label: whether the label is the first or the last field of a line.
        missing: treat lines without text or label as an error, or drop and count them.
        similar_labels: labels that look alike, such as 'joy' and 'joy ', stay separate classes (keep), become one
            (join), or become one regardless of case (ignore_case).
        encoding: character encoding of the files.
    """
    columns = Columns(missing=missing, similar_labels=similar_labels)
    own = {"separator": separator, "label": label, "encoding": encoding}
    return Format(read_lines, line_blocks, own).dataset(seed, files, hold_out, columns, streaming)


def read_lines(
    path: Path, wanted: dict[str, str] | None = None, *, separator: str = "\t", label: Side = "last",
    encoding: str = "utf-8",
) -> Table:  # fmt: skip
    """Read all lines except blank ones; a line without the separator has no label.

    Raises:
        DataError: the file cannot be read, or no line has the separator.
    """
    table = _table(path, text_of(path, encoding), 1, separator, label)
    _refuse_unseparated(path, all(one is None for one in table.columns["label"]), separator)
    return table


def line_blocks(
    path: Path, wanted: dict[str, str], *, separator: str = "\t", label: Side = "last", encoding: str = "utf-8",
    size: int = BLOCK,
) -> Iterator[Table]:  # fmt: skip
    """Yield the rows of `read_lines` block by block, so that a file need not fit in memory.

    Raises:
        DataError: the file cannot be read, or no line has the separator.
    """
    line, unseparated = 1, True
    for text in whole_lines(path, decoded_pieces(path, pieces(path), encoding), size):
        table = _table(path, text, line, separator, label)
        line += text.count("\n")
        unseparated = unseparated and all(one is None for one in table.columns["label"])
        yield table
    _refuse_unseparated(path, unseparated, separator)


def _table(path: Path, text: str, first: int, separator: str, label: Side) -> Table:
    if "\n" not in text:
        text = text.replace("\r", "\n")
    numbers, texts, labels = [], [], list[str | None]()
    for number, line in enumerate(text.split("\n"), start=first):
        if not line or line.isspace():
            continue
        whole = line.removesuffix("\r")
        before, found, after = whole.partition(separator) if label == "first" else whole.rpartition(separator)
        numbers.append(number)
        texts.append(whole if not found else after if label == "first" else before)
        labels.append(None if not found else before if label == "first" else after)
    return Table(path, {"text": texts, "label": labels}, called="lines {}", numbers=numbers)


def _refuse_unseparated(path: Path, unseparated: bool, separator: str) -> None:
    from textforge import DataError

    if unseparated:
        raise DataError(f"{path}: no line has the separator {separator!r}. Set dataset.separator.")


def _look(path: Path) -> Looked:
    """Read a file without knowing its separator; return the table, and the options with reasons.

    Raises:
        DataError: no separator splits the lines into texts and few distinct labels.
    """
    from textforge import DataError

    detected = detect(content(path)) or UTF_8
    best: tuple[Any, ...] | None = None
    for number, separator in enumerate(SEPARATORS):
        for side in ("first", "last"):
            try:
                table = read_lines(path, separator=separator, label=side, encoding=detected.name)
            except DataError:
                continue
            if (score := _score(table)) is not None and (best is None or (score, -number) > best[:2]):
                best = (score, -number, table, separator, side)
    best = best or _loosely(path, detected.name)
    if best is None:
        raise DataError(
            f"{path}: its lines are not labelled texts. Each needs one of a few labels before or after a tab, ';', '|' "
            "or ',', or before ':' or a space, as in 'i feel fine;joy'; or fastText's format, "
            "'__label__joy i feel fine'."
        )
    *_, table, separator, side = best
    options: dict[str, Any] = {"separator": separator, "label": side}
    why = {"separator": "as nearly all lines show", "label": f"the {side} field has few distinct values"}
    if detected.name != "utf-8":
        options["encoding"], why["encoding"] = detected.name, detected.how_sure
    return table, options, why


def _loosely(path: Path, encoding: str) -> tuple[Any, ...] | None:
    """The table of the first separator of `LOOSE` that splits off frequent labels, as `_look` compares them."""
    from textforge import DataError

    for number, separator in enumerate(LOOSE):
        try:
            table = read_lines(path, separator=separator, label="first", encoding=encoding)
        except DataError:
            continue
        counts = Counter(table.columns["label"])
        frequent = min(counts.values()) > 1 and len(table) >= FREQUENT * len(counts)
        spaced = separator == " " or all(text.startswith(" ") for text in table.columns["text"])
        if frequent and spaced and (score := _score(table)) is not None:
            return score, -number, table, separator, "first"
    return None


def _score(table: Table) -> float | None:
    """The fraction of lines with the separator; None if it is at most 0.9 or the labels do not look like labels."""
    label, text = Column("label", table.columns["label"]), Column("text", table.columns["text"])
    if not label.may_label or label.words > 4 or text.words < 1:
        return None
    labelled = len(label.texts) / len(table)
    return round(labelled, 2) if labelled > 0.9 else None


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a file of lines; None for a table with columns, and for lines in fastText's format."""
    paths = data_files(path, SUFFIXES)
    if not paths or "__label__" in (first := _head(paths["train"])) or is_table(first):
        return None
    table, own, why = _look(paths["train"])
    unlabelled = sum(label is None for label in table.columns["label"])
    options: dict[str, Any] = {**paths, **own}
    if incomplete := sum(not (text.strip() and (label or "").strip()) for text, label in zip(
        table.columns["text"], table.columns["label"], strict=True
    )):  # fmt: skip
        options["missing"], why["missing"] = "drop", f"{incomplete} lines have no text or no label"
    remarks = [f"{len(table):,} lines of a text and its label; {unlabelled:,} of them lack the separator."]
    return {"options": options, "why": why, "remarks": remarks, "multi_label": False}


def _head(path: Path) -> str:
    return content(path)[:HEAD].decode("utf-8", "replace")


declare(lines, streams=streams, look_at=_look_at)
